package shape

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// line is a line with a router: a load on it, which passes the queues or goes past
// them, and the delay that probes meet.
type line struct {
	router.Client
	simple bool
	menus  map[string][]map[string]string

	mu       sync.Mutex // protects the following fields
	past     [2]bool    // load and probes go past the queue
	unknown  bool       // which interface is the WAN's
	load     [2]bitrate.Rate
	delay    time.Duration
	disabled bool // the download's queue
	limits   control.Limits
	queues   [2]uint64
	wan      [2]uint64

	events chan rtt.Event
}

// change changes the line while it runs.
func (l *line) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// run lets traffic pass and probes return until ctx ends.
func (l *line) run(ctx context.Context, epoch time.Time) {
	const each = 50 * time.Millisecond
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	for seq := uint32(0); ; seq++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.mu.Lock()
		at := time.Since(epoch)
		for d := range l.load {
			bytes := uint64(float64(l.load[d])/8*each.Seconds()) + 84 // and a probe
			l.wan[d] += bytes
			if !l.past[d] {
				l.queues[d] += bytes
			}
		}
		for _, e := range []rtt.Event{{Kind: rtt.Sent, At: at, Seq: seq}, {Kind: rtt.Reply, At: at, Seq: seq, RTT: 20*time.Millisecond + l.delay}} {
			select {
			case l.events <- e:
			default:
			}
		}
		l.mu.Unlock()
	}
}

// Events implements control.Prober.
func (l *line) Events() <-chan rtt.Event { return l.events }

func (l *line) index(name string) (int, error) {
	d := slices.Index([]string{"down", "up"}, name)
	if d < 0 {
		return 0, &router.ItemError{Name: name, Err: router.ErrNotFound}
	}
	return d, nil
}

