//go:build linux

package halab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/lab/netfilter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// rules are those that nodes need.
const rules = owner.Rules

// site is a network with a router, and nodes that run the program.
type site struct {
	*testing.T
	*network
	program string
	dir     string
	fault   fault
	wans    int
	router  *simrouter.Router
	port    string
	watch   watch
	members []*member
	fates   []ha.Record
	ended   sync.WaitGroup
	stop    context.CancelFunc
}

// member is the program at a node.
type member struct {
	name string
	node int // whose namespace it is in
	cmd  *exec.Cmd
	done chan struct{}
	log  string
}

// newSite starts the nodes, the first of which owns the router then.
func newSite(t *testing.T, program string, f fault, wans int) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "wh") // short, for the sockets in it
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, program: program, dir: dir, wans: wans, fault: f, network: newNetwork(t, f.nodes)}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	t.Cleanup(s.end)
	s.startRouter()
	s.ended.Go(func() { s.swing(ctx) })
	for i := range f.nodes {
		s.start(s.newMember(fmt.Sprint("n", i+1), i+1))
		if i == 0 {
			s.awaitWrite(time.Time{}, netip.Addr{}, 90*time.Second)
		}
	}
	s.standby()
	return s
}

// standby waits until all nodes read the claims.
func (s *site) standby() {
	s.Helper()
	for _, m := range s.members {
		s.await(90*time.Second, m.name+" to read the claims", func() bool {
			text, _ := os.ReadFile(m.log)
			return bytes.Contains(text, []byte(`"guarded":true`))
		})
	}
	time.Sleep(time.Second)
}

func (s *site) startRouter() {
	s.Helper()
	table, err := netfilter.New(s.network.router)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = table.Close() })
	script := rules + "/queue tree\n"
	for i := range s.wans {
		script += fmt.Sprintf("add name=w%d-down parent=global max-limit=300M\nadd name=w%[1]d-up parent=global max-limit=25M\n", i)
	}
	script += "/user group add name=wanctl policy=read,write,api\n/user add name=wanctl group=wanctl password=wanctl\n"
	s.router, err = simrouter.New(simrouter.Config{
		Script: script, ScriptName: "halab", Backend: &link{queues: map[string]*sending{}}, Firewall: firewall{table, s.fault.spares},
		Observe: s.watch.observe, Listen: s.listen, MaxSessions: 2000,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = s.router.Close() })
	if err := s.router.StartService(context.Background(), simrouter.API, routerAddr+":8728"); err != nil {
		s.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(s.router.AddrOf(simrouter.API))
}

// swing has the line's queue fill and drain again and again, so that limits are written.
func (s *site) swing(ctx context.Context) {
	ticker := time.NewTicker(350 * time.Millisecond)
	defer ticker.Stop()
	for full := false; ; full = !full {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		delay := 5 * time.Millisecond
		if full {
			delay = 60 * time.Millisecond
		}
		s.line.SetDelay(delayline.Back, delay)
	}
}

