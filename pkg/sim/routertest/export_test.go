package routertest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/export"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// plan returns a setup with a row in every menu that export knows.
func plan(style export.Style) *export.Plan {
	return &export.Plan{
		Name: "second", Host: "192.168.88.1", Style: style,
		Users: []export.User{{Name: "second", Password: `p"$`, Services: []export.Service{
			{Transport: "rest"}, {Transport: "api"}, {Transport: "ssh"}}}},
		From:         []string{"192.168.88.10/32", "2001:db8::10/128"},
		Download:     export.Queue{Name: "second down", Type: "cake-down-second", Ceiling: 500 * bitrate.Mbps},
		Upload:       export.Queue{Name: "second up", Type: "cake-up-second", Ceiling: 38_500 * bitrate.Kbps},
		Simple:       "second both",
		WANInterface: "ether1-wan", LANInterface: "bridge1",
		Probes:   &export.Probes{Source: "192.168.88.11", Gateway: "192.0.2.1"},
		Steering: &export.Steering{Alternate: "alt", Comment: "Steer: \"alt\"", Table: "to-alt", List: "L", ForceList: "F", Gateway: "10.9.0.1"},
	}
}

// load imports what the plan writes.
func (f *fixture) load(p *export.Plan) {
	f.Helper()
	var script bytes.Buffer
	if err := p.Script(&script); err != nil {
		f.Fatal(err)
	}
	f.run(script.String())
}

// remove imports what removes it.
func (f *fixture) remove(p *export.Plan) {
	f.Helper()
	var script bytes.Buffer
	if err := p.RemoveScript(&script); err != nil {
		f.Fatal(err)
	}
	f.run(script.String())
}

// differences returns the states of the rows that are not as exported, by the value
// of their key.
func (f *fixture) differences(p *export.Plan) map[string]export.Finding {
	f.Helper()
	findings, err := p.Diff(func(menu string) ([]rosdata.Row, error) { return f.c.Rows(f.ctx(), menu) })
	if err != nil {
		f.Fatal(err)
	}
	if len(findings) < 10 {
		f.Errorf("only %d rows were compared", len(findings))
	}
	found := map[string]export.Finding{}
	for _, x := range findings {
		if x.State != export.OK {
			found[x.Menu+" "+x.Properties()[x.Key]] = x
		}
	}
	return found
}

