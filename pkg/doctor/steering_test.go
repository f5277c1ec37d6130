package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// steerable is a router on which steering is set up, beside what a WAN needs.
const steerable = healthy + `
/routing table add name=to-lte fib
/ip route add dst-address=0.0.0.0/0 gateway=ether2 routing-table=to-lte
/ip firewall address-list add list=STEER_LTE address=192.168.88.20
/ip firewall mangle add chain=prerouting src-address-list=STEER_LTE connection-state=new action=mark-connection new-connection-mark=steer-lte comment="wanctl: steer to lte" disabled=yes
/ip firewall mangle add chain=prerouting connection-mark=steer-lte action=mark-routing new-routing-mark=to-lte comment=follow
`

func TestSteeringFaults(t *testing.T) {
	const loops = "warning loops: the loops of dsl and lte do not run; next: wanctl shape --config "
	for _, tt := range []struct {
		name, fault string
		want        []string
	}{
		{"none", "", nil},
		{"no rule", `/ip firewall mangle remove [find comment="wanctl: steer to lte"]`, []string{`failure rule: the router has no mangle rule with the comment "wanctl: steer to lte"; next: wanctl router export --config `}},
		{"two rules", `/ip firewall mangle set [find comment=follow] comment="wanctl: steer to lte"`, []string{`failure rule: several mangle rules have the comment "wanctl: steer to lte": none is switched`}},
		{"nothing follows the mark", `/ip firewall mangle disable [find comment=follow]`, []string{`failure table: the rule "wanctl: steer to lte" (mark-connection) leads to no routing table`}},
		{"no way out", `/ip route remove [find routing-table=to-lte]`, []string{`failure table: the routing table "to-lte" has no default route: what is steered would have no way out; next: on the router: /ip route add dst-address=0.0.0.0/0 gateway=... routing-table="to-lte"`}},
		{"nobody is steered", `/ip firewall address-list remove [find list=STEER_LTE]`, []string{`warning address list: the address list "STEER_LTE" is empty: no connections are steered; next: wanctl router address-list add STEER_LTE ADDRESS`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, wan := start(t, steerable, pinned, tree)
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			access := fmt.Sprintf("router: {host: 127.0.0.1, port: %d, tls_fingerprint: %s, user: wanctl, password: secret}\n", wan.Router.Port, r.Fingerprint())
			for _, name := range []string{"dsl", "lte"} {
				write(name+".yaml", "wan_name: "+name+"\n"+access+"queues: {download: down-"+name+", upload: up-"+name+"}\nlock_file: "+dir+"/"+name+".lock\n"+
					"continuous_monitoring: {download: {ceiling_mbps: 90, floor_mbps: 5}, upload: {ceiling_mbps: 9, floor_mbps: 1}}\n")
			}
			write("steering.yaml", "wan_name: steering\n"+access+`topology: {primary_wan: dsl, primary_wan_config: dsl.yaml, alternate_wan: lte, alternate_wan_config: lte.yaml}
mangle_rule: {comment: "wanctl: steer to lte"}
`)
			if tt.fault != "" {
				if err := r.Run(tt.fault); err != nil {
					t.Fatal(err)
				}
			}
			s, _, err := config.LoadSteering(filepath.Join(dir, "steering.yaml"), config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			primary, alternate, _, err := s.LoadWANs(config.Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, client := readDevice(t.Context(), &s.Base)
			defer client.Close()
			judge(t, steeringChecks, readSteering(t.Context(), s, []*config.WAN{primary, alternate}, client), append(tt.want, loops)...)
		})
	}
}

// A router that is not there is said of the router, not of the rule.
func TestSteeringWithoutARouter(t *testing.T) {
	s := &config.Steering{Primary: "dsl", Alternate: "lte", Rule: "wanctl: steer to lte"}
	judge(t, steeringChecks, readSteering(t.Context(), s, nil, nil),
		"warning loops: the file of dsl is not named, so that its loop is not asked; next: set topology.primary_wan_config",
		"warning loops: the file of lte is not named, so that its loop is not asked")
}

// A loop that does not run is started by what this host has.
func TestSteeringLoopsAreStartedAsTheHostDoes(t *testing.T) {
	for _, tt := range []struct {
		systemd    bool
		path, want string
	}{
		{true, "/etc/wanctl/lte.yaml", "systemctl enable --now wanctl@lte"},
		{true, "/srv/lte.yaml", "wanctl shape --config /srv/lte.yaml"},
		{false, "/etc/wanctl/lte.yaml", "wanctl shape --config /etc/wanctl/lte.yaml"},
	} {
		s := &Steering{Systemd: tt.systemd, Loops: []Loop{{Name: "dsl", Config: "/etc/wanctl/dsl.yaml", Running: true}, {Name: "lte", Config: tt.path}}}
		judge(t, steeringChecks[3:], s, "warning loops: the loop of lte does not run; next: "+tt.want)
	}
}

// A slow router is a warning; its latency is that of a request.
func TestSlowRouter(t *testing.T) {
	d := &Device{Config: "w.yaml", Endpoints: []Endpoint{{Router: config.Router{Transport: config.REST, Port: 443, TLS: true, TLSFingerprint: "ab"}, Key: "router", Latency: 2 * slowRouter, Slowest: 3 * slowRouter}}}
	judge(t, deviceChecks, d, "warning router: rest at port 443 answers in 200.0 ms, at most 300.0 ms: reactions are late by that; next: name the faster transport first")

	r, cfg := start(t, healthy, pinned, tree)
	r.SetLatency(slowRouter / 10)
	e, client := readEndpoint(t.Context(), cfg.Router, bounds(&cfg.Base))
	defer client.Close()
	if e.Err != nil || e.Latency < slowRouter/10 {
		t.Errorf("%v, %v", e.Latency, e.Err)
	}
	if _, port := r.HostPortOf(simrouter.WWWSSL); !strings.Contains(e.label(), fmt.Sprint(port)) {
		t.Error(e.label())
	}
}