// newMember writes the configuration of a node.
func (s *site) newMember(name string, node int) *member {
	s.Helper()
	m := &member{name: name, node: node, log: filepath.Join(s.dir, name+".log")}
	s.members = append(s.members, m)
	dir := filepath.Join(s.dir, name)
	files := map[string]string{"node.yaml": fmt.Sprintf("node: {name: %s}\nha: {order: [n1, n2, n3, n4]}\n", name)}
	for i := range s.wans {
		files[fmt.Sprintf("w%d.yaml", i)] = fmt.Sprintf(`wan_name: w%[1]d
router: {transport: api, tls: false, host: %[2]s, port: %[3]s, user: wanctl, password: wanctl}
queues: {download: w%[1]d-down, upload: w%[1]d-up}
lock_file: %[4]s/w%[1]d.lock
state_file: %[4]s/w%[1]d.json
logging: {main_log: %[4]s/w%[1]d.log}
health_check: {enabled: false}
continuous_monitoring:
  baseline_rtt_initial: 10
  ping_hosts: [%[5]s]
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  fallback_checks: {enabled: false}
`, i, routerAddr, s.port, dir, strings.Join(reflectors, ", "))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	return m
}

// start starts the program at a node.
func (s *site) start(m *member) {
	s.Helper()
	log, err := os.OpenFile(m.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	m.done = make(chan struct{})
	m.cmd = exec.CommandContext(context.Background(), "nsenter", "--net="+s.nodes[m.node-1].Path, "--",
		s.program, "run", "--config-dir", filepath.Join(s.dir, m.name), "--log-level", "debug", "--log-format", "json")
	m.cmd.Stderr = log
	if err := m.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	cmd, done := m.cmd, m.done
	s.ended.Go(func() {
		_ = cmd.Wait() // its status does not matter
		close(done)
	})
}

// kill ends the program at once.
func (s *site) kill(m *member) time.Time {
	at := time.Now()
	_ = m.cmd.Process.Kill()
	<-m.done
	s.fates = append(s.fates, ha.Record{Node: m.name, At: time.Now().UnixNano(), Fate: ha.Killed})
	return at
}

func (m *member) signal(s syscall.Signal) { _ = m.cmd.Process.Signal(s) }

func (s *site) end() {
	for _, m := range s.members {
		if m.cmd != nil && m.cmd.Process != nil {
			m.signal(syscall.SIGCONT)
			_ = m.cmd.Process.Kill()
		}
	}
	s.stop()
	s.ended.Wait()
	if s.Failed() {
		s.Logf("logs are in %s", s.dir)
		return
	}
	_ = os.RemoveAll(s.dir)
}

// await waits for something.
func (s *site) await(most time.Duration, what string, done func() bool) {
	s.Helper()
	for end := time.Now().Add(most); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited %v for %s", most, what)
		}
	}
}

// awaitWrite waits for a write after an instant by another than a node.
func (s *site) awaitWrite(after time.Time, not netip.Addr, most time.Duration) (w write) {
	s.Helper()
	s.await(most, "a write", func() (ok bool) { w, ok = s.watch.firstWrite(after, not); return ok })
	return w
}

// owner returns the member that owns the router.
func (s *site) owner() *member {
	s.watch.mu.Lock()
	e := s.watch.inForce()
	s.watch.mu.Unlock()
	for _, m := range s.members {
		if m.name == e.Node {
			return m
		}
	}
	s.Fatalf("%q owns the router", e.Node)
	return nil
}

// other returns a node that is not m.
func (s *site) other(m *member) *member {
	for _, x := range s.members {
		if x != m {
			return x
		}
	}
	return nil
}

func (s *site) logOf(m *member) string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// harmed does what network.harm does to a node.
func (s *site) harmed(m *member, directions, percent int) {
	s.Helper()
	if err := s.harm(m.node, directions, percent); err != nil {
		s.Fatal(err)
	}
}

// unfence ends all fences, of which the nodes have ended.
func (s *site) unfence() {
	s.Helper()
	s.run(`/ip firewall address-list remove [find list=` + owner.FencedList + `]`)
	s.fates = append(s.fates, ha.Record{At: time.Now().UnixNano(), Fate: ha.Unfenced})
}

func (s *site) run(command string) {
	s.Helper()
	if err := s.router.Run(command); err != nil {
		s.Fatal(err)
	}
}

func (s *site) reboot(down time.Duration) {
	s.router.Reboot(simrouter.Reboot{Down: down})
	s.watch.rebooted()
	s.fates = append(s.fates, ha.Record{At: time.Now().UnixNano(), Fate: ha.Rebooted})
}

// replay holds what the nodes have recorded against the model.
func (s *site) replay() (records int, err error) {
	all := s.fates
	for _, m := range s.members {
		text, err := os.ReadFile(m.log)
		if err != nil {
			return 0, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line struct {
				Message string    `json:"msg"`
				Record  ha.Record `json:"record"`
			}
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == owner.RecordMessage {
				all = append(all, line.Record)
			}
		}
	}
	return len(all), ha.Replay(all, ha.Assumptions{Fence: time.Minute})
}
