package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

const steeringRule = "ADAPTIVE: Steer latency-sensitive traffic"

// steeringRig is a router and the loops of two WANs, and steering beside them.
type steeringRig struct {
	t      *testing.T
	sim    *simrouter.Router
	dir    string
	config string
	dsl    *fakeLoop // the primary WAN
	lte    *fakeLoop
}

// newSteeringRig makes decisions quick. more is lines for the end of the
// configuration.
func newSteeringRig(t *testing.T, more string) *steeringRig {
	t.Helper()
	return newSteeringRigBy(t, simrouter.WWWSSL, more)
}

// newSteeringRigBy is newSteeringRig with a router that has one service alone.
func newSteeringRigBy(t *testing.T, service simrouter.Service, more string) *steeringRig {
	t.Helper()
	sim, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	if err := sim.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	// A short path: a socket's has 107 bytes at most.
	dir, err := os.MkdirTemp("", "wanctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &steeringRig{t: t, sim: sim, dir: dir, config: filepath.Join(dir, "steering.yaml")}
	r.dsl, r.lte = newFakeLoop(t, dir, "dsl"), newFakeLoop(t, dir, "lte")
	_, port := sim.HostPort()
	transport := "rest"
	switch service {
	case simrouter.API, simrouter.APISSL:
		transport = "api"
	case simrouter.SSH:
		transport = "ssh, ssh_fingerprint: " + sim.SSHFingerprint()
	case simrouter.WWW, simrouter.WWWSSL:
	}
	write(t, r.config, fmt.Sprintf(`wan_name: steering
router: {transport: %[4]s, host: 127.0.0.1, port: %[1]d, user: wanctl, password: wanctl}
topology: {primary_wan: dsl, alternate_wan: lte}
mangle_rule: {comment: "%[2]s"}
cake_queues: {primary_download: WAN-Download-1, primary_upload: WAN-Upload-1}
measurement: {interval_seconds: 0.05, ping_host: 127.0.0.1}
thresholds: {red_samples_required: 2, green_samples_required: 3}
lock_file: %[3]s/steering.lock
state_file: %[3]s/steering.json
logging: {main_log: %[3]s/steering.log}
health_check: {enabled: false}
`+more, port, steeringRule, dir, transport))
	return r
}

// app is wanctl with what it prints.
func (r *steeringRig) app() (*app.App, *bytes.Buffer, *log) {
	var stdout bytes.Buffer
	stderr := &log{}
	return &app.App{
		Streams: output.Streams{In: strings.NewReader(""), Out: &stdout, Err: stderr},
		// This process has more to do than one loop.
		LookupEnv: func(name string) (string, bool) { return "", name == "GOMAXPROCS" },
		Version:   "1.2.3",
	}, &stdout, stderr
}

// run runs wanctl to its end.
func (r *steeringRig) run(want int, args ...string) (stdout, stderr string) {
	r.t.Helper()
	a, o, e := r.app()
	if got := cli.Run(r.t.Context(), a, append(args, "--config", r.config)); got != want {
		r.t.Fatalf("%s: exit status %d, want %d; stderr:\n%s\nstdout:\n%s", strings.Join(args, " "), got, want, e, o)
	}
	return o.String(), e.String()
}

// start runs `wanctl steer` until end is called, which returns the exit status.
func (r *steeringRig) start(args ...string) (stderr *log, end func() int) {
	r.t.Helper()
	a, _, stderr := r.app()
	ctx, cancel := context.WithCancel(r.t.Context())
	status := make(chan int, 1)
	go func() { status <- cli.Run(ctx, a, append([]string{"steer", "--config", r.config}, args...)) }()
	end = sync.OnceValue(func() int {
		cancel()
		return <-status
	})
	r.t.Cleanup(func() { end() })
	stderr.wait(r.t, "msg=(running) ")
	return stderr, end
}

// steered reports whether the rule on the router is enabled.
func (r *steeringRig) steered() bool {
	r.t.Helper()
	text, _ := r.run(0, "router", "mangle", "get", steeringRule, "-o", "jsonl")
	return strings.Contains(text, `"enabled":true`)
}

// status is what the running daemon says of itself.
func (r *steeringRig) status() telemetry.SteeringHealth {
	h, err := daemonsock.New(filepath.Join(r.dir, "steering.sock")).SteeringHealth(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return h
}

// wait waits until the daemon says so.
func (r *steeringRig) wait(what string, so func(telemetry.SteeringHealth) bool) {
	r.t.Helper()
	var h telemetry.SteeringHealth
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if h = r.status(); so(h) {
			return
		}
	}
	text, _ := json.Marshal(h)
	r.t.Fatalf("not %s after a minute: %s", what, text)
}

// congest makes the primary WAN RED: delay, and a queue that confirms it.
func (r *steeringRig) congest() {
	if err := r.sim.SetCounters("WAN-Download-1", router.Counters{QueuedPackets: 200}); err != nil {
		r.t.Fatal(err)
	}
	r.dsl.say(func(w *telemetry.WANHealth) { w.LoadRTTMs = new(90.0) })
}

func (r *steeringRig) relieve() {
	r.dsl.say(func(w *telemetry.WANHealth) { w.LoadRTTMs = new(20.0) })
	if err := r.sim.SetCounters("WAN-Download-1", router.Counters{}); err != nil {
		r.t.Fatal(err)
	}
}

// fakeLoop answers as the loop of a calm WAN does, until told otherwise.
type fakeLoop struct {
	mu  sync.Mutex // protects the following field
	wan telemetry.WANHealth
}

func newFakeLoop(t *testing.T, dir, name string) *fakeLoop {
	t.Helper()
	l := &fakeLoop{wan: telemetry.WANHealth{
		Name: name, Status: telemetry.Healthy, BaselineRTTMs: new(20.0), LoadRTTMs: new(20.0), AgeSeconds: new(0.0),
		Probe: telemetry.ProbeHealth{ReflectorsAlive: 3, Reflectors: 3},
	}}
	l.wan.Download.State, l.wan.Upload.State = "GREEN", "GREEN"
	ln, err := net.Listen("unix", filepath.Join(dir, name+".sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: l}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return l
}

func (l *fakeLoop) say(change func(*telemetry.WANHealth)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.wan)
}

func (l *fakeLoop) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = json.NewEncoder(w).Encode(telemetry.Health{
		Status: l.wan.Status, UptimeSeconds: 60, WANCount: 1, WANs: []telemetry.WANHealth{l.wan},
	})
}

// left reads the state file.
func (r *steeringRig) left(into any) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "steering.json"))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		r.t.Fatal(err)
	}
}

// get asks the daemon at a socket.
func get(t *testing.T, socket, path string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	resp, err := client.Get("http://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return body.String()
}
