package probecmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/trace"
)

const probeWAN = `wan_name: fast
router: {host: 192.0.2.1, user: wanctl, password: x}
queues: {download: down, upload: up}
continuous_monitoring:
  ping_source: 192.0.2.9
  interval: 100ms
  baseline_rtt_initial: 20
  ping_hosts: [192.0.2.10, 192.0.2.11]
  download: {ceiling_mbps: 100, floor_mbps: 10}
  upload: {ceiling_mbps: 10, floor_mbps: 1}
  fallback_checks: {gateway_ip: 192.0.2.1, tcp_targets: [["192.0.2.20", 853]]}
`

// plan runs the command line as far as the plan.
func plan(t *testing.T, line string) (cfg probe.Config, err error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fast.yaml"), []byte(probeWAN), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app.App{Streams: output.Streams{Out: io.Discard, Err: io.Discard}, LookupEnv: func(string) (string, bool) { return "", false }}
	root := a.NewRoot("")
	root.AddCommand(New(a))
	args := append([]string{"--config-dir", dir, "probe"}, strings.Fields(line)...)
	cmd, rest, err := root.Find(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	flags := cmd.Flags()
	o := options{}
	o.interval, _ = flags.GetDuration("interval")
	o.timeout, _ = flags.GetDuration("timeout")
	o.duration, _ = flags.GetDuration("duration")
	o.count, _ = flags.GetInt("count")
	o.method, _ = flags.GetString("method")
	o.source, _ = flags.GetString("source")
	o.iface, _ = flags.GetString("interface")
	o.mark = *flags.Lookup("mark").Value.(*mark)
	o.oneWay, _ = flags.GetBool("one-way")
	return configure(a, cmd, o, flags.Args())
}

func TestProbePlan(t *testing.T) {
	base := probe.Config{
		Method: probe.Auto, Interval: 50 * time.Millisecond, Timeout: time.Second,
		Fallback: true, CheckTCP: true, CheckGateway: true, NoOneWay: true,
		Staggered: true,
	}
	with := func(edit func(c *probe.Config)) probe.Config {
		c := base
		edit(&c)
		return c
	}
	for _, tt := range []struct {
		name, line string
		want       probe.Config
	}{
		{"defaults", "", with(func(c *probe.Config) {
			c.Targets = []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"}
			c.TCPTargets = []string{"1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443"}
		})},
		{"hosts", "::1 a.example:80 ::1 [2001:db8::1]:53", with(func(c *probe.Config) {
			c.Targets = []string{"::1", "a.example", "2001:db8::1"}
			c.TCPTargets = []string{"[::1]:443", "a.example:80", "[2001:db8::1]:53"}
		})},
		{"flags", "192.0.2.5 --method tcp --interval 20ms --timeout 300ms --count 5 --duration 3s --source 192.0.2.8 --interface wan1 --one-way", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets = []string{"192.0.2.5"}, []string{"192.0.2.5:443"}
			c.Method, c.Interval, c.Timeout = probe.TCP, 20*time.Millisecond, 300*time.Millisecond
			c.Count, c.Duration, c.Source, c.Interface = 5, 3*time.Second, "192.0.2.8", "wan1"
			c.NoOneWay = false
		})},
		{"mark", "192.0.2.5 --mark 0x14", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets, c.Mark = []string{"192.0.2.5"}, []string{"192.0.2.5:443"}, 20
		})},
		{"mark before configuration", "--wan fast --mark 20", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets = []string{"192.0.2.10", "192.0.2.11"}, []string{"192.0.2.20:853"}
			c.Use = 3
			c.Interval, c.Mark, c.Gateway = 100*time.Millisecond, 20, "192.0.2.1"
		})},
		{"configuration", "--wan fast", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets = []string{"192.0.2.10", "192.0.2.11"}, []string{"192.0.2.20:853"}
			c.Use = 3
			c.Interval, c.Source, c.Gateway = 100*time.Millisecond, "192.0.2.9", "192.0.2.1"
		})},
		{"flags before configuration", "--wan fast --interval 50ms --interface wan1", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets = []string{"192.0.2.10", "192.0.2.11"}, []string{"192.0.2.20:853"}
			c.Use = 3
			c.Interface, c.Gateway = "wan1", "192.0.2.1"
		})},
		{"hosts before configuration", "--wan fast 192.0.2.5", with(func(c *probe.Config) {
			c.Targets, c.TCPTargets = []string{"192.0.2.5"}, []string{"192.0.2.5:443"}
			c.Interval, c.Source, c.Gateway = 100*time.Millisecond, "192.0.2.9", "192.0.2.1"
		})},
		{"the most hosts leave room for the gateway", mostHosts(), with(func(c *probe.Config) {
			c.Targets = strings.Fields(mostHosts())
			for _, h := range c.Targets[:31] {
				c.TCPTargets = append(c.TCPTargets, h+":443")
			}
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := plan(t, tt.line)
			if err != nil {
				t.Fatal(err)
			}
			// How long the configuration waits for a ping is its own test.
			if strings.Contains(tt.line, "--wan") {
				tt.want.Timeout = got.Timeout
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func mostHosts() string {
	var hosts []string
	for a := netip.MustParseAddr("192.0.2.1"); len(hosts) < probe.MaxTargets; a = a.Next() {
		hosts = append(hosts, a.String())
	}
	return strings.Join(hosts, " ")
}

func TestProbePlanRefuses(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"method", "--method udp", `--method "udp": use icmp, tcp or auto`},
		{"interval", "--interval 1ms", "--interval 1ms: use 10ms to 1m0s"},
		{"timeout", "--timeout 2m", "--timeout 2m0s: use 10ms to 1m0s"},
		{"count", "--count 0", "--count 0: use 1 or more"},
		{"negative count", "--count -3", "--count -3: use 1 or more"},
		{"duration", "--duration 0s", "--duration 0s: use more than 0"},
		{"source", "--source eth0", `--source "eth0": use an IP address`},
		{"empty source", "--source=", "--source: an IP address is missing"},
		{"empty interface", "--interface=", "--interface: a name is missing"},
		{"host", "a!b", `host "a!b": neither an IP address nor a host name`},
		{"port for ICMP", "--method icmp 192.0.2.1:80", "192.0.2.1:80: ICMP has no ports; give 192.0.2.1, or --method tcp"},
		{"port", "192.0.2.1:http", `TCP target "192.0.2.1:http": the port must be a number from 1 to 65535`},
		{"too many", mostHosts() + " 192.0.2.99", "65 hosts: at most 64 at once"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := plan(t, tt.line)
			var usage *app.UsageError
			if !errors.As(err, &usage) || usage.Error() != tt.want {
				t.Errorf("error %v, want usage error %s", err, tt.want)
			}
		})
	}
}

// board of two ICMP hosts and a TCP fallback.
func testStats() *stats {
	return newStats([]probe.TargetStatus{
		{Name: "192.0.2.1", Method: probe.ICMP},
		{Name: "192.0.2.2", Method: probe.ICMP},
		{Name: "192.0.2.1:443", Method: probe.TCP},
		{Name: "gateway", Method: probe.ICMP, Gateway: true},
	}, probe.Config{Epoch: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Interval: 50 * time.Millisecond, Timeout: time.Second})
}

func TestProbeStatistics(t *testing.T) {
	const ms = time.Millisecond
	b := testStats()
	var got []sample
	for _, e := range []rtt.Event{
		{At: 0, Kind: rtt.Sent},
		{At: 10 * ms, RTT: 10 * ms, Kind: rtt.Reply},
		{At: 50 * ms, Seq: 1, Kind: rtt.Sent},
		{At: 60 * ms, RTT: 30 * ms, Reflector: 1, Kind: rtt.Reply},
		{At: 100 * ms, RTT: 14 * ms, Seq: 2, Kind: rtt.Reply},
		{At: 1050 * ms, Seq: 1, Kind: rtt.Lost},
		{At: 1100 * ms, Up: -7 * ms, Down: 30 * ms, Reflector: 1, Kind: rtt.OneWay},
		{At: 1650 * ms, RTT: 1600 * ms, Seq: 1, Kind: rtt.Reply},
		{At: 1700 * ms, Seq: 9, Reflector: 3, Kind: rtt.Lost}, // not on the board
	} {
		if s, ok := b.observe(e); ok {
			got = append(got, s)
		}
	}
	f := func(v float64) *float64 { return &v }
	n := func(v uint32) *uint32 { return &v }
	at := func(d time.Duration) time.Time { return b.epoch.Add(d) }
	want := []sample{
		{Time: at(10 * ms), TimeMS: 10, Host: "192.0.2.1", Method: "icmp", Seq: n(0), Event: "reply", RTTMS: f(10), Lost: false, MedianMS: f(10)},
		{Time: at(60 * ms), TimeMS: 60, Host: "192.0.2.2", Method: "icmp", Seq: n(0), Event: "reply", RTTMS: f(30), Lost: false, MedianMS: f(10)},
		{Time: at(100 * ms), TimeMS: 100, Host: "192.0.2.1", Method: "icmp", Seq: n(2), Event: "reply", RTTMS: f(14), Lost: false, MedianMS: f(14)},
		{Time: at(1050 * ms), TimeMS: 1050, Host: "192.0.2.1", Method: "icmp", Seq: n(1), Event: "lost", RTTMS: nil, Lost: true, MedianMS: f(14)},
		{Time: at(1100 * ms), TimeMS: 1100, Host: "192.0.2.2", Method: "icmp", Event: "one-way", UpMS: f(-7), DownMS: f(30)},
		// Late, and older than what is known: the newest replies are too old by now.
		{Time: at(1650 * ms), TimeMS: 1650, Host: "192.0.2.1", Method: "icmp", Seq: n(1), Event: "late", RTTMS: f(1600), Lost: false, MedianMS: nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	rows := b.totals(probe.Status{Targets: []probe.TargetStatus{
		{Method: probe.ICMP, Sent: 3, Replies: 3, Late: 1}, {Method: probe.ICMP, Sent: 1, Replies: 1}, {Method: probe.TCP}, {Gateway: true},
	}})
	if len(rows) != 3 || rows[2].host != "all" || rows[2].sent != 4 || rows[2].late != 1 || rows[2].rtts.Count() != 4 {
		t.Errorf("totals %+v", rows)
	}
	if rows[0].jitter != 4*ms {
		t.Errorf("jitter %v, want the 4 ms between two successive replies", rows[0].jitter)
	}
}

// A route is a sample when it is first seen, again after it was away, and not otherwise.
func TestProbeRoutes(t *testing.T) {
	way := func(lan string) hostnet.Route {
		return hostnet.Route{Source: netip.MustParseAddr("10.0." + lan + ".2"), Interface: "eth" + lan, Gateway: netip.MustParseAddr("10.0." + lan + ".1")}
	}
	line := hostnet.Route{Source: netip.MustParseAddr("2001:db8::2"), Interface: "ppp0"}
	b := testStats()
	lookups := 0
	for _, tt := range []struct {
		ms     int
		routes []hostnet.Route
		want   string // what is new
		text   string // what is in use
	}{
		{0, nil, "", ""},
		{200, []hostnet.Route{way("1"), line}, "measured from 10.0.1.2 by eth1 through 10.0.1.1; measured from 2001:db8::2 by ppp0", "measured from 10.0.1.2 by eth1 through 10.0.1.1 and 2001:db8::2 by ppp0"},
		{400, []hostnet.Route{way("2")}, "", "measured from 10.0.1.2 by eth1 through 10.0.1.1 and 2001:db8::2 by ppp0"}, // not looked up yet
		{1200, []hostnet.Route{way("2")}, "measured from 10.0.2.2 by eth2 through 10.0.2.1", "measured from 10.0.2.2 by eth2 through 10.0.2.1"},
		{2200, []hostnet.Route{way("2")}, "", "measured from 10.0.2.2 by eth2 through 10.0.2.1"},
		{3200, nil, "", "measured from 10.0.2.2 by eth2 through 10.0.2.1"}, // the network is away
		{3400, []hostnet.Route{way("1")}, "measured from 10.0.1.2 by eth1 through 10.0.1.1", "measured from 10.0.1.2 by eth1 through 10.0.1.1"},
	} {
		now := b.epoch.Add(time.Duration(tt.ms) * time.Millisecond)
		var got []string
		for _, s := range b.observeRoutes(func() []hostnet.Route { lookups++; return tt.routes }, now) {
			if s.Event != "route" || s.TimeMS != float64(tt.ms) {
				t.Errorf("at %d ms: %+v", tt.ms, s)
			}
			got = append(got, s.routeText())
		}
		if strings.Join(got, "; ") != tt.want || b.routeText() != tt.text {
			t.Errorf("at %d ms: new %q, in use %q; want %q, %q", tt.ms, got, b.routeText(), tt.want, tt.text)
		}
	}
	if lookups != 6 {
		t.Errorf("%d look-ups, want 6", lookups)
	}
}

// What probe prints is what a replay reads.
func TestProbeSamplesAreATrace(t *testing.T) {
	for _, format := range []output.Format{output.JSONL, output.CSV} {
		var buf bytes.Buffer
		stream := output.NewStream[sample](&buf, format, nil)
		b := testStats()
		for _, e := range []rtt.Event{
			{At: 10 * time.Millisecond, RTT: 10 * time.Millisecond, Kind: rtt.Reply},
			{At: 1200 * time.Millisecond, Seq: 1, Kind: rtt.Lost},
			{At: 1300 * time.Millisecond, Up: -time.Hour, Down: time.Hour + 20*time.Millisecond, Kind: rtt.OneWay},
		} {
			s, _ := b.observe(e)
			if err := stream.Put(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		r := trace.NewReader(&buf)
		var events []string
		for {
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			events = append(events, rec.Event)
		}
		if diff := cmp.Diff([]string{"reply", "lost", "one-way"}, events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestProbeHistory(t *testing.T) {
	var p history
	p.add(0, 4*time.Millisecond)
	p.add(0, 2*time.Millisecond)
	p.lose(1, 1)
	p.add(2, 9*time.Millisecond)
	p.lose(3, 1)
	p.lose(3, -1) // a late reply
	values, lo, hi := p.values(4, 6)
	nan := math.NaN()
	if diff := cmp.Diff([]float64{nan, 4, math.Inf(1), 9, nan, nan}, values, cmp.Comparer(func(a, b float64) bool {
		return a == b || math.IsNaN(a) && math.IsNaN(b)
	})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if lo != 4 || hi != 9 {
		t.Errorf("scale %v..%v, want 4..9", lo, hi)
	}
	// Round the ring: old cells neither show up nor take anything any more.
	p.add(historyCells, time.Millisecond)
	p.add(0, time.Hour)
	if values, _, _ := p.values(historyCells, 1); values[0] != 1 {
		t.Errorf("newest cell %v, want 1", values[0])
	}
}

func TestProbeScreen(t *testing.T) {
	b := testStats()
	for i := range 100 {
		at := time.Duration(i) * 50 * time.Millisecond
		b.observe(rtt.Event{At: at + 12*time.Millisecond, RTT: 12 * time.Millisecond, Seq: uint32(i), Kind: rtt.Reply})
		if i >= 80 {
			b.observe(rtt.Event{At: at + time.Second, Seq: uint32(i), Reflector: 1, Kind: rtt.Lost})
		}
	}
	s := probe.Status{Mode: probe.ModeICMP, Targets: []probe.TargetStatus{
		{Name: "192.0.2.1", Method: probe.ICMP, Sent: 100, Replies: 100, Alive: true},
		{Name: "192.0.2.2", Method: probe.ICMP, Sent: 100, Lost: 20, Err: errors.New("network is unreachable")},
		{Name: "192.0.2.1:443", Method: probe.TCP},
		{Name: "gateway", Gateway: true},
	}}
	a := &app.App{LookupEnv: func(string) (string, bool) { return "", false }}
	a.Global.NoColor = true
	v := newTUI(a, b)
	want := []string{
		"HOST             METHOD       RTT    MEDIAN       P95       MAX    LOSS",
		"192.0.2.1        icmp     12.0 ms   12.0 ms   12.0 ms   12.0 ms    0.0%  ______________________     ",
		"192.0.2.2        icmp           -         -         -         -   20.0%                   xxxxx     ",
		"median of hosts           12.0 ms                                        ___________________________",
		"192.0.2.2: network is unreachable",
		"5s, Ctrl-C ends",
	}
	if diff := cmp.Diff(want, v.lines(s, 5950*time.Millisecond, 100)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := v.lines(s, 5*time.Second, 50)[0]; got != "HOST                  RTT    LOSS" {
		t.Errorf("narrow: %q", got)
	}
	for _, width := range []int{0, 1, 20, 40, 60, 80, 200} {
		v.lines(s, 5*time.Second, width)
	}
}

// Where hosts tell their clocks, the screen says where the queue stands.
func TestProbeScreenShowsDirections(t *testing.T) {
	const ms = time.Millisecond
	b := testStats()
	for at := time.Duration(0); at < 10*time.Second; at += 100 * ms {
		queue := time.Duration(0)
		if at > 8*time.Second {
			queue = 40 * ms
		}
		b.observe(rtt.Event{At: at, RTT: 20*ms + queue, Seq: uint32(at / (100 * ms)), Kind: rtt.Reply})
		b.observe(rtt.Event{At: at + ms, Up: 10*ms + queue - time.Hour, Down: 10*ms + time.Hour, Kind: rtt.OneWay})
	}
	a := &app.App{LookupEnv: func(string) (string, bool) { return "", false }}
	lines := newTUI(a, b).lines(probe.Status{Targets: make([]probe.TargetStatus, 4)}, 10*time.Second, 100)
	const want = "above the best: up 40.0 ms, down 0.00 ms"
	if got := lines[len(lines)-2]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProbeNotesArePrintedOnce(t *testing.T) {
	var n notes
	status := func(mode probe.Mode, alive bool, err error) probe.Status {
		return probe.Status{Mode: mode, Targets: []probe.TargetStatus{
			{Name: "192.0.2.1", Method: probe.ICMP, Alive: alive, Err: err},
			{Name: "gateway", Gateway: true, Address: "192.0.2.254", Err: err},
		}}
	}
	down := syscall.ENETUNREACH
	for _, step := range []struct {
		name string
		s    probe.Status
		want []string
	}{
		{"start", status(probe.ModeNone, false, nil), nil},
		{"answers", status(probe.ModeICMP, true, nil), nil},
		{"down", status(probe.ModeICMP, false, down), []string{"192.0.2.1: network is unreachable"}},
		{"still down", status(probe.ModeICMP, false, down), nil},
		{"a try between", status(probe.ModeICMP, false, nil), nil},
		{"and down", status(probe.ModeICMP, false, down), nil},
		{"noticed", status(probe.ModeGateway, false, down), []string{"nothing answers but the gateway 192.0.2.254"}},
		{"gateway gone", status(probe.ModeNone, false, down), []string{"nothing answers"}},
		{"TCP", status(probe.ModeTCP, false, nil), []string{"no answer to ICMP: timing TCP connections instead"}},
		{"back", status(probe.ModeICMP, true, nil), nil},
		{"down again", status(probe.ModeICMP, false, down), []string{"192.0.2.1: network is unreachable"}},
	} {
		if diff := cmp.Diff(step.want, n.fresh(step.s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestProbeVerdict(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    []probe.TargetStatus
		want string
	}{
		{"one of two", []probe.TargetStatus{{Sent: 1}, {Replies: 1}}, ""},
		{"none", []probe.TargetStatus{{Name: "a", Sent: 1}, {Name: "b", Sent: 1}}, "no host answered"},
		{"why", []probe.TargetStatus{{Name: "a", Err: syscall.ENETUNREACH}}, "no host answered; a: network is unreachable"},
		{"the gateway is no host", []probe.TargetStatus{{Name: "a"}, {Gateway: true, Alive: true, Replies: 4, Address: "192.0.2.254"}},
			"no host answered; the gateway 192.0.2.254 does answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := verdict(probe.Status{Targets: tt.s})
			if tt.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if err == nil || err.Error() != tt.want || app.ExitStatus(err) != app.ExitCheck {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// execute runs a command line of wanctl probe.
func execute(ctx context.Context, a *app.App, args []string) int {
	root := a.NewRoot("")
	root.AddCommand(New(a))
	return a.Execute(ctx, root, args)
}

// closedPipe fails like the pipe of a reader that has gone.
type closedPipe struct{ lines int }

func (p *closedPipe) Write(b []byte) (int, error) {
	if p.lines--; p.lines < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

func TestProbeEndsQuietlyWithItsReader(t *testing.T) {
	var stderr bytes.Buffer
	a := &app.App{Streams: output.Streams{Out: &closedPipe{2}, Err: &stderr}, LookupEnv: func(string) (string, bool) { return "", false }}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	status := execute(ctx, a, strings.Fields("probe --method tcp 127.0.0.1:1 --interval 10ms -o jsonl"))
	if status != app.ExitOK || stderr.Len() > 0 || ctx.Err() != nil {
		t.Errorf("exit status %d, %q, %v", status, stderr.String(), ctx.Err())
	}
}

// Ctrl-C is a way to end, not a failure: the summary comes all the same.
func TestProbeInterrupted(t *testing.T) {
	var stdout bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	interrupt := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("seq=2")) {
			cancel()
		}
		return stdout.Write(b)
	})
	a := &app.App{Streams: output.Streams{Out: interrupt, Err: io.Discard}, LookupEnv: func(string) (string, bool) { return "", false }}
	if status := execute(ctx, a, strings.Fields("probe --method tcp 127.0.0.1:1 --interval 10ms")); status != app.ExitOK {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(stdout.String(), "JITTER") {
		t.Errorf("no summary in %q", stdout.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
