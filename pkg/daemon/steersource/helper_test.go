package steersource

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

// answering is a loop that says doc; change, if not nil, spoils it.
func answering(t *testing.T, change func(*telemetry.Health)) *daemonsock.Client {
	t.Helper()
	doc := healthy()
	if change != nil {
		change(&doc)
	}
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(doc)
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return daemonsock.New(path)
}

// healthy is a loop of "dsl" that has run for a minute: 30 ms, 20 ms when idle.
func healthy() telemetry.Health {
	w := telemetry.WANHealth{
		Name: "dsl", Status: telemetry.Healthy, Source: telemetry.FromLoop,
		BaselineRTTMs: new(20.0), LoadRTTMs: new(30.0), AgeSeconds: new(0.1),
		Probe: telemetry.ProbeHealth{ReflectorsAlive: 3, Reflectors: 3},
	}
	w.Download.State, w.Upload.State = "GREEN", "YELLOW"
	return telemetry.Health{Status: telemetry.Healthy, UptimeSeconds: 60, WANCount: 1, WANs: []telemetry.WANHealth{w}}
}

func notRunning(t *testing.T) *daemonsock.Client {
	t.Helper()
	return daemonsock.New(filepath.Join(t.TempDir(), "none"))
}

// measured is probes that run, and have had these replies of that age.
func measured(age time.Duration, replies ...time.Duration) *Probes {
	p := &Probes{count: len(replies), stale: 2 * time.Second, wake: make(chan struct{}, 1)}
	p.cfg.Targets = []string{"192.0.2.1"}
	p.path, p.began = &rtt.Path{Interval: 100 * ms}, time.Now().Add(-time.Minute)
	for i, r := range replies {
		at := time.Duration(i) * 100 * ms
		p.observe(rtt.Event{Kind: rtt.Sent, At: at, Seq: uint32(i)})
		p.observe(rtt.Event{Kind: rtt.Reply, At: at + r, Seq: uint32(i), RTT: r})
	}
	for i := range p.replies {
		p.replies[i].at = time.Now().Add(-age)
	}
	return p
}
