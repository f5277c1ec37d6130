package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerRoute is the output for programs.
type routerRoute struct {
	Destination string `json:"destination"`
	Gateway     string `json:"gateway,omitempty"`
	Table       string `json:"routing_table"`
	Distance    int    `json:"distance"`
	Active      bool   `json:"active"`
	Dynamic     bool   `json:"dynamic"`
	Disabled    bool   `json:"disabled"`
	Blackhole   bool   `json:"blackhole"`
	Comment     string `json:"comment,omitempty"`
}

func newRouterRouteCmd(a *app.App, o *routerFlags) *cobra.Command {
	return newRouterGroup("route", "Routes of the router",
		"Read the IPv4 routes of the router: a rule that steers names the routing table of the other WAN.",
		newRouteGetCmd(a, o))
}

func newRouteGetCmd(a *app.App, o *routerFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "get",
		Short: "IPv4 routes and their routing tables",
		Long:  "Print the IPv4 routes of the router with their routing tables.\n\n" + app.ExitStatuses,
		Example: `  wanctl router route get --wan spectrum
  wanctl router route get --wan spectrum -o jsonl | jq 'select(.routing_table != "main")'`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				routes, err := client.Routes(ctx)
				if err != nil {
					return err
				}
				shown := make([]routerRoute, len(routes))
				for i, r := range routes {
					shown[i] = routerRoute{
						Destination: r.Destination, Gateway: r.Gateway, Table: r.Table, Distance: r.Distance,
						Active: r.Active, Dynamic: r.Dynamic, Disabled: r.Disabled, Blackhole: r.Blackhole, Comment: r.Comment,
					}
				}
				return list(a, shown, routeColumns(), routeFields())
			})
		},
	}
}

func routeColumns() []output.Column[routerRoute] {
	return []output.Column[routerRoute]{
		text("DESTINATION", func(r routerRoute) string { return r.Destination }),
		text("GATEWAY", func(r routerRoute) string {
			if r.Blackhole {
				return "blackhole"
			}
			return r.Gateway
		}),
		text("TABLE", func(r routerRoute) string { return r.Table }),
		number("DISTANCE", func(r routerRoute) string { return strconv.Itoa(r.Distance) }),
		text("STATE", routerRoute.state),
		text("COMMENT", func(r routerRoute) string { return r.Comment }),
	}
}

func routeFields() []output.Column[routerRoute] {
	return []output.Column[routerRoute]{
		field("destination", func(r routerRoute) any { return r.Destination }),
		field("gateway", func(r routerRoute) any { return r.Gateway }),
		field("routing_table", func(r routerRoute) any { return r.Table }),
		field("distance", func(r routerRoute) any { return r.Distance }),
		field("active", func(r routerRoute) any { return r.Active }),
		field("dynamic", func(r routerRoute) any { return r.Dynamic }),
		field("disabled", func(r routerRoute) any { return r.Disabled }),
		field("blackhole", func(r routerRoute) any { return r.Blackhole }),
		field("comment", func(r routerRoute) any { return r.Comment }),
	}
}

// state is what a person should know of a route.
func (r routerRoute) state() string {
	switch {
	case r.Disabled:
		return "disabled"
	case r.Active:
		return "active"
	}
	return "inactive"
}
