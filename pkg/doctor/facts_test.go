package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/survey"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// judge compares what checks say about facts with what is wanted: the beginnings of
// "level check: text; next" of whatever is not ok.
func judge[F any](t *testing.T, checks []Check[F], facts *F, want ...string) {
	t.Helper()
	var all []Finding
	run("x", checks, facts, func(f Finding) { all = append(all, f) })
	got := faults(all)
	if len(got) != len(want) {
		t.Fatalf("found:\n%s\nwant %d", strings.Join(got, "\n"), len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("found:\n%s\nwant:\n%s", got[i], want[i])
		}
	}
	for _, f := range all {
		if f.Level >= Warning && f.Next == "" {
			t.Errorf("no next command: %v", f)
		}
	}
}

func TestHostFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Host)
		want   []string
	}{
		{"none", func(*Host) {}, nil},
		{"ping sockets", func(h *Host) { h.ICMP = hostnet.PingSockets }, nil},
		{"no ICMP", func(h *Host) { h.ICMP, h.NoICMP, h.User = hostnet.NoICMP, fs.ErrPermission, 1000 }, []string{
			"warning icmp: user 1000 may not send ICMP echoes (permission denied): connections would be timed instead; next: sudo setcap cap_net_raw+ep /usr/bin/wanctl"}},
		{"no ICMP in a container", func(h *Host) { h.ICMP, h.NoICMP = hostnet.NoICMP, fs.ErrPermission }, []string{
			"warning icmp: user 0 may not send ICMP echoes (permission denied): connections would be timed instead; next: give the container"}},
		{"no ICMP, but the loops have it", func(h *Host) { h.ICMP, h.Running = hostnet.NoICMP, true }, nil},
		{"clock of a host without a battery", func(h *Host) { h.Now = time.Unix(3600, 0) }, []string{"failure clock: the clock says 1970-01-01T"}},
		{"clock alone", func(h *Host) { h.Synced = false }, []string{"warning clock: the clock is not synchronised: logs and reports get wrong times; next: timedatectl set-ntp true"}},
		{"clock that nobody knows", func(h *Host) { h.Synced, h.ClockError = false, fs.ErrPermission }, nil},
		{"no file of secrets", func(h *Host) { h.SecretsErr = fs.ErrNotExist }, nil},
		{"open secrets", func(h *Host) { h.SecretsMode = 0o644 }, []string{"warning secrets: /etc/wanctl/secrets, which holds passwords, is open to everyone: mode 0644; next: chmod 600 /etc/wanctl/secrets"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &Host{Program: "/usr/bin/wanctl", ICMP: hostnet.RawSockets, Now: epoch.AddDate(1, 0, 0), Synced: true, Secrets: "/etc/wanctl/secrets", SecretsMode: 0o600}
			tt.change(h)
			judge(t, hostChecks, h, tt.want...)
		})
	}
}

