package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const routerScript = `/queue tree
add name=a-down parent=global max-limit=100M
add name=a-up parent=global max-limit=20M
add name=b-down parent=global max-limit=100M
add name=b-up parent=global max-limit=20M
add name=c-down parent=global max-limit=100M
add name=c-up parent=global max-limit=20M
/ip firewall mangle add chain=prerouting action=mark-connection comment=steer disabled=yes
/user group add name=wanctl policy=read,write,api,rest-api
/user add name=wanctl group=wanctl password=wanctl
`

// syncBuffer is a console that a test reads while it is written to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// site is a directory of configurations with a running manager, and one router. The
// test looks at the directory itself, instead of waiting until the manager does.
type site struct {
	*testing.T
	dir     string
	port    int
	console syncBuffer
	m       *manager
	end     context.CancelFunc // has it hand over and end
	ended   chan struct{}
}

func newSite(t *testing.T) *site {
	t.Helper()
	return siteOf(t, startRouter(t, routerScript))
}

func startRouter(t *testing.T, script string) *simrouter.Router {
	t.Helper()
	sim, err := simrouter.New(simrouter.Config{Script: script, ScriptName: "site"})
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	return sim
}

func siteOf(t *testing.T, sim *simrouter.Router) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "wanctl") // a short path: a socket's has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{T: t, dir: dir}
	_, s.port = sim.HostPort()
	return s
}

// run runs the manager on the directory as it is now.
func (s *site) run() {
	s.Helper()
	ctx, p, err := daemon.NewProcess(s.Context(), daemon.Options{Err: &s.console, LookupEnv: os.LookupEnv, Version: "1.2.3"})
	if err != nil {
		s.Fatal(err)
	}
	s.m = newManager(p, Options{Options: p.Options, Dir: s.dir})
	node, _, err := config.LoadNode(s.dir, "host", config.Options{})
	if err != nil {
		s.Fatal(err)
	}
	if node != nil && node.Enabled {
		store, err := owner.NewStore(node)
		if err != nil {
			s.Fatal(err)
		}
		s.m.nodes = withNodes(s.m, node, store)
	}
	if node != nil && len(node.Fleet.URL) > 0 {
		p.KeepHistory()
		s.m.joinFleet(node)
	}
	if err := s.m.update(true); err != nil {
		s.Fatal(err)
	}
	s.m.follow(node)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	var sinks sync.WaitGroup
	for _, sink := range p.Sinks {
		sinks.Go(func() { _ = sink.Run(ctx) })
	}
	s.end, s.ended = cancel, make(chan struct{})
	go func() {
		ended <- p.Loops[0].Run(ctx)
		close(s.ended)
	}()
	go func() { ended <- s.m.listeners.Run(ctx) }()
	s.Cleanup(func() {
		cancel()
		sinks.Wait()
		if err := errors.Join(<-ended, <-ended, p.Close()); err != nil {
			s.Error(err)
		}
		if s.Failed() {
			s.Logf("console:\n%s", &s.console)
		}
	})
}

// update looks at the directory until what was changed there counts.
func (s *site) update() {
	s.Helper()
	for range 2 {
		if err := s.m.update(false); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *site) write(file, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, file), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *site) remove(file string) {
	s.Helper()
	if err := os.Remove(filepath.Join(s.dir, file)); err != nil {
		s.Fatal(err)
	}
}

// wan writes the configuration of a WAN: its name is that of the file.
func (s *site) wan(file, queue string, ceiling int, extra string) {
	s.Helper()
	name := strings.TrimSuffix(file, ".yaml")
	router := fmt.Sprintf("{host: 127.0.0.1, port: %d, user: wanctl, password: wanctl}", s.port)
	s.write(file, fmt.Sprintf(`wan_name: %[1]s
router: %[2]s
queues: {download: %[3]s-down, upload: %[3]s-up}
lock_file: %[5]s/run/%[1]s.lock
state_file: %[5]s/state/%[1]s.json
logging: {main_log: %[5]s/log/%[1]s.log}
health_check: {enabled: false}
%[6]s
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  download: {ceiling_mbps: %[4]d, floor_mbps: 10}
  upload: {ceiling_mbps: 20, floor_mbps: 2}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`, name, router, queue, ceiling, s.dir, extra))
}

func (s *site) loop(file string) (daemon.LoopState, bool) {
	return s.m.Set.State(filepath.Join(s.dir, file))
}

// runs waits until the loop of a file is open, and returns it.
func (s *site) runs(file string) daemon.Loop {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if st, ok := s.loop(file); ok && st.Open {
			return st.Loop
		}
		if time.Now().After(deadline) {
			st, ok := s.loop(file)
			s.Fatalf("%s does not run: %+v, %v", file, st, ok)
		}
	}
}

