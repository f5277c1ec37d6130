//go:build linux && amd64

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The exposure that systemd computes for each unit stays low, in tenths.
func TestUnitExposure(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	for _, unit := range units {
		out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold=15", filepath.Join(unitDir, unit)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}

// Each service does its work within what its unit allows.
func TestServicesWorkInTheirSandbox(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil || os.Getuid() != 0 || testing.Short() {
		t.Skip("needs systemd-analyze and root, and builds the program")
	}
	root, err := os.MkdirTemp("", "wanctl-sandbox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil { //nolint:gosec // as /srv is
		t.Fatal(err)
	}
	for _, dir := range []string{"etc", "bin", "state", "log", "run"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil { //nolint:gosec // the service must get there
			t.Fatal(err)
		}
		if owner := map[string]int{"state": serviceUser, "log": serviceUser, "run": serviceUser}[dir]; owner != 0 {
			if err := os.Chown(filepath.Join(root, dir), owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	bin := filepath.Join(root, "bin", "wanctl")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	writeConfigs(t, filepath.Join(root, "etc"), simulatedRouter(t, bin))
	if err := os.WriteFile(filepath.Join(root, "bin", "hook"), []byte(hook), 0o755); err != nil { //nolint:gosec // the service runs it
		t.Fatal(err)
	}

	probe := &sandbox{Root: root, Allowed: systemCalls(t, analyze, units[0]), Args: []string{"/srv/bin/wanctl", "version"}, Umask: 0o027}
	if out, err := probe.command(t).CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("operation not permitted")) && bytes.HasPrefix(out, []byte("sandbox:")) {
			t.Skipf("a sandbox cannot be made here: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	// The sandbox holds.
	for script, allowed := range map[string]bool{
		": >/srv/state/probe": true, ": >/tmp/probe": true, "read -r line </srv/etc/dsl.yaml": true, ": >/dev/null": true,
		": >/srv/etc/probe": false, ": >/srv/bin/probe": false, ": >/var/lib/probe": false, "ls /root": false, "ls /proc/1": false,
		"chown 0 /srv/state": false, "unshare --user true": false, "nice -n 5 true 2>&1 | grep 'not permitted'": true,
	} {
		probe.Args = []string{"/bin/sh", "-c", script}
		probe.Env = []string{"PATH=/usr/bin:/bin"}
		if out, err := probe.command(t).CombinedOutput(); (err == nil) != allowed {
			t.Errorf("%s: %v %s", script, err, out)
		}
	}
	for _, tt := range []struct {
		unit, instance string
		more           []string // arguments
		socket         string   // that answers; "" for the address in the log
		status         int      // of /health
		health         []string // what that contains
		writes         string   // a file that exists in the end
		told           string   // a file that the program of notify.command.path writes
	}{
		{"wanctl@.service", "dsl", nil, "dsl.sock", http.StatusOK, []string{`"mode": "icmp"`, `"interface": "lo"`}, "state/dsl.json", "state/dsl.told"},
		{"wanctl-steer.service", "", nil, "steering.sock", http.StatusServiceUnavailable, []string{"no daemon answers"}, "state/steering.json", ""},
		{"wanctl.service", "", nil, "dsl.sock", http.StatusOK, []string{`"mode": "icmp"`, `"interface": "lo"`}, "state/steering.json", "state/dsl.told"},
		{"wanctl-serve.service", "", []string{"--listen", "127.0.0.1:0"}, "", http.StatusServiceUnavailable, []string{`"name": "dsl"`}, "", ""},
	} {
		t.Run(tt.unit, func(t *testing.T) {
			s := serviceOf(t, analyze, tt.unit, tt.instance, root)
			s.start(t, tt.more...)
			s.await(t, "READY=1")
			s.await(t, "WATCHDOG=1")
			s.healthy(t, tt.socket, tt.status, tt.health)
			s.signal(t, syscall.SIGHUP)
			s.await(t, "RELOADING=1")
			s.await(t, "READY=1")
			s.checkMemory(t)
			if tt.told != "" {
				s.told(t, filepath.Join(root, tt.told))
			}
			s.signal(t, syscall.SIGTERM)
			if err := s.cmd.Wait(); err != nil {
				t.Errorf("ended with %v\n%s", err, s.log())
			}
			if tt.writes != "" {
				if _, err := os.Stat(filepath.Join(root, tt.writes)); err != nil {
					t.Errorf("%v\n%s", err, s.log())
				}
			}
			for _, sign := range []string{"operation not permitted", "read-only file system", "permission denied", "protocol not supported"} {
				if strings.Contains(strings.ToLower(s.log()), sign) {
					t.Errorf("%q in its log:\n%s", sign, s.log())
				}
			}
		})
	}
}

// told waits until the program that notify.command.path names has run: within the same
// limits, and without capabilities.
func (s *service) told(t *testing.T, file string) {
	t.Helper()
	for range 1000 {
		text, err := os.ReadFile(file)
		if err == nil && bytes.HasSuffix(text, []byte("end\n")) {
			if !bytes.Contains(text, []byte(`"event":"loop"`)) || !regexp.MustCompile(`(?m)^CapEff:\s+0+$`).Match(text) {
				t.Errorf("the program of notify.command.path: %s", text)
			}
			_ = os.Remove(file)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the program of notify.command.path has not run\n%s", s.log())
}

// hook is that program.
const hook = `#!/bin/sh
{ cat; grep ^Cap /proc/self/status; echo end; } >/srv/state/$WANCTL_WAN.told
`

// simulatedRouter starts a router and returns its port.
func simulatedRouter(t *testing.T, bin string) (port string) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	cmd := exec.Command(bin, "sim", "router", "--listen", "127.0.0.1:0", "--ready-file", ready, "-q")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 1000 {
		if text, err := os.ReadFile(ready); err == nil && len(text) > 0 {
			_, port, err := net.SplitHostPort(strings.SplitN(string(text), "\n", 2)[0])
			if err != nil {
				t.Fatal(err)
			}
			return port
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the simulated router does not start")
	return ""
}

func writeConfigs(t *testing.T, dir, port string) {
	t.Helper()
	common := func(name string) string {
		return fmt.Sprintf("wan_name: %s\nrouter: {host: 127.0.0.1, port: %s, user: wanctl, password: wanctl}\n"+
			"lock_file: /srv/run/%[1]s.lock\nstate_file: /srv/state/%[1]s.json\nlogging: {main_log: /srv/log/%[1]s.log}\nhealth_check: {port: 0}\nnotify: {events: [loop], command: {path: /srv/bin/hook}}\n", name, port)
	}
	for name, text := range map[string]string{
		"dsl.yaml": common("dsl") + `queues: {download: WAN-Download-1, upload: WAN-Upload-1}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`,
		"steering.yaml": common("steering") + `topology: {primary_wan: dsl, alternate_wan: lte}
mangle_rule: {comment: "ADAPTIVE: Steer latency-sensitive traffic"}
cake_queues: {primary_download: WAN-Download-1, primary_upload: WAN-Upload-1}
measurement: {interval_seconds: 0.1, ping_host: 127.0.0.1}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // the service reads it
			t.Fatal(err)
		}
	}
}

// service is a service under test.
type service struct {
	sandbox
	cmd    *exec.Cmd
	root   string
	most   int64 // MemoryMax in bytes
	notify *net.UnixConn

	mu  sync.Mutex // protects the following field
	err bytes.Buffer
}

// serviceOf reads a unit.
func serviceOf(t *testing.T, analyze, unit, instance, root string) *service {
	t.Helper()
	one := func(setting string) string {
		values := unitSettings(t, unit, setting)
		if len(values) != 1 {
			t.Fatalf("%s: %s=%v", unit, setting, values)
		}
		return values[0]
	}
	s := &service{root: root, sandbox: sandbox{Root: root, Allowed: systemCalls(t, analyze, unit)}}
	for _, f := range strings.Fields(one("RestrictAddressFamilies")) {
		n, known := map[string]uint32{"AF_UNIX": unix.AF_UNIX, "AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6, "AF_NETLINK": unix.AF_NETLINK}[f]
		if !known {
			t.Fatalf("%s: the test does not know %s", unit, f)
		}
		s.Families = append(s.Families, n)
	}
	for _, c := range strings.Fields(one("CapabilityBoundingSet")) {
		if c != "CAP_NET_RAW" {
			t.Fatalf("%s: the test does not know %s", unit, c)
		}
		s.Caps = append(s.Caps, unix.CAP_NET_RAW)
	}
	for _, must := range []string{"NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelModules", "ProtectKernelLogs",
		"ProtectControlGroups", "ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime", "LockPersonality", "MemoryDenyWriteExecute"} {
		if one(must) != "yes" {
			t.Errorf("%s: %s=%s", unit, must, one(must))
		}
	}
	umask, err := strconv.ParseInt(one("UMask"), 8, 32)
	if err != nil {
		t.Fatal(err)
	}
	s.Umask = int(umask)
	size := one("MemoryMax")
	n, err := strconv.ParseInt(strings.TrimRight(size, "MG"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.most = n << map[byte]uint{'M': 20, 'G': 30}[size[len(size)-1]]
	start := strings.ReplaceAll(one("ExecStart"), "%i", instance)
	s.Args = strings.Fields(strings.Replace(start, "/usr/bin/wanctl", "/srv/bin/wanctl", 1))
	s.Env = append(unitSettings(t, unit, "Environment"), "PATH=/usr/bin:/bin", "WANCTL_CONFIG_DIR=/srv/etc", "NOTIFY_SOCKET=/srv/run/notify", "WATCHDOG_USEC=4000000")
	return s
}

func (s *service) start(t *testing.T, more ...string) {
	t.Helper()
	path := filepath.Join(s.root, "run", "notify")
	_ = os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := os.Chmod(path, 0o777); err != nil { //nolint:gosec // the service writes to it
		t.Fatal(err)
	}
	s.notify = conn
	s.Args = append(s.Args, more...)
	s.cmd = s.command(t)
	s.cmd.Stderr = s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
}

// Write implements io.Writer.
func (s *service) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err.Write(p)
}

func (s *service) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err.String()
}

// await waits for a notification to systemd.
func (s *service) await(t *testing.T, want string) {
	t.Helper()
	if err := s.notify.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := s.notify.Read(buf)
		if err != nil {
			t.Fatalf("no %s: %v\n%s", want, err, s.log())
		}
		for line := range strings.Lines(string(buf[:n])) {
			if strings.TrimSpace(line) == want {
				return
			}
		}
	}
}

func (s *service) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%v\n%s", err, s.log())
	}
}

var listening = regexp.MustCompile(`msg=listening server=serve address=(\S+)`)

// healthy waits until the health document has that status and contains all of want.
func (s *service) healthy(t *testing.T, socket string, status int, want []string) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	url := "http://localhost/health"
	if socket == "" {
		m := listening.FindStringSubmatch(s.log())
		if m == nil {
			t.Fatalf("it does not listen:\n%s", s.log())
		}
		url = "http://" + m[1] + "/health"
	} else {
		client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.root, "run", socket))
		}}
	}
	got := errors.New("no answer")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		resp, err := client.Get(url)
		if err != nil {
			got = err
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		missing := slices.IndexFunc(want, func(text string) bool { return !strings.Contains(string(body), text) })
		if resp.StatusCode == status && json.Valid(body) && missing < 0 {
			return
		}
		got = fmt.Errorf("%s: %s", resp.Status, body)
	}
	t.Fatalf("%v\n%s", got, s.log())
}

// checkMemory compares the peak of the process, which is most of what the control
// group would count, with MemoryMax.
func (s *service) checkMemory(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	peak, _ := strconv.ParseInt(string(m[1]), 10, 64)
	if peak <<= 10; peak > s.most {
		t.Errorf("it took %d bytes, MemoryMax is %d", peak, s.most)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", fmt.Sprintf("Uid:\t%d", serviceUser)} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}
