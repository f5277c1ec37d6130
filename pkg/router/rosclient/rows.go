package rosclient

import (
	"context"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Rows lists a menu, such as "/queue/type", with all properties, as the router
// prints them: for comparisons. Whoever changes a row uses the other calls, which
// check what they read.
func (c *Client) Rows(ctx context.Context, menu string) ([]rosdata.Row, error) {
	return list(c, ctx, Query{Menu: menu}, func(r rosdata.Row) (rosdata.Row, error) { return r, nil })
}
