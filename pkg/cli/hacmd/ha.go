// Package hacmd is `wanctl ha`: what several nodes have agreed on about a router. It reads and
// writes the claims on the router itself, so that it works from any host with a configuration.
package hacmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/ha"
)

const haLong = `Show and move the ownership of routers among several nodes: hosts that run 'wanctl run'
with the same configurations and a node.yaml beside them. The loops of a router run on the
node that owns it; the others stand by, and take it over when that falls silent.

To begin: 'wanctl router export --ha' prints the two firewall rules that the router needs,
and 'wanctl ha check' tries on it what nodes need of it. Then write
node.yaml on each node, and restart wanctl:

  node: {name: pop1-a}
  ha: {order: [pop1-a, pop1-b]}

With 'ha.claims: etcd' the claims are in an etcd instead; wanctl-config(5) has the keys.`

// New returns the command with its subcommands.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{Use: "ha", Short: "Several nodes: who owns a router", Long: haLong, GroupID: app.GroupTools, RunE: app.NeedSubcommand}
	cmd.AddCommand(newStatusCmd(a), newCheckCmd(a), newDrainCmd(a), newMoveCmd(a))
	return cmd
}

// bases returns the configurations of the routers that the flags name, or of all of the
// directory, one for each router.
func bases(a *app.App, cmd *cobra.Command) ([]*config.Base, error) {
	g := &a.Global
	paths := config.Files(g.ConfigDir)
	if g.Config != "" || len(g.WANs) > 0 || len(paths) == 0 {
		var err error
		if paths, err = a.ConfigPaths(); err != nil {
			return nil, err
		}
	}
	all := map[string]*config.Base{}
	for _, path := range paths {
		var b *config.Base
		if config.DetectKind(path) == config.KindSteering {
			s, err := a.ReadSteering(path, a.ConfigOptions())
			if err != nil {
				return nil, err
			}
			b = &s.Base
		} else {
			w, err := a.ReadWAN(path, a.ConfigOptions())
			if err != nil {
				return nil, err
			}
			b = &w.Base
		}
		if all[b.Router.Host] == nil {
			all[b.Router.Host] = b
		}
	}
	var list []*config.Base
	for _, host := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[host])
	}
	return list, nil
}

// node returns the configuration of this host's node; nil without one.
func node(a *app.App) (*config.Node, error) {
	n, _, err := config.LoadNode(a.Global.ConfigDir, "", a.ConfigOptions())
	if n != nil && !n.Enabled {
		n = nil
	}
	return n, err
}

// claims returns the claims of a router, from the address that this node has.
func claims(a *app.App, b *config.Base) (owner.Claims, error) {
	n, err := node(a)
	if err != nil {
		return nil, err
	}
	store, err := owner.NewStore(n)
	if err != nil {
		return nil, err
	}
	return store.Claims(b, routerdial.Bounds{Timeout: b.Timeouts.Command})
}

func read(ctx context.Context, c owner.Claims) (ha.View, error) {
	e, err := c.Do(ctx, ha.Action{Op: ha.Read})
	return e.View, err
}

// ownership is the output for programs.
type ownership struct {
	Router  string             `json:"router"`
	Owner   string             `json:"owner"`
	Address string             `json:"address"`
	Epoch   uint64             `json:"epoch"`
	Alive   bool               `json:"alive"`
	Rules   bool               `json:"rules"`
	Latest  string             `json:"latest_claim"`
	Fenced  map[string]float64 `json:"fenced_seconds"`
}

