package run

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// role waits until the node has a role at its router, and returns what health says then.
func (s *site) role(want string) telemetry.RouterOwner {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		h := s.m.Host(s.Context()).HA
		if h != nil && len(h.Routers) == 1 && h.Routers[0].Role == want && h.Routers[0].Owner != "" {
			return h.Routers[0]
		}
		if time.Now().After(deadline) {
			s.Fatalf("no %s: %+v", want, h)
		}
	}
}

// ask asks the socket of the WAN of that name.
func (s *site) ask(name string) (h telemetry.Health) {
	s.Helper()
	c := daemonsock.New(filepath.Join(s.dir, "run", name+".sock"))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if h, err = c.Health(s.Context()); err == nil {
			return h
		}
		if time.Now().After(deadline) {
			s.Fatal(err)
		}
	}
}

// Of two nodes, the loops run on the one that owns the router.
func TestTwoNodes(t *testing.T) {
	sim := startRouter(t, owner.Rules+routerScript)
	node := func(i int) *site {
		s := siteOf(t, sim)
		s.write("node.yaml", fmt.Sprintf("node: {name: n%d, address: 127.0.0.%d}\nha: {order: [n1, n2]}\n", i, 20+i))
		s.wan("a.yaml", "a", 100, "")
		s.run()
		return s
	}
	one := node(1)
	if r := one.role(telemetry.RoleOwner); r.Owner != "n1" || r.Epoch != 2 {
		t.Errorf("%+v", r)
	}
	one.runs("a.yaml")
	two := node(2)
	if r := two.role(telemetry.RoleStandby); r.Owner != "n1" || r.Epoch != 2 {
		t.Errorf("%+v", r)
	}
	if _, exists := two.loop("a.yaml"); exists {
		t.Error("the loop of a standby exists")
	}
	h := two.m.Host(t.Context())
	if h.Status != telemetry.Healthy || len(h.WANs) != 1 || h.WANs[0].Status != telemetry.Standby || h.WANs[0].HA.Owner != "n1" {
		t.Errorf("health of a standby: %s, %+v", h.Status, h.WANs)
	}
	asked := two.ask("a")
	if asked.Status != telemetry.Healthy || asked.WANs[0].Status != telemetry.Standby || asked.WANs[0].HA.Role != telemetry.RoleStandby {
		t.Errorf("on its socket: %+v", asked)
	}
	one.end()
	<-one.ended
	if _, exists := one.loop("a.yaml"); exists {
		t.Error("the loop of a node that has ended exists")
	}
	if r := two.role(telemetry.RoleOwner); r.Owner != "n2" || r.Takeovers["silence"] != 0 || r.Takeovers["handover"] != 1 || r.Why != "handed over by n1" {
		t.Errorf("%+v", r)
	}
	two.runs("a.yaml")
	if w := two.ask("a").WANs[0]; w.Source != telemetry.FromLoop || w.HA.Role != telemetry.RoleOwner {
		t.Errorf("on the socket of the loop: %+v", w)
	}
	two.logs("the router was taken over")
	two.remove("a.yaml")
	two.update()
	if h := two.m.Host(t.Context()).HA; len(h.Routers) != 0 {
		t.Errorf("routers without a file: %+v", h.Routers)
	}
}

// A node without the rules on its router says so, and controls nothing.
func TestNodeWithoutRules(t *testing.T) {
	s := newSite(t)
	s.write("node.yaml", "node: {name: n1}\n")
	s.wan("a.yaml", "a", 100, "")
	s.run()
	s.logs("this node cannot take the router over")
	if h := s.m.Host(t.Context()); h.Status != telemetry.Degraded || !contains(h.Problems(), "rules that count and fence") {
		t.Errorf("%s: %v", h.Status, h.Problems())
	}
	if _, exists := s.loop("a.yaml"); exists {
		t.Error("its loop exists")
	}
}

// Without node.yaml nothing of this runs, is asked or is shown.
func TestOneNode(t *testing.T) {
	sim := startRouter(t, owner.Rules+routerScript)
	s := siteOf(t, sim)
	s.wan("a.yaml", "a", 100, "")
	s.run()
	s.runs("a.yaml")
	doc, err := json.Marshal(s.m.Host(t.Context()))
	if err != nil || strings.Contains(string(doc), `"ha"`) || s.m.nodes != nil {
		t.Errorf("%v: %s", err, doc)
	}
	if slices.ContainsFunc(sim.History(), func(r simrouter.Request) bool { return strings.Contains(r.Path+r.Body, "address-list") }) {
		t.Error("address lists of the router were read")
	}
}

// What of node.yaml can change while the node runs does; other keys are named, and a bad file
// changes nothing.
func TestNodeReload(t *testing.T) {
	s := siteOf(t, startRouter(t, owner.Rules+routerScript))
	s.write("node.yaml", "node: {name: n1, address: 127.0.0.21}\nha: {order: [n1, n2]}\n")
	s.wan("a.yaml", "a", 100, "")
	s.run()
	s.role(telemetry.RoleOwner)
	s.write("node.yaml", "node: {name: n1, address: 127.0.0.22}\nha: {order: [n2, n1], silence: 20}\n")
	s.update()
	s.logs("needs a restart to take effect\" key=node.address")
	s.logs("configuration reloaded")
	if strings.Contains(s.console.String(), "key=ha.") {
		t.Errorf("the log: %s", &s.console)
	}
	if c := s.m.nodes.cfg; c.Silence != 20*time.Second || c.Order[0] != "n2" || c.Address != "127.0.0.21" {
		t.Errorf("%+v", c)
	}
	s.write("node.yaml", "node: {name: n1}\nha: {silence: 99}\n")
	s.update()
	s.logs("node.yaml cannot be used: this node keeps the old one")
	if c := s.m.nodes.cfg; c.Silence != 20*time.Second {
		t.Errorf("%+v", c)
	}
	s.remove("node.yaml")
	s.update()
	s.logs("node.yaml came or went")
	if s.role(telemetry.RoleOwner).Epoch != 2 {
		t.Error("the node has begun anew")
	}
	s.end()
	<-s.ended
}

// A router that cannot be claimed says why, by its key.
func TestNodeIPv6(t *testing.T) {
	s := newSite(t)
	s.write("node.yaml", "node: {name: n1}\n")
	s.write("a.yaml", "wan_name: a\nrouter: {host: \"2001:db8::1\", user: wanctl, password: wanctl}\nqueues: {download: d, upload: u}\n"+
		"lock_file: "+s.dir+"/a.lock\nlogging: {main_log: "+s.dir+"/a.log}\nhealth_check: {enabled: false}\n"+
		"continuous_monitoring: {download: {ceiling_mbps: 100, floor_mbps: 10}, upload: {ceiling_mbps: 20, floor_mbps: 2}}\n")
	s.run()
	if h := s.m.Host(t.Context()); h.Status != telemetry.Degraded || !contains(h.Problems(), "router.host: 2001:db8::1 is an IPv6 address") {
		t.Errorf("%s: %v", h.Status, h.Problems())
	}
}