var exported = []test{
	{name: "rows", run: func(f *fixture) {
		f.run(`/queue type add name="c d" kind=cake cake-nat=yes`)
		rows, err := f.c.Rows(f.ctx(), "/queue/type")
		i := slices.IndexFunc(rows, func(r rosdata.Row) bool { return r["name"] == "c d" })
		if err != nil || i < 0 || rows[i]["kind"] != "cake" || !rosdata.Bool(rows[i]["cake-nat"]) {
			f.Errorf("got %v, %v", rows, err)
		}
		_, err = f.c.Rows(f.ctx(), "/queue/nope")
		f.wantError(err, router.ErrUnsupported)
	}},
	{name: "what was exported is not different", run: func(f *fixture) {
		for _, style := range []export.Style{export.Simple, export.Marks} {
			p := plan(style)
			f.load(p)
			f.run(`/queue tree set [find] max-limit=7M; /queue simple set [find] max-limit=7M/8M`)
			if diff := cmp.Diff(map[string]export.Finding{}, f.differences(p)); diff != "" {
				f.Errorf("%s: -want +got\n%s", style, diff)
			}
		}
	}},
	{name: "the user may do what wanctl does, with no policy to spare", run: func(f *fixture) {
		p := plan(export.Tree)
		transport := map[simrouter.Service]string{simrouter.API: "api", simrouter.APISSL: "api", simrouter.SSH: "ssh"}[f.protocol.service]
		if transport == "" {
			transport = "rest"
		}
		p.Users[0].Services, p.From = []export.Service{{Transport: transport}}, nil
		f.load(p)
		work := func(limit bitrate.Rate) error {
			c := f.protocol.dial(f.T, f.r, options{user: p.Users[0].Name, password: p.Users[0].Password})
			defer func() { _ = c.Close() }()
			return f.work(c, p, limit)
		}
		if err := work(7 * bitrate.Mbps); err != nil {
			f.Error(err)
		}
		f.wantLimit("second up", 7*bitrate.Mbps)
		for row, x := range f.differences(p) {
			f.Errorf("%s: %s", row, x.State)
		}
		group, _ := f.r.State().Row("/user/group", "name", "second")
		policies := strings.Split(group["policy"], ",")
		for i, policy := range policies {
			f.run("/user group set second policy=" + strings.Join(slices.Delete(slices.Clone(policies), i, i+1), ","))
			if err := work(8 * bitrate.Mbps); !errors.Is(err, router.ErrDenied) && !errors.Is(err, router.ErrAuth) {
				f.Errorf("without the policy %s: %v", policy, err)
			}
			f.wantLimit("second up", 7*bitrate.Mbps)
		}
	}},
	{name: "imported twice", run: func(f *fixture) {
		for _, style := range []export.Style{export.Tree, export.Simple, export.Marks} {
			f.load(plan(style))
			once := f.snapshot()
			f.load(plan(style))
			if diff := cmp.Diff(once, f.snapshot()); diff != "" {
				f.Errorf("%s: -once +twice\n%s", style, diff)
			}
		}
	}},
	{name: "removed", run: func(f *fixture) {
		before := f.snapshot()
		for _, style := range []export.Style{export.Tree, export.Simple, export.Marks} {
			f.load(plan(style))
		}
		if diff := cmp.Diff(before, f.snapshot()); diff == "" {
			f.Error("nothing was added")
		}
		for range 2 {
			f.remove(plan(export.Tree))
			if diff := cmp.Diff(before, f.snapshot()); diff != "" {
				f.Errorf("-before +after\n%s", diff)
			}
		}
	}},
	{name: "what was there before stays", run: func(f *fixture) {
		f.run(`/queue type add name=cake-down-second kind=cake
			/queue type add name=cake-up-second kind=cake cake-diffserv=diffserv4 cake-flowmode=dual-srchost
			/queue tree add name="second up" parent=global max-limit=1M
			/queue tree add name=other parent=global queue=cake-up-second comment="wanctl of another WAN"
			/user group add name=second policy=read
			/ip firewall mangle add chain=prerouting action=accept comment="Steer: \"alt\""
			/routing table add name=probe-second fib`)
		before := f.snapshot()
		f.load(plan(export.Marks))
		after := f.snapshot()
		f.remove(plan(export.Marks))
		before["/user"] = after["/user"] // queues of another WAN need it
		if diff := cmp.Diff(before, f.snapshot()); diff != "" {
			f.Errorf("-before +after\n%s", diff)
		}
	}},
	{name: "differences", run: func(f *fixture) {
		p := plan(export.Tree)
		f.load(p)
		f.run(`/queue tree set "second down" packet-mark=x disabled=yes
			/queue tree remove "second up"
			/queue type set cake-down-second cake-rtt=30ms cake-wash=no
			/user group set second policy=read,api,rest-api,ssh,reboot
			/routing rule set [find comment="wanctl second: probes"] table=main
			/ip firewall mangle enable [find comment="Steer: \"alt\""]
			/ip firewall mangle add chain=prerouting comment="wanctl: always out of alt"`)
		got := map[string]string{}
		for row, x := range f.differences(p) {
			text := string(x.State)
			for _, d := range x.Differences {
				text += ", " + d.Property + " " + d.Have + " for " + d.Want
			}
			got[row] = text + "; " + x.Cure
		}
		want := map[string]string{
			`/queue tree second down`:      `different, packet-mark x for no-mark, disabled yes for no; /queue tree set [find name="second down"] disabled=no`,
			`/queue tree second up`:        `missing; /queue tree add name="second up" parent="ether1-wan" packet-mark=no-mark queue="cake-up-second" max-limit=38500k bucket-size=0.05 comment="wanctl second"`,
			`/queue type cake-down-second`: `tuned, cake-wash false for yes; /queue type set [find name="cake-down-second"] cake-wash=yes`,
			`/user group second`: `different, policy read,api,rest-api,ssh,reboot for read,write,api,rest-api,ssh; ` +
				`/user group set [find name="second"] policy=read,write,api,rest-api,ssh`,
			`/routing rule wanctl second: probes`:           `different, table main for probe-second; /routing rule set [find comment="wanctl second: probes"] table="probe-second"`,
			`/ip firewall mangle wanctl: always out of alt`: `different, comment 2 rows for one row; `,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
}

// work does what wanctl does on a router.
func (f *fixture) work(c router.Client, p *export.Plan, limit bitrate.Rate) error {
	_, info := c.Info(f.ctx())
	_, set := c.SetQueues(f.ctx(), router.QueueChange{Name: "second up", QueueSettings: router.QueueSettings{MaxLimit: &limit}})
	_, counters := c.Counters(f.ctx(), "second up", "second down")
	_, rule := c.SetRule(f.ctx(), p.Steering.Comment, true)
	_, address := c.AddAddress(f.ctx(), router.Address{List: "L", Address: "10.0.0.1"})
	if errors.Is(address, router.ErrExists) {
		address = nil
	}
	return errors.Join(info, set, counters, rule, address)
}

// snapshot returns the settings of all rows that export may add.
func (f *fixture) snapshot() map[string][]rosdata.Row {
	f.Helper()
	all := map[string][]rosdata.Row{}
	for _, menu := range []string{"/user/group", "/queue/type", "/queue/tree", "/queue/simple", "/ip/firewall/mangle",
		"/ipv6/firewall/mangle", "/routing/table", "/routing/rule", "/ip/route", "/ipv6/route"} {
		rows, err := f.c.Rows(f.ctx(), menu)
		if err != nil {
			f.Fatal(err)
		}
		all[menu] = rows
	}
	// When a user last logged in changes.
	rows, err := f.c.Rows(f.ctx(), "/user")
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range rows {
		all["/user"] = append(all["/user"], rosdata.Row{"name": r["name"], "group": r["group"], "address": r["address"]})
	}
	return all
}