func (l *line) Queue(_ context.Context, name string) (router.Queue, error) {
	d, err := l.index(name)
	if err != nil {
		return router.Queue{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return router.Queue{Name: name, Parent: []string{"bridge", "ether1"}[d], MaxLimit: l.limits[d], Disabled: d == 0 && l.disabled}, nil
}

func (l *line) SimpleQueue(context.Context, string) (router.SimpleQueue, error) {
	return router.SimpleQueue{Name: "line", Target: []string{"10.0.0.0/8"}}, nil
}

func (l *line) SetQueues(_ context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queues := make([]router.Queue, len(changes))
	for i, ch := range changes {
		d, err := l.index(ch.Name)
		if err != nil {
			return queues, err
		}
		l.limits[d] = *ch.MaxLimit
		queues[i] = router.Queue{Name: ch.Name, MaxLimit: l.limits[d]}
	}
	return queues, nil
}

func (l *line) Counters(_ context.Context, names ...string) ([]router.Counters, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counters := make([]router.Counters, len(names))
	for i, name := range names {
		d, err := l.index(name)
		if err != nil {
			return nil, err
		}
		counters[i].Bytes = l.queues[d]
	}
	return counters, nil
}

func (l *line) DefaultRoutes(context.Context) ([]router.Route, error) {
	return []router.Route{{Destination: "0.0.0.0/0", Interface: "ether1"}}, nil
}

func (l *line) Interfaces(context.Context) ([]router.Interface, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unknown {
		return []router.Interface{{Name: "bridge", Received: l.wan[1], Sent: l.wan[0]}}, nil
	}
	return []router.Interface{{Name: "ether1", Received: l.wan[0], Sent: l.wan[1]}}, nil
}

func (l *line) Rows(_ context.Context, menu string) ([]map[string]string, error) {
	rows, ok := l.menus[menu]
	if !ok {
		return nil, router.ErrUnsupported
	}
	return rows, nil
}

// logged counts records with a message.
type logged struct {
	slog.Handler
	message string
	n       *int
}

func (l logged) Enabled(context.Context, slog.Level) bool { return true }

func (l logged) Handle(_ context.Context, r slog.Record) error {
	if r.Message == l.message {
		*l.n++
	}
	return nil
}

// onLine runs a loop on a line, with everything that finds out what its work is worth,
// and returns how often the log had a queue that limits nothing.
func onLine(t *testing.T, l *line, story func(t *testing.T, bypassed func() [2]string)) (warnings int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l.events = make(chan rtt.Event, 256)
		l.limits = control.Limits{100 * bitrate.Mbps, 20 * bitrate.Mbps}
		cfg := &config.WAN{}
		cfg.Download.Ceiling, cfg.Upload.Ceiling = l.limits[0], l.limits[1]
		cfg.Download.FloorRed, cfg.Upload.FloorRed = 5*bitrate.Mbps, bitrate.Mbps
		law := LawConfig(cfg)
		law.Tick, law.BaselineMin, law.BaselineMax = 50*time.Millisecond, time.Millisecond, time.Second
		law.Target, law.Warn, law.HardRed = 15*time.Millisecond, 45*time.Millisecond, 80*time.Millisecond
		q := &Queues{limits: l, counters: l, names: [2]string{"down", "up"}}
		if l.simple {
			q.simple = "line"
		}
		q.setBounds(&law)
		q.bypass = newBypassWatch(l, q, cfg)
		log := slog.New(logged{slog.DiscardHandler, "the queue limits nothing", &warnings})
		epoch := time.Now()
		loop := control.New(control.Config{
			Law: law, Start: l.limits, Epoch: epoch, Prober: l, Limiter: q, Meter: q, Refused: router.IsRefusal,
			Observers: []control.Observer{newEventObserver(log, nil, nil, "dsl.yaml", q.describe), q.bypass},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { l.run(ctx, epoch) })
		all.Go(func() { _ = loop.Run(ctx) })
		all.Go(func() { _ = q.bypass.Run(ctx) })
		story(t, func() (why [2]string) {
			status, err := loop.Status(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for d, f := range status.Faults {
				if f == actuate.Bypassed {
					why[d] = q.describe(autorate.Direction(d), f)
				}
			}
			return why
		})
		cancel()
		all.Wait()
	})
	return warnings
}

var fastTracked = map[string][]map[string]string{
	"/queue/tree":         {{"name": "down", "packet-mark": "d"}, {"name": "up", "packet-mark": "u"}},
	"/ip/firewall/mangle": {{"action": "mark-packet", "new-packet-mark": "d"}, {"action": "mark-packet", "new-packet-mark": "u"}},
	"/ip/firewall/filter": {{"action": "fasttrack-connection"}}, "/ipv6/firewall/mangle": {},
}

// The download is FastTracked: it is found within a minute and a half, told once and
// then hourly, and over once the queue carries the load.
func TestLoadPastAQueue(t *testing.T) {
	const mbps = bitrate.Mbps
	l := &line{menus: fastTracked}
	n := onLine(t, l, func(t *testing.T, bypassed func() [2]string) {
		check := func(when string, want bool) {
			t.Helper()
			why := bypassed()
			if (why[0] != "") != want || why[1] != "" {
				t.Errorf("%s: %q", when, why)
			}
			if want && (!strings.Contains(why[0], `queue "down" carries 0 bit/s of the `) || !strings.Contains(why[0], " Mbit/s that pass ether1: the download is not limited; likely causes: FastTrack is on (") ||
				!strings.Contains(why[0], "IPv6")) {
				t.Errorf("%s: %q", when, why)
			}
		}
		time.Sleep(5 * time.Minute)
		check("idle", false)
		l.change(func() { l.load = [2]bitrate.Rate{80 * mbps, mbps / 2} })
		time.Sleep(2 * time.Minute)
		check("under load", false)
		l.change(func() { l.past[0] = true })
		time.Sleep(90 * time.Second)
		check("past the queue", true)
		l.change(func() { l.load = [2]bitrate.Rate{} })
		time.Sleep(2*time.Hour + time.Minute)
		check("idle again", true)
		l.change(func() { l.load, l.past[0] = [2]bitrate.Rate{80 * mbps, mbps / 2}, false })
		time.Sleep(45 * time.Second)
		check("through the queue again", false)
	})
	if n != 3 {
		t.Errorf("%d warnings, want one and two after an hour each", n)
	}
}

// What is no load past a queue, and what is.
func TestWorkWithEffect(t *testing.T) {
	const mbps = bitrate.Mbps
	for _, tt := range []struct {
		name string
		line *line
		want [2]bool
	}{
		{"idle, probes past the queues", &line{past: [2]bool{true, true}}, [2]bool{}},
		{"idle, probes in the queues, somebody else's delay", &line{delay: 30 * time.Millisecond, unknown: true}, [2]bool{}},
		{"idle, probes past the queues, somebody else's delay", &line{delay: 30 * time.Millisecond, past: [2]bool{true, true}}, [2]bool{}},
		{"loaded, the interface is not known", &line{past: [2]bool{true, true}, unknown: true, load: [2]bitrate.Rate{80 * mbps, 0}, delay: 60 * time.Millisecond}, [2]bool{true, true}},
		{"download alone", &line{load: [2]bitrate.Rate{80 * mbps, 0}}, [2]bool{}},
		{"upload alone", &line{load: [2]bitrate.Rate{0, 15 * mbps}, delay: 5 * time.Millisecond}, [2]bool{}},
		{"simple queue", &line{simple: true, load: [2]bitrate.Rate{80 * mbps, 15 * mbps}, delay: 5 * time.Millisecond}, [2]bool{}},
		{"simple queue, FastTracked", &line{simple: true, past: [2]bool{true, true}, load: [2]bitrate.Rate{80 * mbps, 15 * mbps}}, [2]bool{true, true}},
		{"disabled queue", &line{disabled: true, past: [2]bool{true, false}, load: [2]bitrate.Rate{80 * mbps, 0}}, [2]bool{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.line.menus = fastTracked
			delay := tt.line.delay
			tt.line.delay = 0
			onLine(t, tt.line, func(t *testing.T, bypassed func() [2]string) {
				time.Sleep(30 * time.Second)
				for range 10 { // a queue stands for four seconds, and is gone for eight
					tt.line.change(func() { tt.line.delay = delay })
					time.Sleep(4 * time.Second)
					tt.line.change(func() { tt.line.delay = 0 })
					time.Sleep(8 * time.Second)
				}
				if why := bypassed(); [2]bool{why[0] != "", why[1] != ""} != tt.want {
					t.Errorf("bypassed: %q", why)
				}
			})
		})
	}
}