func newStatusCmd(a *app.App) *cobra.Command {
	return app.Prints[ownership](a, &cobra.Command{
		Use: "status", Short: "Show who owns each router", Args: app.UsageArgs(cobra.NoArgs),
		Long: `Show who owns each router of the configuration directory, as the router has it: the node,
its address and the epoch of its claim, whether it gave a sign of life in the last second,
and who is fenced for how much longer. How this node sees it is in the health document
of 'wanctl run'.`,
		Example: "  wanctl ha status\n  wanctl ha status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := bases(a, cmd)
			if err != nil {
				return err
			}
			var all []ownership
			for _, b := range list {
				o, err := status(cmd.Context(), a, b)
				if err != nil {
					return err
				}
				all = append(all, o)
			}
			return output.List(a.Out, a.Global.Output, all, []output.Column[ownership]{
				output.Text("ROUTER", func(o ownership) string { return o.Router }),
				output.Text("OWNER", func(o ownership) string { return dash(o.Owner) }),
				output.Text("ADDRESS", func(o ownership) string { return dash(o.Address) }),
				output.Number("EPOCH", func(o ownership) string { return fmt.Sprint(o.Epoch) }),
				output.Text("ALIVE", func(o ownership) string { return output.YesNo(o.Alive) }),
				output.Text("RULES", func(o ownership) string { return output.YesNo(o.Rules) }),
				output.Text("FENCED", func(o ownership) string {
					return dash(strings.Join(slices.Sorted(maps.Keys(o.Fenced)), " "))
				}),
			})
		},
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// watched is how long a sign of life is waited for.
const watched = time.Second

func status(ctx context.Context, a *app.App, b *config.Base) (ownership, error) {
	c, err := claims(a, b)
	if err != nil {
		return ownership{}, err
	}
	defer func() { _ = c.Close() }()
	before, err := read(ctx, c)
	if err != nil {
		return ownership{}, err
	}
	if before.Log.Owner() != (ha.Entry{}) {
		select {
		case <-time.After(watched):
		case <-ctx.Done():
			return ownership{}, ctx.Err()
		}
	}
	v, err := read(ctx, c)
	if err != nil {
		return ownership{}, err
	}
	fenced, err := c.Fenced(ctx)
	if err != nil {
		return ownership{}, err
	}
	now := v.Log.Owner()
	o := ownership{Router: b.Router.Host, Owner: now.Node, Address: now.Address, Epoch: now.Epoch, Alive: v.Beats != before.Beats || v.Lease == ha.LeaseHeld, Rules: v.Guarded, Fenced: map[string]float64{}}
	if latest := v.Log.Latest(); latest.Epoch > 0 {
		o.Latest = fmt.Sprintf("%s by %s", latest.Kind, latest.Node)
	}
	for address, left := range fenced {
		o.Fenced[address] = left.Seconds()
	}
	return o, nil
}

// finding is the output for programs.
type finding struct {
	Router string `json:"router"`
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Text   string `json:"text"`
}

func newCheckCmd(a *app.App) *cobra.Command {
	return app.Prints[finding](a, &cobra.Command{
		Use: "check", Short: "Try on each router what several nodes need of it", Args: app.UsageArgs(cobra.NoArgs),
		Long: `Try on each router of the configuration directory what several nodes need of it: that the
rules are there, that of two claims one is refused, that the router counts the packets from
this host under the address that it has, and that it drops them while this host is fenced.
For the last, this host is fenced for three seconds, unless it owns the router. All that is
added to address lists goes by itself within seconds; nothing is written to flash.

Run it on each node.`,
		Example: "  wanctl ha check",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := bases(a, cmd)
			if err != nil {
				return err
			}
			var all []finding
			failed := 0
			for _, b := range list {
				findings, err := check(cmd.Context(), a, b)
				if err != nil {
					return err
				}
				for _, f := range findings {
					all = append(all, finding{b.Router.Host, f.Check, f.OK, f.Text})
					if !f.OK {
						failed++
					}
				}
			}
			err = output.List(a.Out, a.Global.Output, all, []output.Column[finding]{
				output.Text("ROUTER", func(f finding) string { return f.Router }),
				output.Text("CHECK", func(f finding) string { return f.Check }),
				output.Text("OK", func(f finding) string { return output.YesNo(f.OK) }),
				output.Text("", func(f finding) string { return f.Text }),
			})
			if err == nil && failed > 0 {
				err = app.Checkf("%d of %d checks failed", failed, len(all))
			}
			return err
		},
	})
}

func check(ctx context.Context, a *app.App, b *config.Base) ([]owner.Finding, error) {
	c, err := claims(a, b)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	other, err := claims(a, b)
	if err != nil {
		return nil, err
	}
	defer func() { _ = other.Close() }()
	return owner.Check(ctx, c, other)
}

func newDrainCmd(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "drain [NODE]", Short: "Have a node hand over all its routers", Args: app.UsageArgs(cobra.MaximumNArgs(1)),
		Long: `Ask a node, this one by default, to hand over all routers of the configuration directory
that it owns. Another node takes each over in less than a second. Where none does, the
node takes it back, and the exit status is 5.

'systemctl stop wanctl' does the same and ends the node, which 'ha drain' leaves
as a standby.`,
		Example: "  wanctl ha drain\n  wanctl ha drain pop1-a",
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.Global.Output != output.Table {
				return app.Usagef("ha drain has no -o %s: wanctl ha status -o %[1]s", a.Global.Output)
			}
			from := ""
			if len(args) > 0 {
				from = args[0]
			} else {
				n, err := node(a)
				if err != nil {
					return err
				}
				if n == nil {
					return app.Usagef("name a node: this host has no node.yaml in %s", a.Global.ConfigDir)
				}
				from = n.Name
			}
			list, err := bases(a, cmd)
			if err != nil {
				return err
			}
			for _, b := range list {
				if err := move(cmd.Context(), a, b, from, ""); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newMoveCmd(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "move ROUTER NODE", Short: "Have a node take over a router", Args: app.UsageArgs(cobra.ExactArgs(2)),
		Long: `Ask the owner of a router, which is named as router.host of its configurations names it, to
hand it over to a node. Where that does not take it, another does, or the owner takes it
back, and the exit status is 5.`,
		Example: "  wanctl ha move 192.168.88.1 pop1-b",
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.Global.Output != output.Table {
				return app.Usagef("ha move has no -o %s: wanctl ha status -o %[1]s", a.Global.Output)
			}
			list, err := bases(a, cmd)
			if err != nil {
				return err
			}
			for _, b := range list {
				if b.Router.Host == args[0] {
					return move(cmd.Context(), a, b, "", args[1])
				}
			}
			return app.Usagef("no configuration in %s has the router %s", a.Global.ConfigDir, args[0])
		},
	}
}

// moved is how long a hand-over may take.
const moved = 15 * time.Second

// move asks the owner of a router, or from alone, to hand it over, and waits until it has.
func move(ctx context.Context, a *app.App, b *config.Base, from, to string) error {
	c, err := claims(a, b)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	v, err := read(ctx, c)
	if err != nil {
		return err
	}
	old := v.Log.Owner()
	switch {
	case old == (ha.Entry{}):
		return app.Checkf("router %s has no owner: wanctl ha status", b.Router.Host)
	case from != "" && old.Node != from:
		return nil // it has nothing to hand over
	case old.Node == to:
		return nil
	}
	if _, err := c.Do(ctx, ha.Action{Op: ha.Request, Ask: ha.Ask{From: old.Node, To: to}}); err != nil {
		return err
	}
	for end := time.Now().Add(moved); time.Now().Before(end); {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		if v, err = read(ctx, c); err != nil {
			return err
		}
		now := v.Log.Owner()
		switch {
		case now == (ha.Entry{}) || now.Epoch <= old.Epoch || now.Epoch == old.Epoch+1:
		case now.Node == to || to == "" && now.Node != old.Node:
			_, err := fmt.Fprintf(a.Out, "router %s: %s handed over to %s\n", b.Router.Host, old.Node, now.Node)
			return err
		default:
			return app.Checkf("router %s: %s is its owner again, or still: %s has not taken it", b.Router.Host, now.Node, orAny(to))
		}
	}
	return app.Checkf("router %s was not handed over within %v: wanctl ha status", b.Router.Host, moved)
}

func orAny(node string) string {
	if node == "" {
		return "no other node"
	}
	return node
}
