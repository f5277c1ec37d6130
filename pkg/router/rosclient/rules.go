package rosclient

import (
	"context"
	"strconv"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Rules lists /ip/firewall/mangle.
func (c *Client) Rules(ctx context.Context) ([]router.Rule, error) {
	return list(c, ctx, Query{Menu: mangle.menu}, rosdata.Rule)
}

// Rule reads one mangle rule.
func (c *Client) Rule(ctx context.Context, comment string) (router.Rule, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return router.Rule{}, err
	}
	defer end()
	return c.rule(ctx, comment)
}

func (c *Client) rule(ctx context.Context, comment string) (router.Rule, error) {
	r, err := c.refetch(ctx, mangle, nil, comment)
	if err != nil {
		return router.Rule{}, err
	}
	return c.ruleOf(r)
}

func (c *Client) ruleOf(r rosdata.Row) (router.Rule, error) {
	rule, err := rosdata.Rule(r)
	if err != nil {
		return rule, c.malformed(err)
	}
	return rule, nil
}

// SetRule enables or disables one mangle rule. It reads the table first each time:
// which rule has that comment, and whether it may be changed, is not cached.
func (c *Client) SetRule(ctx context.Context, comment string, enabled bool) (router.Rule, error) {
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return router.Rule{}, err
	}
	defer end()
	rule, err := c.rule(ctx, comment)
	if err != nil {
		return rule, err
	}
	if rule.Dynamic {
		return rule, c.target.Fail(router.ErrDynamic, "mangle rule "+rosdata.Quote(comment)+" is dynamic: the router made it and does not let it be changed",
			"give the rule that shall be switched a comment of its own")
	}
	rows, err := c.edit(ctx, mangle, nil, edit{comment, map[string]string{"disabled": strconv.FormatBool(!enabled)}})
	if rows[0] == nil {
		return rule, err
	}
	if now, bad := c.ruleOf(rows[0]); bad == nil {
		rule = now
	} else if err == nil {
		err = bad
	}
	return rule, err
}