func TestDaemonFaults(t *testing.T) {
	held := func(d *Daemon) { d.Held, d.Holder = true, state.Owner{PID: 7, Command: "wanctl"} }
	for _, tt := range []struct {
		name   string
		change func(*Daemon)
		want   []string
	}{
		{"runs", func(*Daemon) {}, nil},
		{"does not run", func(d *Daemon) { d.Held, d.Status, d.Watchdog = false, "", Watchdog{Systemd: true, Unit: true} }, []string{"warning loop: it does not run; next: systemctl enable --now wanctl@dsl"}},
		{"does not run, and no systemd", func(d *Daemon) { d.Held, d.Status, d.Watchdog, d.Path = false, "", Watchdog{}, "/tmp/dsl.yaml" }, []string{"warning loop: it does not run; next: wanctl shape --config /tmp/dsl.yaml"}},
		{"does not answer", func(d *Daemon) { held(d); d.Status = "" }, []string{"warning loop: /run/wanctl/dsl.lock is held by"}},
		{"degraded", func(d *Daemon) { d.Status, d.Reasons = telemetry.Degraded, []string{"no reflector answers"} }, []string{"warning loop: it runs as "}},
		{"lock file is a device", func(d *Daemon) { d.LockErr = errors.New("/dev/null is not a regular file") }, []string{"failure loop: /dev/null is not a regular file; next: set lock_file"}},
		{"started by hand", func(d *Daemon) { d.Watchdog = Watchdog{Known: true, Systemd: true} }, []string{"warning watchdog: it was started by hand"}},
		{"no units", func(d *Daemon) { d.Held, d.Status, d.Watchdog = false, "", Watchdog{Systemd: true} }, []string{"warning loop: ", "warning watchdog: there is no wanctl@.service with a watchdog"}},
		{"password open to everyone", func(d *Daemon) { d.Open = true }, []string{"warning files: /etc/wanctl/dsl.yaml holds the router's password, and everyone may read it; next: chmod 640 /etc/wanctl/dsl.yaml"}},
		{"state directory that everyone may write", func(d *Daemon) { d.Directories[0].Exposed = "/var/lib/wanctl" }, []string{"warning files: state_file: everyone may replace files in /var/lib/wanctl; next: chmod o-w /var/lib/wanctl"}},
		{"state directory that nobody can write", func(d *Daemon) { d.Held, d.Directories[0].Err = false, fs.ErrPermission }, []string{"failure files: state_file: /var/lib/wanctl is not writable: permission denied"}},
		{"state directory of another user", func(d *Daemon) { d.User, d.Directories[0].Err, d.Held = 1000, fs.ErrPermission, false }, nil},
		{"history that root has written", func(d *Daemon) { d.Foreign = "/var/lib/wanctl/dsl_history" }, []string{"warning files: history: /var/lib/wanctl/dsl_history does not belong to the owner of /var/lib/wanctl, as after a start by root: the service may be unable to keep its history; next: sudo chown -R --reference=/var/lib/wanctl /var/lib/wanctl/dsl_history"}},
		{"damaged state", func(d *Daemon) { d.State = state.ErrDamaged }, []string{"warning state: /var/lib/wanctl/dsl_state.json cannot be used: damaged; next: wanctl state repair --config /etc/wanctl/dsl.yaml"}},
		{"own port", func(d *Daemon) { d.Listeners = []Listener{{"health_check.port", "127.0.0.1:9101", true, false, nil}} }, nil},
		{"port of another loop", func(d *Daemon) {
			d.Held, d.Status, d.Listeners = false, "", []Listener{{"health_check.port", "127.0.0.1:9101", true, true, nil}}
		}, []string{"warning loop: it does not run"}},
		{"foreign port", func(d *Daemon) {
			d.Held, d.Status, d.Listeners = false, "", []Listener{{"health_check.port", "127.0.0.1:9101", true, false, nil}}
		}, []string{"warning loop: ", "warning ports: health_check.port: something else listens on 127.0.0.1:9101; next: ss -ltnp sport = :9101, or set health_check.port"}},
		{"foreign address", func(d *Daemon) {
			d.Listeners = []Listener{{"metrics.port", "192.0.2.1:9100", false, false, errors.New("cannot assign requested address")}}
		}, []string{"failure ports: metrics.port: this host cannot listen on 192.0.2.1:9100: cannot assign requested address; next: set metrics.host"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &Daemon{
				Base: &config.Base{Path: "/etc/wanctl/dsl.yaml", Name: "dsl", LockFile: "/run/wanctl/dsl.lock", StateFile: "/var/lib/wanctl/dsl_state.json"}, Unit: "wanctl@dsl",
				Directories: []Directory{{Key: "state_file", Path: "/var/lib/wanctl"}}, Status: telemetry.Healthy, Watchdog: Watchdog{Known: true, Every: 30 * time.Second, Systemd: true},
			}
			held(d)
			tt.change(d)
			judge(t, daemonChecks, d, tt.want...)
		})
	}
}

