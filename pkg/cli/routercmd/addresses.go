package routercmd

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerAddress is the output for programs. A timeout is absent for an entry
// that stays.
type routerAddress struct {
	List     string   `json:"list"`
	Address  string   `json:"address"`
	Comment  string   `json:"comment,omitempty"`
	Timeout  *float64 `json:"timeout_seconds,omitempty"`
	Created  string   `json:"created_local,omitempty"` // by the clock and in the time zone of the router
	Disabled bool     `json:"disabled"`
	Dynamic  bool     `json:"dynamic"`
}

func newListCmd(a *app.App, o *connFlags) *cobra.Command {
	return newGroup("address-list", "Show and change address lists",
		"Read address lists of the router's firewall, and add and remove entries.",
		newListGetCmd(a, o), newListAddCmd(a, o), newListRemoveCmd(a, o))
}

func newListGetCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerAddress](a, &cobra.Command{
		Use:   "get [LIST]",
		Short: "List the entries of all address lists, or of one",
		Long: `Print the entries of all address lists, or of the one of that exact name, those
of IPv4 before those of IPv6.

A list exists by its entries: one without any is absent, which is status 5. The
time left is absent, or empty in CSV, for entries that stay.`,
		Example: `  wanctl router address-list get --wan spectrum
  wanctl router address-list get FORCE_OUT_ATT --host 192.168.88.1 -o csv`,
		Args:              app.UsageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: o.complete(a, listNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				if name = args[0]; name == "" {
					return app.Usagef("a list has a name; without LIST, all lists are printed")
				}
			}
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				entries, err := client.Addresses(ctx, name)
				if err != nil {
					return err
				}
				if len(entries) == 0 && name != "" {
					return absentList(ctx, client, name)
				}
				return printRows(a, entries, newRouterAddress, addressColumns())
			})
		},
	})
}

// absentList returns an error that says that a list has no entry, and which lists exist.
func absentList(ctx context.Context, client router.Client, name string) error {
	entries, err := client.Addresses(ctx, "")
	if err != nil {
		return err
	}
	var quoted []string
	seen := map[string]bool{}
	for _, e := range entries {
		if !seen[e.List] {
			seen[e.List] = true
			quoted = append(quoted, strconv.Quote(e.List))
		}
	}
	const most = 8
	switch {
	case len(quoted) == 0:
		return app.Checkf("address list %q: no entries; the router has no address lists", name)
	case len(quoted) > most:
		quoted = append(quoted[:most], "and others")
	}
	return app.Checkf("address list %q: no entries; the router has %s", name, strings.Join(quoted, ", "))
}

func newRouterAddress(e router.Address) routerAddress {
	shown := routerAddress{
		List: e.List, Address: e.Address, Comment: e.Comment,
		Created: e.Created, Disabled: e.Disabled, Dynamic: e.Dynamic,
	}
	if e.Timeout > 0 {
		left := e.Timeout.Seconds()
		shown.Timeout = &left
	}
	return shown
}

func addressColumns() []output.Column[routerAddress] {
	return []output.Column[routerAddress]{
		output.Text("LIST", func(e routerAddress) string { return e.List }),
		output.Text("ADDRESS", func(e routerAddress) string { return e.Address }),
		output.Number("LEFT", func(e routerAddress) string { return secondsText(e.Timeout) }),
		output.Text("STATE", routerAddress.state),
		output.Text("CREATED", func(e routerAddress) string { return e.Created }),
		output.Text("COMMENT", func(e routerAddress) string { return e.Comment }),
	}
}

// state returns the state of an entry in one word.
func (e routerAddress) state() string {
	switch {
	case e.Disabled:
		return "disabled"
	case e.Dynamic:
		return "dynamic"
	}
	return "ok"
}

func secondsText(s *float64) string {
	if s == nil {
		return "stays"
	}
	return time.Duration(*s * float64(time.Second)).Truncate(time.Second).String()
}

func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}
