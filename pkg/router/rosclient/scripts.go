package rosclient

import (
	"context"
	"errors"
	"slices"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Scripts lists /system/script.
func (c *Client) Scripts(ctx context.Context) ([]router.Script, error) {
	return list(c, ctx, Query{Menu: scripts.menu, Props: rosdata.ScriptProps}, rosdata.Script)
}

// RunScript runs one script.
func (c *Client) RunScript(ctx context.Context, name string) error {
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return err
	}
	defer end()
	rows, err := c.named(ctx, scripts, scripts.identity(), name)
	if err != nil {
		return err
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	o := c.transport.Change(ctx, Change{Menu: scripts.menu, Command: "run", ID: rows[0][".id"]})[0]
	if errors.Is(o.Err, ErrNotSent) {
		return c.target.NotSent()
	}
	return c.noteAuth(o.Err)
}

// Routes lists /ip/route.
func (c *Client) Routes(ctx context.Context) ([]router.Route, error) {
	return list(c, ctx, Query{Menu: "/ip/route"}, rosdata.Route)
}

// DefaultRoutes lists the default routes of /ip/route.
func (c *Client) DefaultRoutes(ctx context.Context) ([]router.Route, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.query(ctx, Query{Menu: "/ip/route", Props: rosdata.RouteProps, Where: []Match{{"dst-address", []string{"0.0.0.0/0"}}}})
	if err != nil {
		return nil, err
	}
	routes, err := items(c, rows, rosdata.Route)
	return slices.DeleteFunc(routes, func(r router.Route) bool { return !r.Default() }), err
}