// A directory or a file of the history that has another owner than the directory above is found.
func TestForeignPart(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	parent := t.TempDir()
	dir := filepath.Join(parent, "dsl_history")
	file := filepath.Join(dir, "1m-20261123T000000Z.seg")
	expect := func(want string) {
		t.Helper()
		if got := foreignPart(dir); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	expect("")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	expect("") // all of root
	for _, c := range []struct{ path, want string }{{parent, dir}, {dir, file}, {file, ""}} {
		if err := os.Chown(c.path, 4242, 4242); err != nil {
			t.Fatal(err)
		}
		expect(c.want)
	}
}

func TestProbeFaults(t *testing.T) {
	host := func(name, operator string) Reflector {
		return Reflector{Name: name, Operator: operator, Sent: 30, Replies: 30, Base: 10 * time.Millisecond, Median: 11 * time.Millisecond, Jitter: time.Millisecond, Clock: true}
	}
	each := func(p *Probes, f func(*Reflector)) {
		for i := range p.Reflectors {
			f(&p.Reflectors[i])
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*Probes)
		want   []string
	}{
		{"none", func(*Probes) {}, nil},
		{"no address", func(p *Probes) { p.Err, p.Reflectors = errors.New("no interface has 192.0.2.9"), nil }, []string{"failure reflectors: nothing can be measured: no interface has 192.0.2.9"}},
		{"no answer", func(p *Probes) { each(p, func(r *Reflector) { r.Replies = 0 }) }, []string{"failure reflectors: no reflector answers; next: wanctl probe --config w.yaml"}},
		{"no name", func(p *Probes) {
			each(p, func(r *Reflector) { r.Sent, r.Replies, r.Err = 0, 0, errors.New("no such host") })
		}, []string{"failure reflectors: no reflector answers: no such host"}},
		{"no answer but by TCP", func(p *Probes) {
			each(p, func(r *Reflector) { r.Replies = 0 })
			p.TCP = []Reflector{host("1.1.1.1:443", "")}
		}, []string{"warning reflectors: no reflector answers echoes: connections are timed instead"}},
		{"two of four", func(p *Probes) { p.Reflectors[0].Replies, p.Reflectors[1].Replies = 0, 0 }, []string{"warning reflectors: only 2 of 4 reflectors answer"}},
		{"two in all", func(p *Probes) { p.Reflectors = p.Reflectors[:2] }, []string{"warning reflectors: 2 reflectors in use"}},
		{"one operator", func(p *Probes) { each(p, func(r *Reflector) { r.Operator = "A" }) }, []string{"warning operators: all that answer belong to A"}},
		{"one host limits", func(p *Probes) { p.Reflectors[2].Replies = 10 }, []string{"warning answer rate: few echoes are answered: c 33 %; these hosts limit them; next: put others first"}},
		{"the path limits", func(p *Probes) { each(p, func(r *Reflector) { r.Replies = 5 }) }, []string{"warning answer rate: few echoes are answered, by all reflectors: a 17 %, b 17 %, c 17 %, d 17 %"}},
		{"jitter of the line", func(p *Probes) { each(p, func(r *Reflector) { r.Jitter = 22 * time.Millisecond }) }, []string{"warning jitter: jitter of 22.0 ms, above target_bloat_ms"}},
		{"jitter of one", func(p *Probes) { p.Reflectors[3].Jitter = 50 * time.Millisecond }, nil},
		{"no timestamps", func(p *Probes) { each(p, func(r *Reflector) { r.Clock = false }) }, nil},
		{"Wi-Fi", func(p *Probes) { p.Router.Jitter = 8 * time.Millisecond }, []string{"warning router jitter: jitter of 8.0 ms between this host and the router: it is taken for the line's; Wi-Fi, or a busy host?; next: connect"}},
		{"loss on the LAN", func(p *Probes) { p.Router.Replies = 27 }, []string{"warning router jitter: 10 % of the echoes between this host and the router are lost"}},
		{"a router that ignores echoes", func(p *Probes) { p.Router.Replies = 0 }, nil},
		{"a shared way", func(p *Probes) { p.Shared = "the probes leave by the same route as those of lte" }, []string{"warning way: the probes leave by the same route as those of lte; next: wanctl router export --config w.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lan := host("192.168.88.1", "")
			p := &Probes{
				Name: "w", Config: "w.yaml", Target: 15 * time.Millisecond, Router: &lan, Reflectors: []Reflector{host("a", "A"), host("b", "B"), host("c", "C"), host("d", "D")},
				Routes: []telemetry.ProbeRoute{{Source: "192.168.88.10", Interface: "eth0", Gateway: "192.168.88.1"}},
			}
			tt.change(p)
			judge(t, probeChecks, p, tt.want...)
		})
	}
}

// What leads traffic past queues by marks, and cannot be set up on a simulated router.
func TestBypassFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cause survey.Cause
		ipv6  bool
		want  []string
	}{
		{"IPv6 without marks", survey.Cause{Kind: survey.IPv6, Text: "IPv6 has no packet marks", Seen: true}, true, []string{"failure bypass: IPv6 has no packet marks: it passes the queues by; next: wanctl router export --config w.yaml --style marks"}},
		{"no IPv6", survey.Cause{Kind: survey.IPv6, Text: "IPv6 has no packet marks", Seen: true}, false, nil},
		{"offload", survey.Cause{Kind: survey.Offload, Text: "hardware offload is on", Where: "l3-hw-offloading", Seen: true}, false, []string{"warning bypass: hardware offload is on: traffic may pass the queues by; next: on the router: l3-hw-offloading"}},
		{"a guess", survey.Cause{Text: "a wrong parent of the queue"}, false, nil},
		{"not shown", survey.Cause{Kind: survey.FastTrack, Text: "FastTrack"}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := &Queues{Config: "w.yaml", Command: "wanctl router export --config w.yaml", Marks: []string{"d", "u"}, IPv6: tt.ipv6, Causes: []survey.Cause{tt.cause}}
			for d, name := range []string{"down", "up"} {
				q.Directions[d] = Direction{Controlled: true, Name: name, Queue: router.Queue{Name: name, Parent: "global"}}
			}
			judge(t, []Check[Queues]{{"bypass", checkBypass}}, q, tt.want...)
		})
	}
}

