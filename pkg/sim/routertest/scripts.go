package routertest

import (
	"context"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// runs is how often the router has run a script.
func (b *bench) runs(script string) string {
	b.Helper()
	row, ok := b.r.State().Row("/system/script", "name", script)
	if !ok {
		b.Fatalf("router has no script %s", script)
	}
	return row["run-count"]
}

var scripts = []test{
	{name: "listed without sources", run: func(b *bench) {
		got, err := b.c.Scripts(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		want := []router.Script{
			{Name: "steer-on", Owner: "admin", Policies: []string{"read", "write"}},
			{Name: "steer-off", Owner: "admin", Policies: []string{"read", "write"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "run", run: func(b *bench) {
		if err := b.c.RunScript(b.ctx(), "steer-on"); err != nil {
			b.Fatal(err)
		}
		b.wantRule(steering, true)
		got, err := b.c.Scripts(b.ctx())
		if err != nil || got[0].RunCount != 1 || got[0].LastStarted == "" {
			b.Errorf("got %+v, %v", got, err)
		}
	}},
	{name: "run what is absent", run: func(b *bench) {
		b.wantError(b.c.RunScript(b.ctx(), "steer"), router.ErrNotFound)
	}},
	{name: "run one that fails", run: func(b *bench) {
		b.run(`/system script add name=broken source=":error \"no such luck\""`)
		err := b.c.RunScript(b.ctx(), "broken")
		b.wantError(err, router.ErrInvalid)
		if err != nil && !strings.Contains(err.Error(), "no such luck") {
			b.Errorf("error lacks the script's own: %v", err)
		}
	}},
	{name: "run without its policies", client: Options{User: "wanctl", Password: "wanctl"}, run: func(b *bench) {
		b.run(`/system script add name=mighty policy=reboot source=":put x"`)
		b.wantError(b.c.RunScript(b.ctx(), "mighty"), router.ErrDenied)
	}},
	{name: "never run twice", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "run", Times: 1, Applied: true})
		b.wantError(b.c.RunScript(b.ctx(), "steer-on"), router.ErrOutcomeUnknown)
		if n := b.runs("steer-on"); n != "1" {
			b.Errorf("run %s times", n)
		}
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: "run", Times: 1})
		ctx, cancel := context.WithTimeout(b.ctx(), soon)
		defer cancel()
		b.wantError(b.c.RunScript(ctx, "steer-on"), router.ErrOutcomeUnknown)
		if n := b.runs("steer-on"); n != "1" {
			b.Errorf("run %s times", n)
		}
	}},
	{name: "routes", run: func(b *bench) {
		got, err := b.c.Routes(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		want := []router.Route{
			{Destination: "0.0.0.0/0", Gateway: "ether1-wan", Table: "main", Distance: 1, Active: true},
			{Destination: "0.0.0.0/0", Gateway: "ether2-wan", Table: "to-alternate", Distance: 1, Active: true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
	}},
}
