package routertest

import (
	"context"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// steering is the comment of the rule that the default configuration has for
// it, disabled.
const steering = "ADAPTIVE: Steer latency-sensitive traffic"

// wantRule checks what the router itself holds.
func (b *bench) wantRule(comment string, enabled bool) {
	b.Helper()
	row, ok := b.r.State().Row("/ip/firewall/mangle", "comment", comment)
	if !ok {
		b.Errorf("router does not have exactly one rule %q", comment)
	} else if row["disabled"] == "true" == enabled {
		b.Errorf("router holds disabled=%s for %q", row["disabled"], comment)
	}
}

var rules = []test{
	{name: "in the router's order", run: func(b *bench) {
		got, err := b.c.Rules(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		var comments []string
		for _, r := range got {
			comments = append(comments, r.Comment)
		}
		if diff := cmp.Diff([]string{"wan1 download", "wan1 upload", steering}, comments); diff != "" {
			b.Fatalf("-want +got\n%s", diff)
		}
		want := router.Rule{
			Comment: steering, Chain: "prerouting", Action: "mark-routing", Disabled: true,
			Params: map[string]string{
				"new-routing-mark": "to-alternate", "passthrough": "false", "connection-mark": "latency-sensitive",
				"connection-state": "new", "log": "false", "log-prefix": "",
			},
		}
		if diff := cmp.Diff(want, got[2]); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "one rule", run: func(b *bench) {
		r, err := b.c.Rule(b.ctx(), "wan1 upload")
		if err != nil || r.Params["new-packet-mark"] != "wan1-upload" || r.Disabled {
			b.Errorf("got %+v, %v", r, err)
		}
	}},
	{name: "enabled and disabled", run: func(b *bench) {
		for _, on := range []bool{true, false, true} {
			r, err := b.c.SetRule(b.ctx(), steering, on)
			if err != nil || r.Disabled == on || r.Comment != steering {
				b.Errorf("got %+v, %v; want enabled=%t", r, err, on)
			}
			b.wantRule(steering, on)
		}
		b.wantRule("wan1 upload", true)
		if n := b.r.Writes(); n != 3 {
			b.Errorf("%d writes, want 3", n)
		}
	}},
	{name: "part of a comment is not the comment", run: func(b *bench) {
		for _, c := range []string{"ADAPTIVE", strings.ToLower(steering), steering + " ", ""} {
			_, err := b.c.SetRule(b.ctx(), c, true)
			b.wantError(err, router.ErrNotFound)
		}
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "two rules of one comment", run: func(b *bench) {
		b.run(`/ip firewall mangle add chain=prerouting action=accept disabled=yes comment="` + steering + `"`)
		_, err := b.c.Rule(b.ctx(), steering)
		b.wantError(err, router.ErrAmbiguous)
		_, err = b.c.SetRule(b.ctx(), steering, true)
		b.wantError(err, router.ErrAmbiguous)
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "dynamic rule", run: func(b *bench) {
		b.r.State().SetDynamic("/ip/firewall/mangle", "comment", steering)
		r, err := b.c.Rule(b.ctx(), steering)
		if err != nil || !r.Dynamic {
			b.Errorf("got %+v, %v", r, err)
		}
		_, err = b.c.SetRule(b.ctx(), steering, true)
		b.wantError(err, router.ErrDynamic)
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "odd comments", run: func(b *bench) {
		for _, comment := range []string{
			`a "quote" $x [y] \ ; {z}`, "T\xfcr \x80", "two\r\nlines", " spaces ", ";;; three", "=x=y", "?a=b", "*3", "ümläut", "tab\tbell\a",
		} {
			add := routeros.Command{Path: "/ip/firewall/mangle", Name: "add", Args: map[string]string{
				"chain": "prerouting", "action": "accept", "disabled": "yes", "comment": comment,
			}}
			if _, err := b.r.State().Run(nil, add); err != nil {
				b.Fatal(err)
			}
			if r, err := b.c.SetRule(b.ctx(), comment, true); err != nil || r.Comment != comment || r.Disabled {
				b.Errorf("rule %q: got %+v, %v", comment, r, err)
			}
			b.wantRule(comment, true)
		}
		b.wantRule(steering, false)
	}},
	{name: "moved to another place", run: func(b *bench) {
		if _, err := b.c.Rule(b.ctx(), steering); err != nil {
			b.Fatal(err)
		}
		b.run(`/ip firewall mangle move [find comment="` + steering + `"] destination=[find comment="wan1 download"]`)
		if _, err := b.c.SetRule(b.ctx(), steering, true); err != nil {
			b.Error(err)
		}
		b.wantRule(steering, true)
	}},
	{name: "success without effect", run: func(b *bench) {
		b.r.Inject(simrouter.Fault{Kind: simrouter.Ignore, Command: "set"})
		_, err := b.c.SetRule(b.ctx(), steering, true)
		b.wantError(err, router.ErrNotApplied)
	}},
	{name: "connection reset after it was switched", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1, Applied: true})
		if r, err := b.c.SetRule(b.ctx(), steering, true); err != nil || r.Disabled {
			b.Errorf("got %+v, %v", r, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}},
	{name: "connection reset before it was switched", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := b.c.SetRule(b.ctx(), steering, true); err != nil {
			b.Error(err)
		}
		b.wantRule(steering, true)
	}},
	{name: "switch that was never answered", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: "set", Times: 1})
		ctx, cancel := context.WithTimeout(b.ctx(), soon)
		defer cancel()
		_, err := b.c.SetRule(ctx, steering, true)
		b.wantError(err, router.ErrOutcomeUnknown)
		if r, err := b.c.Rule(b.ctx(), steering); err != nil || !r.Disabled {
			b.Errorf("read back: %+v, %v", r, err)
		}
	}},
	{name: "no policy to write", client: Options{User: "reader", Password: secret}, run: func(b *bench) {
		if err := b.r.State().AddUser("reader", secret, "read", "rest-api", "api", "ssh"); err != nil {
			b.Fatal(err)
		}
		_, err := b.c.SetRule(b.ctx(), steering, true)
		b.wantError(err, router.ErrDenied)
		b.wantRule(steering, false)
	}},
}
