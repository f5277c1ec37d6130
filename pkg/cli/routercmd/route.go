package routercmd

import (
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

func newRouteCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("route", "Show routes",
		"Read the IPv4 routes of the router: a rule that steers names the routing table of the other WAN.",
		newRouteGetCmd(a, o))
}

func newRouteGetCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerRoute](a, listRows(a, o, &cobra.Command{
		Use:   "get",
		Short: "List IPv4 routes with their routing tables",
		Long:  "Print the IPv4 routes of the router with their routing tables.",
		Example: `  wanctl router route get --wan spectrum
  wanctl router route get --wan spectrum -o jsonl | jq 'select(.routing_table != "main")'`,
	}, router.Client.Routes, newRouterRoute, routeColumns()))
}

func newRouterRoute(r router.Route) routerRoute {
	return routerRoute{
		Destination: r.Destination, Gateway: r.Gateway, Table: r.Table, Distance: r.Distance,
		Active: r.Active, Dynamic: r.Dynamic, Disabled: r.Disabled, Blackhole: r.Blackhole, Comment: r.Comment,
	}
}

func routeColumns() []output.Column[routerRoute] {
	return []output.Column[routerRoute]{
		output.Text("DESTINATION", func(r routerRoute) string { return r.Destination }),
		output.Text("GATEWAY", func(r routerRoute) string {
			if r.Blackhole {
				return "blackhole"
			}
			return r.Gateway
		}),
		output.Text("TABLE", func(r routerRoute) string { return r.Table }),
		output.Number("DISTANCE", func(r routerRoute) string { return strconv.Itoa(r.Distance) }),
		output.Text("STATE", routerRoute.state),
		output.Text("COMMENT", func(r routerRoute) string { return r.Comment }),
	}
}

// state returns the state of a route in one word.
func (r routerRoute) state() string {
	switch {
	case r.Disabled:
		return "disabled"
	case r.Active:
		return "active"
	}
	return "inactive"
}
