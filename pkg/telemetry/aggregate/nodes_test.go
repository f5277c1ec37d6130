package aggregate

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

type standby struct{}

func (standby) Snapshot(context.Context) (telemetry.WANHealth, error) {
	return telemetry.WANHealth{Name: "dsl", HA: &telemetry.RouterOwner{
		Router: "192.0.2.1", Node: "b", Role: telemetry.RoleStandby, Owner: "a", Epoch: 2, Rules: true,
	}}, nil
}

// A host that stands by is healthy, and its loops do not count as dead.
func TestStandbyHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dsl.sock")
	past := history.NewStore()
	start(t, path, past, daemonsock.Handler(telemetry.NewChecker("1", standby{}).Handler(nil), past.Since, telemetry.NewRegistry()))
	h := New("1")
	h.Set([]WAN{{Name: "dsl", Loop: daemonsock.New(path), State: left}}, nil)
	doc := h.Host(t.Context())
	if doc.Status != telemetry.Healthy || doc.WANs[0].Status != telemetry.Standby || doc.HA == nil || doc.HA.Node != "b" || len(doc.HA.Routers) != 1 {
		t.Errorf("%s, %+v, %+v", doc.Status, doc.WANs, doc.HA)
	}
	w := httptest.NewRecorder()
	h.Metrics(telemetry.NewRegistry()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	if strings.Contains(text, "wanctl_loop_running{") || !strings.Contains(text, `wanctl_ha_standby_ready{node="b",router="192.0.2.1"} 1`) {
		t.Errorf("%s", text)
	}
}
