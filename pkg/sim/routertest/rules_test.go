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

// wantRule checks the rule on the router itself.
func (f *fixture) wantRule(comment string, enabled bool) {
	f.Helper()
	row, ok := f.r.State().Row("/ip/firewall/mangle", "comment", comment)
	if !ok {
		f.Errorf("router does not have exactly one rule %q", comment)
	} else if row["disabled"] == "true" == enabled {
		f.Errorf("router holds disabled=%s for %q", row["disabled"], comment)
	}
}

var rules = []test{
	{name: "in the router's order", run: func(f *fixture) {
		got, err := f.c.Rules(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		var comments []string
		for _, r := range got {
			comments = append(comments, r.Comment)
		}
		if diff := cmp.Diff([]string{"wan1 download", "wan1 upload", steering}, comments); diff != "" {
			f.Fatalf("-want +got\n%s", diff)
		}
		want := router.Rule{
			Comment: steering, Chain: "prerouting", Action: "mark-routing", Disabled: true,
			Params: map[string]string{
				"new-routing-mark": "to-alternate", "passthrough": "false", "connection-mark": "latency-sensitive",
				"connection-state": "new",
			},
		}
		if !f.r.State().Version().AtLeast(7, 23) { // absent until set
			want.Params["log"], want.Params["log-prefix"] = "false", ""
		}
		if diff := cmp.Diff(want, got[2]); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "one rule", run: func(f *fixture) {
		r, err := f.c.Rule(f.ctx(), "wan1 upload")
		if err != nil || r.Params["new-packet-mark"] != "wan1-upload" || r.Disabled {
			f.Errorf("got %+v, %v", r, err)
		}
	}},
	{name: "enabled and disabled", run: func(f *fixture) {
		for _, on := range []bool{true, false, true} {
			r, err := f.c.SetRule(f.ctx(), steering, on)
			if err != nil || r.Disabled == on || r.Comment != steering {
				f.Errorf("got %+v, %v; want enabled=%t", r, err, on)
			}
			f.wantRule(steering, on)
		}
		f.wantRule("wan1 upload", true)
		if n := f.r.Writes(); n != 3 {
			f.Errorf("%d writes, want 3", n)
		}
	}},
	{name: "added without disabled", run: func(f *fixture) {
		f.run(`/ip firewall mangle add chain=prerouting action=accept comment=bare`)
		for _, on := range []bool{true, false, true} {
			r, err := f.c.SetRule(f.ctx(), "bare", on)
			if err != nil || r.Disabled == on {
				f.Errorf("got %+v, %v; want enabled=%t", r, err, on)
			}
			f.wantRule("bare", on)
		}
	}},
	{name: "part of a comment is not the comment", run: func(f *fixture) {
		for _, c := range []string{"ADAPTIVE", strings.ToLower(steering), steering + " ", ""} {
			_, err := f.c.SetRule(f.ctx(), c, true)
			f.wantError(err, router.ErrNotFound)
		}
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "two rules of one comment", run: func(f *fixture) {
		f.run(`/ip firewall mangle add chain=prerouting action=accept disabled=yes comment="` + steering + `"`)
		_, err := f.c.Rule(f.ctx(), steering)
		f.wantError(err, router.ErrAmbiguous)
		_, err = f.c.SetRule(f.ctx(), steering, true)
		f.wantError(err, router.ErrAmbiguous)
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "dynamic rule", run: func(f *fixture) {
		f.r.State().SetDynamic("/ip/firewall/mangle", "comment", steering)
		r, err := f.c.Rule(f.ctx(), steering)
		if err != nil || !r.Dynamic {
			f.Errorf("got %+v, %v", r, err)
		}
		_, err = f.c.SetRule(f.ctx(), steering, true)
		f.wantError(err, router.ErrDynamic)
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "odd comments", run: func(f *fixture) {
		for _, comment := range []string{
			`a "quote" $x [y] \ ; {z}`, "T\xfcr \x80", "two\r\nlines", " spaces ", ";;; three", "=x=y", "?a=b", "*3", "ümläut", "tab\tbell\a",
		} {
			add := routeros.Command{Path: "/ip/firewall/mangle", Name: "add", Args: map[string]string{
				"chain": "prerouting", "action": "accept", "disabled": "yes", "comment": comment,
			}}
			if _, err := f.r.State().Run(nil, add); err != nil {
				f.Fatal(err)
			}
			if r, err := f.c.SetRule(f.ctx(), comment, true); err != nil || r.Comment != comment || r.Disabled {
				f.Errorf("rule %q: got %+v, %v", comment, r, err)
			}
			f.wantRule(comment, true)
		}
		f.wantRule(steering, false)
	}},
	{name: "moved to another place", run: func(f *fixture) {
		if _, err := f.c.Rule(f.ctx(), steering); err != nil {
			f.Fatal(err)
		}
		f.run(`/ip firewall mangle move [find comment="` + steering + `"] destination=[find comment="wan1 download"]`)
		if _, err := f.c.SetRule(f.ctx(), steering, true); err != nil {
			f.Error(err)
		}
		f.wantRule(steering, true)
	}},
	{name: "success without effect", run: func(f *fixture) {
		f.r.Inject(simrouter.Fault{Kind: simrouter.Ignore, Command: "set"})
		_, err := f.c.SetRule(f.ctx(), steering, true)
		f.wantError(err, router.ErrNotApplied)
	}},
	{name: "connection reset after it was switched", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1, Applied: true})
		if r, err := f.c.SetRule(f.ctx(), steering, true); err != nil || r.Disabled {
			f.Errorf("got %+v, %v", r, err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}},
	{name: "connection reset before it was switched", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := f.c.SetRule(f.ctx(), steering, true); err != nil {
			f.Error(err)
		}
		f.wantRule(steering, true)
	}},
	{name: "switch that was never answered", run: func(f *fixture) {
		f.warm()
		err := f.stalled("set", func(ctx context.Context) error {
			_, err := f.c.SetRule(ctx, steering, true)
			return err
		})
		f.wantError(err, router.ErrOutcomeUnknown)
		if r, err := f.c.Rule(f.ctx(), steering); err != nil || !r.Disabled {
			f.Errorf("read back: %+v, %v", r, err)
		}
	}},
	{name: "no policy to write", options: options{user: "reader", password: secret}, run: func(f *fixture) {
		if err := f.r.State().AddUser("reader", secret, "read", "rest-api", "api", "ssh"); err != nil {
			f.Fatal(err)
		}
		_, err := f.c.SetRule(f.ctx(), steering, true)
		f.wantError(err, router.ErrDenied)
		f.wantRule(steering, false)
	}},
}
