package routertest

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// runCount returns how often the router has run a script.
func (f *fixture) runCount(script string) string {
	f.Helper()
	row, ok := f.r.State().Row("/system/script", "name", script)
	if !ok {
		f.Fatalf("router has no script %s", script)
	}
	return row["run-count"]
}

var scripts = []test{
	{name: "listed without sources", run: func(f *fixture) {
		got, err := f.c.Scripts(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		want := []router.Script{
			{Name: "steer-on", Owner: "admin", Policies: []string{"read", "write"}},
			{Name: "steer-off", Owner: "admin", Policies: []string{"read", "write"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "run", run: func(f *fixture) {
		if err := f.c.RunScript(f.ctx(), "steer-on"); err != nil {
			f.Fatal(err)
		}
		f.wantRule(steering, true)
		got, err := f.c.Scripts(f.ctx())
		if err != nil || got[0].RunCount != 1 || got[0].LastStarted == "" {
			f.Errorf("got %+v, %v", got, err)
		}
	}},
	{name: "run an absent script", run: func(f *fixture) {
		f.wantError(f.c.RunScript(f.ctx(), "steer"), router.ErrNotFound)
	}},
	{name: "run a script that fails", run: func(f *fixture) {
		f.run(`/system script add name=broken source=":error \"no such luck\""`)
		err := f.c.RunScript(f.ctx(), "broken")
		f.wantError(err, router.ErrInvalid)
		if err != nil && !strings.Contains(err.Error(), "no such luck") {
			f.Errorf("error lacks the script's own: %v", err)
		}
	}},
	{name: "run without its policies", options: options{user: "wanctl", password: "wanctl"}, run: func(f *fixture) {
		f.run(`/system script add name=mighty policy=reboot source=":put x"`)
		f.wantError(f.c.RunScript(f.ctx(), "mighty"), router.ErrDenied)
	}},
	{name: "never run twice", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "run", Times: 1, Applied: true})
		f.wantError(f.c.RunScript(f.ctx(), "steer-on"), router.ErrOutcomeUnknown)
		if n := f.runCount("steer-on"); n != "1" {
			f.Errorf("run %s times", n)
		}
		err := f.stalled("run", func(ctx context.Context) error { return f.c.RunScript(ctx, "steer-on") })
		f.wantError(err, router.ErrOutcomeUnknown)
		if n := f.runCount("steer-on"); n != "1" {
			f.Errorf("run %s times", n)
		}
	}},
	{name: "routes", run: func(f *fixture) {
		got, err := f.c.Routes(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		want := []router.Route{
			{Destination: "0.0.0.0/0", Gateway: "ether1-wan", Interface: "ether1-wan", Table: "main", Distance: 1, Active: true},
			{Destination: "0.0.0.0/0", Gateway: "ether2-wan", Interface: "ether2-wan", Table: "to-alternate", Distance: 1, Active: true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "default routes, without the others", run: func(f *fixture) {
		f.run(`/ip route add dst-address=10.7.0.0/16 gateway=ether1-wan; /ip route add dst-address=0.0.0.0/0 gateway=ether1-wan distance=9 disabled=yes`)
		all, err := f.c.Routes(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		want := slices.DeleteFunc(slices.Clone(all), func(r router.Route) bool { return !r.Default() })
		if len(want) != 3 || len(all) != 4 {
			f.Fatalf("%+v", all)
		}
		before := len(f.r.History())
		got, err := f.c.DefaultRoutes(f.ctx())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			f.Errorf("%v, -want +got\n%s", err, diff)
		}
		asked := f.r.History()[before:]
		if len(asked) != 1 || !strings.Contains(asked[0].Path+asked[0].Body, "0.0.0.0/0") {
			f.Errorf("asked for all routes: %+v", asked)
		}
	}},
}