// health returns the WAN of that name in the health document.
func (s *site) health(name string) telemetry.WANHealth {
	s.Helper()
	h := s.m.Host(s.Context())
	i := slices.IndexFunc(h.WANs, func(w telemetry.WANHealth) bool { return w.Name == name })
	if i < 0 {
		s.Fatalf("%s is not in the health document", name)
	}
	return h.WANs[i]
}

// logs waits until the log has the text.
func (s *site) logs(text string) {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.console.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("the log lacks %q", text)
		}
	}
}

func (s *site) ceiling(name string, want float64) {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		got := s.health(name).Download.CeilingMbps
		if got != nil && *got == want {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("ceiling of %s is %v, want %v", name, got, want)
		}
	}
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(text string) bool { return strings.Contains(text, part) })
}

// Files come, change and go; what happens to one touches no other loop.
func TestFilesAddedChangedAndRemoved(t *testing.T) {
	s := newSite(t)
	s.wan("a.yaml", "a", 100, "")
	s.wan("b.yaml", "b", 100, "")
	s.write("grafana.yaml", "datasources: []\n")
	s.run()
	a, b := s.runs("a.yaml"), s.runs("b.yaml")
	unchanged := func(what string, file string, l daemon.Loop) {
		t.Helper()
		if st, _ := s.loop(file); st.Loop != l || !st.Open {
			t.Errorf("%s: the loop of %s was touched", what, file)
		}
	}

	s.wan("c.yaml", "c", 100, "")
	s.update()
	s.runs("c.yaml")
	unchanged("a file came", "a.yaml", a)

	s.wan("a.yaml", "a", 50, "")
	s.update()
	s.ceiling("a", 50)
	unchanged("a ceiling", "a.yaml", a)

	s.wan("a.yaml", "a", 50, "timeouts: {ping: 2}")
	s.update()
	if again := s.runs("a.yaml"); again == a {
		t.Error("a setting that is fixed while running was not put into use")
	} else {
		a = again
	}

	s.write("a.yaml", "wan_name: [\n")
	s.update()
	unchanged("a broken file", "a.yaml", a)
	if w := s.health("a").Warnings; !contains(w, "a.yaml:1: is not valid YAML") {
		t.Errorf("warnings %q", w)
	}
	s.logs("its loop keeps the old one")
	s.wan("a.yaml", "a", 60, "timeouts: {ping: 2}")
	s.update()
	s.ceiling("a", 60)
	unchanged("the file is mended", "a.yaml", a)
	if w := s.health("a").Warnings; contains(w, "a.yaml") {
		t.Errorf("warnings %q after the file was mended", w)
	}

	s.remove("c.yaml")
	s.update()
	if _, ok := s.loop("c.yaml"); ok {
		t.Error("the loop of a file that is gone runs")
	}
	lock, err := state.Acquire(filepath.Join(s.dir, "run/c.lock"))
	if err != nil {
		t.Fatalf("its lock: %v", err)
	}
	_ = lock.Close()

	text, err := os.ReadFile(filepath.Join(s.dir, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("a.yaml", strings.Replace(string(text), "continuous_monitoring:\n", "continuous_monitoring:\n  enabled: false\n", 1))
	s.update()
	if _, ok := s.loop("a.yaml"); ok {
		t.Error("a WAN that is switched off runs")
	}
	unchanged("all of it", "b.yaml", b)
}

// Two files that want one queue: the one that runs has it, whatever their names.
func TestTwoFilesOfOneQueue(t *testing.T) {
	s := newSite(t)
	s.wan("b.yaml", "b", 100, "")
	s.wan("c.yaml", "b", 100, "")
	s.run()
	b := s.runs("b.yaml")
	refused := func(file, owner string) {
		t.Helper()
		s.logs(file + ": queues.download: b-down on 127.0.0.1 is used by " + filepath.Join(s.dir, owner) + " too")
	}
	refused("c.yaml", "b.yaml")
	if h := s.health("c.yaml"); h.Status != telemetry.Degraded || !contains(h.Reasons, "is used by") {
		t.Errorf("health %+v", h)
	}
	s.wan("a.yaml", "b", 100, "") // the first by name
	s.update()
	refused("a.yaml", "b.yaml")
	if _, ok := s.loop("a.yaml"); ok {
		t.Error("a newcomer took a queue")
	}

	// One that runs and wants what another has keeps its own.
	s.wan("a.yaml", "a", 100, "")
	s.update()
	a := s.runs("a.yaml")
	s.wan("a.yaml", "b", 100, "")
	s.update()
	if st, _ := s.loop("a.yaml"); st.Loop != a || !contains(s.health("a").Warnings, "is used by") {
		t.Errorf("warnings %q", s.health("a").Warnings)
	}
	if err := s.m.update(true); err != nil { // SIGHUP: all files are read, nothing has changed
		t.Fatal(err)
	}
	if st, _ := s.loop("b.yaml"); st.Loop != b || !st.Open {
		t.Error("the loop that runs was touched")
	}

	// The owner goes: the queue is free for the next.
	s.remove("b.yaml")
	s.update()
	if next := s.runs("a.yaml"); next == a {
		t.Error("the loop that waited for the queue did not get it")
	}
}

// A router that cannot be reached, and a queue that is absent, hold up nobody.
func TestUnreachableRouter(t *testing.T) {
	s := newSite(t)
	port := s.port
	s.port = 1
	s.wan("a.yaml", "a", 100, "")
	s.port = port
	s.wan("b.yaml", "absent", 100, "")
	s.wan("c.yaml", "c", 100, "")
	s.run()
	c := s.runs("c.yaml")
	<-s.m.Set.Ready()
	for file, want := range map[string]string{"a": "connection refused", "b": "absent-down"} {
		if h := s.health(file); h.Status != telemetry.Degraded || !contains(h.Reasons, want) {
			t.Errorf("%s: %s, %q, want %q", file, h.Status, h.Reasons, want)
		}
	}
	line, ok := s.m.statusLine(t.Context())
	if !ok || !strings.Contains(line, "a degraded: the loop does not run: ") {
		t.Errorf("status %q", line)
	}
	s.wan("a.yaml", "a", 100, "") // its port is corrected: tried at once
	s.wan("b.yaml", "b", 100, "")
	s.update()
	s.runs("a.yaml")
	s.runs("b.yaml")
	if st, _ := s.loop("c.yaml"); st.Loop != c {
		t.Error("the loop that runs was touched")
	}
}

// Steering comes and goes as a WAN does, and survives a WAN whose file is broken.
func TestSteeringAddedAndRemoved(t *testing.T) {
	router := startRouter(t, routerScript)
	s := siteOf(t, router)
	s.wan("b.yaml", "b", 100, "")
	s.wan("a.yaml", "a", 100, "")
	s.run()
	a := s.runs("a.yaml")
	s.runs("b.yaml")
	steering := func(red int) {
		s.write("steering.yaml", fmt.Sprintf(`wan_name: steering
router: {host: 127.0.0.1, port: %d, user: wanctl, password: wanctl}
topology: {primary_wan: a, primary_wan_config: %s/a.yaml, alternate_wan: b}
mangle_rule: {comment: steer}
measurement: {ping_host: 127.0.0.1}
mode: {cake_aware: false}
thresholds: {red_rtt_ms: %d}
lock_file: %[2]s/run/steering.lock
state: {file: %[2]s/state/steering.json}
logging: {main_log: %[2]s/log/steering.log}
health_check: {enabled: false}
`, s.port, s.dir, red))
	}
	steering(40)
	s.update()
	l := s.runs("steering.yaml")
	if n := router.Counts().Connections; n != 1 {
		t.Errorf("three loops have opened %d sessions with their router", n)
	}
	steering(50)
	s.update()
	for deadline := time.Now().Add(time.Minute); s.m.Checker.Steering(t.Context(), "steering").Thresholds.RedRTTMs != 50; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the threshold is not in use")
		}
	}
	s.write("a.yaml", "wan_name: [\n")
	s.update()
	for file, was := range map[string]daemon.Loop{"steering.yaml": l, "a.yaml": a} {
		if st, _ := s.loop(file); st.Loop != was || !st.Open {
			t.Errorf("the loop of %s was touched", file)
		}
	}
	if h := s.m.Host(t.Context()); len(h.Steering) != 1 || len(h.WANs) != 2 {
		t.Errorf("health document of %d and %d loops", len(h.WANs), len(h.Steering))
	}
	s.remove("steering.yaml")
	s.update()
	if _, ok := s.loop("steering.yaml"); ok {
		t.Error("steering runs without its file")
	}
}

// Listeners are those that the files ask for.
func TestListenersFollowTheFiles(t *testing.T) {
	s := newSite(t)
	s.run()
	names := func(want ...string) {
		t.Helper()
		var got []string
		for _, st := range s.m.listeners.States() {
			got = append(got, st.Loop.Name())
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("listeners %q, want %q", got, want)
		}
	}
	names("health 127.0.0.1:9101")
	s.wan("a.yaml", "a", 100, "metrics: {enabled: true, host: 127.0.0.1, port: 0}")
	s.update()
	names("metrics 127.0.0.1:0")
	s.remove("a.yaml")
	s.update()
	names("health 127.0.0.1:9101")
}
