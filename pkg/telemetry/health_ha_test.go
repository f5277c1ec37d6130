package telemetry

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

type memberSource struct{ ha *RouterOwner }

func (s memberSource) Snapshot(context.Context) (WANHealth, error) {
	return WANHealth{Name: "dsl", HA: s.ha}, nil
}

// What a loop that does not run here says of itself, by the role of the node.
func TestNodeRoles(t *testing.T) {
	for i, want := range []struct {
		status     Status
		reason     string
		host       Status
		text       string
		hasWarning bool
	}{
		{Starting, "no round-trip time yet", Starting, "owner for 2m5s, epoch 4: no packet from b for 2.1 s; b (192.0.2.11) is fenced for another 12 s", false},
		{Standby, "", Healthy, "standby of b for 0s, epoch 2", false},
		{Degraded, "the rules are absent", Degraded, "blocked for 0s", false},
		{Degraded, "no answer", Degraded, "cut_off of b for 0s, epoch 2", false},
		{Starting, "no round-trip time yet", Starting, "owner for 0s, epoch 9", true},
	} {
		routers := append(sampleNodes().Routers, RouterOwner{Router: "192.0.2.5", Role: RoleOwner, Owner: "a", Epoch: 9})
		h := NewChecker("v", memberSource{&routers[i]}).Host(t.Context())
		w := h.WANs[0]
		if w.Status != want.status || !strings.Contains(strings.Join(w.Reasons, ""), want.reason) || h.Status != want.host || w.HA.Text() != want.text {
			t.Errorf("%s: %s, %v, host %s, %q", routers[i].Role, w.Status, w.Reasons, h.Status, w.HA.Text())
		}
		if got := slices.ContainsFunc(w.Warnings, func(s string) bool { return strings.Contains(s, "wanctl router export --ha") }); got != want.hasWarning {
			t.Errorf("%s: warnings %v", routers[i].Role, w.Warnings)
		}
	}
}

func TestNodeMetrics(t *testing.T) {
	w := httptest.NewRecorder()
	MetricsHandler(NodeMetrics(sampleNodes)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	var got []string
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := strings.Fields(strings.NewReplacer("R", `{node="a",router="192.0.2.`).Replace(`
		wanctl_ha_epochR1"}|4 wanctl_ha_epochR2"}|2 wanctl_ha_epochR3"}|0 wanctl_ha_epochR4"}|2
		wanctl_ha_ownerR1"}|1 wanctl_ha_ownerR2"}|0 wanctl_ha_ownerR3"}|0 wanctl_ha_ownerR4"}|0
		wanctl_ha_rules_presentR1"}|1 wanctl_ha_rules_presentR2"}|1 wanctl_ha_rules_presentR3"}|0
		wanctl_ha_standby_readyR1"}|0 wanctl_ha_standby_readyR2"}|1 wanctl_ha_standby_readyR3"}|0 wanctl_ha_standby_readyR4"}|0
		wanctl_ha_takeovers_total{node="a",reason="handover",router="192.0.2.1"}|0
		wanctl_ha_takeovers_total{node="a",reason="silence",router="192.0.2.1"}|1`))
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "|", " ")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if families, err := NodeMetrics(func() *HA { return nil }).Gather(); len(families) > 0 || err != nil {
		t.Errorf("without nodes: %v, %v", families, err)
	}
}
