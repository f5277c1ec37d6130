package routerdial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bounds = Bounds{Timeout: 10 * time.Second}

// startRouter returns a router with REST, the API and SSH, of which the first two
// are without TLS.
func startRouter(t *testing.T) *simrouter.Router {
	t.Helper()
	r, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, service := range []simrouter.Service{simrouter.WWW, simrouter.API, simrouter.SSH} {
		if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// endpoint is the keys of an endpoint in a configuration.
func endpoint(r *simrouter.Router, transport config.Transport) string {
	service, more := map[config.Transport]simrouter.Service{
		config.REST: simrouter.WWW, config.API: simrouter.API, config.SSH: simrouter.SSH,
	}[transport], "tls: false"
	if transport == config.SSH {
		more = `ssh_fingerprint: "` + r.SSHFingerprint() + `"`
	}
	_, port := r.HostPortOf(service)
	return fmt.Sprintf("transport: %s, port: %d, %s", transport, port, more)
}

// load reads a configuration whose router has these keys beside host and user.
func load(t *testing.T, keys string) *config.WAN {
	t.Helper()
	cfg, _, err := config.Parse(strings.NewReader(`
wan_name: w
router: {host: 127.0.0.1, user: wanctl, password: wanctl, `+keys+`}
queues: {download: WAN-Download-1, upload: WAN-Upload-1}
continuous_monitoring: {download: {ceiling_mbps: 90, floor_mbps: 1}, upload: {ceiling_mbps: 9, floor_mbps: 1}}
`), "w.yaml", config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t *testing.T, cfg *config.WAN, onSwitch func(failover.Switch)) router.Client {
	t.Helper()
	c, err := Open(&cfg.Base, bounds, nil, onSwitch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func wantInUse(t *testing.T, cfg *config.WAN, c router.Client, transport config.Transport, address string, switches int) {
	t.Helper()
	if gotT, gotA, n := InUse(cfg.Router, c); gotT != string(transport) || gotA != address || n != switches {
		t.Errorf("in use: %s at %s after %d switches; want %s at %s after %d", gotT, gotA, n, transport, address, switches)
	}
}

func TestEachTransport(t *testing.T) {
	for transport, service := range map[config.Transport]simrouter.Service{
		config.REST: simrouter.WWW, config.API: simrouter.API, config.SSH: simrouter.SSH,
	} {
		t.Run(string(transport), func(t *testing.T) {
			r := startRouter(t)
			cfg := load(t, endpoint(r, transport))
			c := open(t, cfg, nil)
			if n := r.Counts().Connections; n != 0 {
				t.Errorf("%d connections before the first call", n)
			}
			if _, err := c.Queue(t.Context(), "WAN-Download-1"); err != nil {
				t.Fatal(err)
			}
			if n := r.Counts().Services[service].Requests; n == 0 || n != r.Requests() {
				t.Errorf("%d of %d requests over %s", n, r.Requests(), service)
			}
			wantInUse(t, cfg, c, transport, r.AddrOf(service), 0)
		})
	}
}

// A router that refuses the first way is asked by the second, and again by the
// first one once there is no second any more.
func TestFailover(t *testing.T) {
	r := startRouter(t)
	cfg := load(t, endpoint(r, config.REST)+", failover: [{"+endpoint(r, config.API)+"}, {"+endpoint(r, config.SSH)+"}]")
	var switches []failover.Switch
	c := open(t, cfg, func(s failover.Switch) { switches = append(switches, s) })
	wantInUse(t, cfg, c, config.REST, r.AddrOf(simrouter.WWW), 0)

	r.Refuse(simrouter.WWW)
	if _, err := c.Queue(t.Context(), "WAN-Download-1"); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, cfg, c, config.API, r.AddrOf(simrouter.API), 1)
	if len(switches) != 1 || switches[0].From != "rest "+r.AddrOf(simrouter.WWW) || switches[0].To != "api "+r.AddrOf(simrouter.API) || switches[0].Why == nil {
		t.Errorf("switches: %+v", switches)
	}

	r.Refuse()
	r.DropConnections()
	if _, err := c.Queue(t.Context(), "WAN-Download-1"); !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("without any way: %v", err)
	}
	if err := r.Listen(simrouter.SSH); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Queue(t.Context(), "WAN-Download-1"); err != nil {
		t.Errorf("by the last way: %v", err)
	}
	transport, address, _ := InUse(cfg.Router, wrapped{c})
	if transport != string(config.SSH) || address != r.AddrOf(simrouter.SSH) {
		t.Errorf("in use: %s at %s, want the last way", transport, address)
	}
}

// wrapped is a client that changes what another one does.
type wrapped struct{ router.Client }

func (w wrapped) Unwrap() router.Client { return w.Client }

// The endpoints of a router share the memory of changes without an answer: the
// next change of the same queue begins with a read, by whichever way.
func TestUnknownOutcomeIsSharedByTransports(t *testing.T) {
	r := startRouter(t)
	cfg := load(t, endpoint(r, config.REST)+", failover: [{"+endpoint(r, config.API)+"}]")
	c := open(t, cfg, func(failover.Switch) {})
	limit := func(mbps bitrate.Rate) router.QueueChange {
		return router.QueueChange{Name: "WAN-Download-1", QueueSettings: router.QueueSettings{MaxLimit: new(mbps * bitrate.Mbps)}}
	}
	if _, err := c.SetQueues(t.Context(), limit(60)); err != nil {
		t.Fatal(err)
	}
	r.Inject(simrouter.Fault{Kind: simrouter.Stall, Service: simrouter.WWW, Command: "set", Applied: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil && r.Writes() < 2 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := c.SetQueues(ctx, limit(50)); !errors.Is(err, router.ErrOutcomeUnknown) {
		t.Fatalf("a change without an answer: %v", err)
	}
	cancel()
	r.Refuse(simrouter.WWW)
	r.DropConnections(simrouter.WWW)
	if _, err := c.SetQueues(t.Context(), limit(50)); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, cfg, c, config.API, r.AddrOf(simrouter.API), 1)
	for _, request := range r.History() {
		if request.Service == simrouter.API {
			if !strings.HasSuffix(request.Path, "/print") {
				t.Errorf("the second way begins with %s, not with a read", request.Path)
			}
			break
		}
	}
	if n := r.Writes(); n != 2 {
		t.Errorf("%d writes, want 2: what the first way wrote was written again", n)
	}
}

// A mistake in the last way is an error at the start, and not on the day that way
// is needed.
func TestMistakesShowAtTheStart(t *testing.T) {
	r := startRouter(t)
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, keys, key, text string }{
		{"key that is missing", `ssh_key: "` + filepath.Join(dir, "none") + `"`, "router.failover[1]", "none"},
		{"key that is none", `ssh_key: "` + empty + `"`, "router.failover[1]", "empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			last := tt.keys + ", " + endpoint(r, config.SSH)
			cfg := load(t, endpoint(r, config.REST)+", failover: [{"+endpoint(r, config.API)+"}, {"+last+"}]")
			c, err := Open(&cfg.Base, bounds, nil, nil)
			if err == nil {
				_ = c.Close()
			}
			var invalid *config.Error
			if !errors.As(err, &invalid) || len(invalid.Problems) != 1 {
				t.Fatalf("error is %v", err)
			}
			if p := invalid.Problems[0]; p.File != "w.yaml" || p.Key != tt.key || !strings.Contains(p.Text, tt.text) {
				t.Errorf("problem %+v", p)
			}
		})
	}
	if n := r.Counts().Connections; n != 0 {
		t.Errorf("%d connections to check configurations", n)
	}
}

func TestUnknownTransport(t *testing.T) {
	if _, err := Client(config.Router{Transport: "telnet"}, bounds); err == nil || !strings.Contains(err.Error(), `"telnet": use rest, api or ssh`) {
		t.Errorf("error is %v", err)
	}
}
