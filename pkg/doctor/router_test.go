package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

// healthy is a router on which a doctor finds nothing.
const healthy = `
/interface add name=ether1 type=ether
/interface add name=ether2 type=ether
/interface add name=bridge type=bridge
/ip route add dst-address=0.0.0.0/0 gateway=ether1
/queue type add name=cake-down kind=cake cake-rtt=100ms
/queue type add name=cake-up kind=cake cake-rtt=100ms
/queue tree add name=down parent=bridge packet-mark=no-mark queue=cake-down max-limit=90M
/queue tree add name=up parent=ether1 packet-mark=no-mark queue=cake-up max-limit=9M
/queue simple add name=line target=ether1 queue=cake-down/cake-up max-limit=90M/9M disabled=yes
/user group add name=wanctl policy=read,write,api,rest-api
/user add name=wanctl group=wanctl password=secret
`

// start starts the router with all services, and returns it with a configuration that
// has these keys of router beside those of the log-in.
func start(t *testing.T, script, keys, queues string) (*simrouter.Router, *config.WAN) {
	t.Helper()
	r, err := simrouter.New(simrouter.Config{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, s := range []simrouter.Service{simrouter.WWWSSL, simrouter.WWW, simrouter.APISSL, simrouter.SSH} {
		if err := r.StartService(t.Context(), s, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	port := func(s simrouter.Service) string { _, n := r.HostPortOf(s); return fmt.Sprint(n) }
	keys = strings.NewReplacer("REST", port(simrouter.WWWSSL), "HTTP", port(simrouter.WWW), "API", port(simrouter.APISSL), "SSH", port(simrouter.SSH),
		"CERT", r.Fingerprint(), "HOSTKEY", r.SSHFingerprint()).Replace(keys)
	cfg, _, err := config.Parse(strings.NewReader(`
wan_name: w
router: {host: 127.0.0.1, user: wanctl, password: secret, `+keys+`}
queues: {`+queues+`}
timeouts: {ssh_command: 2}
continuous_monitoring: {download: {ceiling_mbps: 90, floor_mbps: 5}, upload: {ceiling_mbps: 9, floor_mbps: 1}}
`), "w.yaml", config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, cfg
}

const (
	pinned = "transport: rest, port: REST, tls_fingerprint: CERT"
	tree   = "download: down, upload: up"
)

// examine returns what the doctor finds of the router. traffic happens in between.
func examine(t *testing.T, cfg *config.WAN, base time.Duration, traffic func()) []Finding {
	t.Helper()
	var all []Finding
	report := func(f Finding) { all = append(all, f) }
	device, client := readDevice(t.Context(), &cfg.Base)
	run(cfg.Name, deviceChecks, device, report)
	if client == nil {
		return all
	}
	defer client.Close()
	q := readQueues(t.Context(), cfg, client)
	before, _, err := q.readCounters(t.Context(), cfg, client)
	traffic()
	after, known, err2 := q.readCounters(t.Context(), cfg, client)
	if err == nil && err2 == nil {
		q.Traffic = passed(before, after, known)
	}
	q.Base = base
	run(cfg.Name, queueChecks, q, report)
	return all
}

// faults of all that is not ok or skipped, one a line: "level check: text; next".
func faults(all []Finding) []string {
	var lines []string
	for _, f := range all {
		if f.Level >= Warning {
			lines = append(lines, fmt.Sprintf("%v %s: %s; next: %s", f.Level, f.Check, f.Text, f.Next))
		}
	}
	return lines
}

// Each fault of a router is found, and nothing else is.
func TestRouterFaults(t *testing.T) {
	const simple = "simple: line"
	for _, tt := range []struct {
		name, keys, queues, fault string
		base                      time.Duration
		carried                   int // bytes that pass the queue of the upload, of 100000 on the interface
		want                      []string
	}{
		{name: "none", carried: 99000},
		{name: "none, simple", queues: simple, fault: `/queue simple enable line; /queue tree disable [find]`, carried: 99000},
		{name: "none, marks", fault: `/ip firewall mangle add chain=forward action=mark-packet new-packet-mark=d; /ip firewall mangle add chain=forward action=mark-packet new-packet-mark=u; /queue tree set down packet-mark=d parent=global; /queue tree set up packet-mark=u parent=global`, carried: 99000},
		{name: "none, api", keys: "transport: api, port: API, tls_fingerprint: CERT", carried: 99000, want: []string{`warning policies: user "wanctl" may do more than is needed, by its group "wanctl": rest-api`}},
		{name: "nobody there", keys: "transport: rest, port: 1", want: []string{"failure router: router (rest): router 127.0.0.1:1: connection refused; next: check the port"}},
		{name: "failover of which one is down", keys: `transport: rest, port: REST, tls_fingerprint: CERT, failover: [{transport: api, port: 1}]`, carried: 99000,
			want: []string{"failure router: router.failover[0] (api): router 127.0.0.1:1: connection refused"}},
		{name: "two transports", keys: `transport: rest, port: REST, tls_fingerprint: CERT, failover: [{transport: ssh, port: SSH, ssh_fingerprint: "HOSTKEY"}]`, fault: `/user group set wanctl policy=read,write,api,rest-api,ssh`, carried: 99000},
		{name: "another certificate", keys: "transport: rest, port: REST, tls_fingerprint: " + strings.Repeat("ab", 32),
			want: []string{"failure router: router (rest): router 127.0.0.1:REST: its certificate has SHA-256 CERT, not the pinned"}},
		{name: "not pinned", keys: "transport: rest, port: REST", carried: 99000, want: []string{"warning fingerprint: rest at port REST: the certificate is not pinned, so that any host that takes over the router's address gets the password; next: if that is the router's own, set router.tls_fingerprint: CERT in w.yaml"}},
		{name: "wrong password", fault: `/user set wanctl password=other`, want: []string{"failure router: router (rest): router 127.0.0.1:REST: user or password refused for \"wanctl\""}},
		{name: "no api policy", fault: `/user group set wanctl policy=read,write,rest-api`, want: []string{"failure router: router (rest): "}},
		{name: "may not write", fault: `/user group set wanctl policy=read,api,rest-api`, carried: 99000,
			want: []string{`failure policies: user "wanctl" lacks write: its group is "wanctl"; next: on the router: /user group set [find name="wanctl"] policy=read,write,api,rest-api`}},
		{name: "may do everything", fault: `/user set wanctl group=full`, carried: 99000,
			want: []string{`warning policies: user "wanctl" may do more than is needed, by its group "full": `}},
		{name: "absent", fault: `/queue tree remove up`, want: []string{`failure queues: the router has no queue "up" for the upload; next: wanctl router export --config w.yaml --diff`}},
		{name: "absent, simple", queues: simple, fault: `/queue simple remove line`, want: []string{`failure queues: the router has no queue "line" for the download`, `failure queues: the router has no queue "line" for the upload`}},
		{name: "disabled", fault: `/queue tree disable up`, want: []string{`failure queues: queue "up" is disabled: the upload is not limited; next: on the router: /queue tree enable [find name="up"]`}},
		{name: "invalid", fault: `/interface remove bridge`, carried: 99000, want: []string{`failure queues: queue "down" is invalid, its parent or its type is gone: the download is not limited; next: on the router: /queue tree print where invalid`}},
		{name: "not known which number is the download", queues: simple, fault: `/queue tree disable [find]; /queue simple enable line; /queue simple set line target=ether2`,
			want: []string{`failure queues: simple queue "line": its target ether2 is neither`}},
		{name: "no CAKE", fault: `/queue tree set up queue=default-small`, carried: 99000, want: []string{`failure queue type: upload: the type "default-small" is pfifo, which lets the queue grow`}},
		{name: "fq-codel", fault: `/queue type add name=fq kind=fq-codel; /queue tree set up queue=fq`, carried: 99000, want: []string{`warning queue type: upload: the type "fq" is fq-codel`}},
		{name: "a type that is not there", queues: tree + ", upload_type: cake-none", carried: 99000, want: []string{`failure queue type: queues.upload_type: the router has no queue type "cake-none"`}},
		{name: "cake-rtt too short", fault: `/queue type set cake-up cake-rtt=30ms`, base: 60 * time.Millisecond, carried: 99000,
			want: []string{`warning cake-rtt: upload: cake-rtt is 30ms, below the 60.0 ms of the nearest reflector: CAKE drops before connections can react, and the line is not used; next: on the router: /queue type set [find name="cake-up"] cake-rtt-scheme=none cake-rtt=100ms`}},
		{name: "cake-rtt too long", fault: `/queue type set cake-down cake-rtt=5s`, base: 10 * time.Millisecond, carried: 99000, want: []string{`warning cake-rtt: download: cake-rtt is 5s with 10.0 ms to the nearest reflector`}},
		{name: "both on global", fault: `/queue tree set [find] parent=global`, carried: 99000, want: []string{`failure place: download: "down" hangs on global and has no packet mark`, `failure place: upload: "up" hangs on global`}},
		{name: "directions exchanged", fault: `/queue tree set down parent=ether1; /queue tree set up parent=bridge`, carried: 99000, want: []string{
			`failure place: download: "down" hangs on ether1, the interface to the Internet`, `warning place: upload: "up" hangs on bridge, and the default route leaves by ether1; next: on the router: /queue tree set [find name="up"] parent=ether1`}},
		{name: "parent with a lower limit", fault: `/queue tree add name=top parent=ether1 max-limit=5M queue=cake-up; /queue tree set up parent=top`, carried: 99000,
			want: []string{`failure limits: upload: "up": its parent "top" has the lower limit 5M, which holds; next: on the router: /queue tree print detail where name="up"`}},
		{name: "limit-at", fault: `/queue tree set up limit-at=8M`, carried: 99000, want: []string{`failure limits: upload: "up": limit-at=8M: no lower limit can be set`}},
		{name: "traffic passes by", carried: 500, want: []string{`failure counters: upload: "up" carried 500 of the 100000 bytes that passed ether1: the upload is not limited`}},
		{name: "FastTrack", queues: simple, fault: `/queue simple enable line; /queue tree disable [find]; /ip firewall filter add chain=forward action=fasttrack-connection`, carried: 99000,
			want: []string{`failure bypass: FastTrack is on: connections pass the queues by; next: on the router: /ip firewall filter disable [find action=fasttrack-connection]`}},
		{name: "FastTrack beside queues without marks", fault: `/ip firewall filter add chain=forward action=fasttrack-connection`, carried: 99000},
		{name: "marks that nobody sets", fault: `/queue tree set down packet-mark=d parent=global; /queue tree set up packet-mark=u parent=global; /ip firewall mangle add chain=forward action=mark-packet new-packet-mark=d`, carried: 99000,
			want: []string{`failure bypass: no rule sets the packet-mark "u"; next: wanctl router export --config w.yaml --style marks`}},
		{name: "an earlier simple queue", queues: simple, fault: `/queue simple enable line; /queue tree disable [find]; /queue simple add name=old target=ether1 max-limit=50M/5M place-before=line`, carried: 99000,
			want: []string{`warning other queues: the simple queue "old", which packets meet first, limits ether1 as well; next: on the router: /queue simple disable [find name="old"]`}},
		{name: "a simple queue before the tree", fault: `/queue simple add name=all target=192.168.0.0/16 max-limit=50M/5M`, carried: 99000, want: []string{`warning other queues: the simple queue "all"`}},
		{name: "a simple queue of one host", fault: `/queue simple add name=tv target=192.168.88.20/32 max-limit=20M/5M`, carried: 99000},
		{name: "CAKE on the interface", fault: `/queue type add name=own kind=cake cake-bandwidth=5M; /queue interface set [find interface=ether1] queue=own`, carried: 99000,
			want: []string{`warning other queues: ether1 has CAKE as its own queue, with a cake-bandwidth of `}},
		{name: "another queue of the tree", fault: `/queue tree add name=old parent=ether1 packet-mark=no-mark max-limit=5M queue=cake-up`, carried: 99000,
			want: []string{`warning other queues: the queue "old" hangs on ether1 beside ours, for the same packets; next: on the router: /queue tree disable [find name="old"]`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, cfg := start(t, healthy, orElse(tt.keys, pinned), orElse(tt.queues, tree))
			for command := range strings.SplitSeq(tt.fault, "; ") {
				if err := r.Run(command); err != nil {
					t.Fatal(err)
				}
			}
			all := examine(t, cfg, tt.base, func() {
				if err := remote.Do(r, "counters ether1 rx-byte=100000 tx-byte=100000"); err != nil {
					t.Fatal(err)
				}
				_ = r.SetCounters("down", router.Counters{Bytes: 99000}) // what is there
				_ = r.SetCounters("up", router.Counters{Bytes: uint64(tt.carried)})
				_ = r.SetSimpleCounters("line", [2]router.Counters{{Bytes: 99000}, {Bytes: uint64(tt.carried)}})
			})
			got := faults(all)
			if len(got) != len(tt.want) {
				t.Fatalf("found:\n%s\nwant %d", strings.Join(got, "\n"), len(tt.want))
			}
			_, rest := r.HostPortOf(simrouter.WWWSSL)
			for i, want := range tt.want {
				want = strings.NewReplacer("REST", fmt.Sprint(rest), "CERT", r.Fingerprint()).Replace(want)
				if i < len(got) && !strings.HasPrefix(got[i], want) {
					t.Errorf("found:\n%s\nwant:\n%s", got[i], want)
				}
			}
			for _, f := range all {
				if f.Level >= Warning && f.Next == "" {
					t.Errorf("no next command: %v", f)
				}
			}
		})
	}
}