func TestProbeRule(t *testing.T) {
	led := []row{{"src-address": "192.168.88.11/32", "table": "probe-lte", "action": "lookup-only-in-table"}}
	for _, tt := range []struct {
		name string
		rule ProbeRule
		want []string
	}{
		{"a rule", ProbeRule{Source: "192.168.88.11", Through: true, Rules: led}, nil},
		{"a rule that is disabled", ProbeRule{Source: "192.168.88.11", Through: true, Rules: []row{{"src-address": "192.168.88.11/32", "table": "x", "disabled": "true"}}}, []string{"warning probe rule: no rule of the router leads what comes from 192.168.88.11"}},
		{"a rule for all", ProbeRule{Source: "192.168.88.12", Through: true, Rules: led}, []string{"warning probe rule: "}},
		{"a rule that marks", ProbeRule{Source: "192.168.88.11", Through: true, Marks: []router.Rule{{Action: "mark-routing", Params: map[string]string{"src-address": "192.168.88.11"}}}}, nil},
		{"another router", ProbeRule{Source: "10.9.0.2"}, nil},
		{"no source", ProbeRule{Through: true}, nil},
		{"not shown", ProbeRule{Source: "192.168.88.11", Through: true, Err: router.ErrDenied}, nil},
	} {
		tt.rule.Command = "wanctl router export"
		t.Run(tt.name, func(t *testing.T) { judge(t, ruleChecks, &tt.rule, tt.want...) })
	}
}
