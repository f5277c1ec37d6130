package history

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// process is a History that keeps one WAN in dir, until stop or kill.
type process struct {
	feed       *Feed
	log        bytes.Buffer
	stop, kill func()
}

func start(t *testing.T, dir string) *process {
	p := &process{}
	h, w := New(), NewWriter(dir, slog.New(slog.NewTextHandler(&p.log, nil)))
	p.feed = h.Feed("dsl", w)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- h.Run(ctx) }()
	go func() { ended <- w.Run(ctx) }()
	synctest.Wait()
	p.stop = func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	p.kill = func() { // nothing that is done at the end shows in the files
		before := content(t, dir)
		p.stop()
		for path := range content(t, dir) {
			if _, known := before[path]; !known {
				_ = os.Remove(path)
			}
		}
		for path, body := range before {
			if err := os.WriteFile(path, body, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	return p
}

func content(t *testing.T, dir string) map[string][]byte {
	files := map[string][]byte{}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if files[path], err = os.ReadFile(path); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	return files
}

// line is a noisy line in the evening: how its delay spreads and how much it carries.
type line struct {
	rng   *rand.Rand
	noise float64 // ms
	hosts []string
	load  func(time.Time) float64
}

// add adds the second that ends now.
func (l *line) add(f *Feed, ticks int) {
	r := NewRollup()
	r.Length = time.Second
	load := l.load(time.Now())
	dec := &autorate.Decision{Baseline: 20 * time.Millisecond, Alive: 3}
	for i := range dec.Directions {
		dec.Directions[i] = autorate.DirectionDecision{Load: load, State: autorate.Green, Reason: autorate.Holding}
	}
	for range ticks {
		dec.RTT = 20*time.Millisecond + time.Duration((l.rng.ExpFloat64()*l.noise+4*load)*1e6)
		r.Step(dec, dec, time.Second/time.Duration(ticks))
		r.Excess.Add(float64(dec.RTT-dec.Baseline) / 1e6)
	}
	r.RTT = Gauge{20, 20 + 4*l.noise, 20 + l.noise, 1}
	r.Baseline.Add(20 + l.rng.Float64())
	for i := range r.Directions {
		d := &r.Directions[i]
		d.Limit.Add(float64(90000 + l.rng.IntN(10000)))
		d.Throughput.Add(90000 * load * l.rng.Float64())
		if load > 0.5 {
			d.Capacity.Add(float64(95000 + l.rng.IntN(9000)))
		}
	}
	r.Router.Requests = 2
	r.Router.Latency.Add(3 + l.rng.Float64())
	for _, host := range l.hosts {
		x := r.Reflector(host)
		x.Sent, x.Replies = 7, 7
		x.RTT.Merge(Gauge{19, 25, 140, 7})
	}
	f.Add(r)
}

func evening(at time.Time) float64 {
	if h := at.UTC().Hour(); h >= 18 && h < 23 && at.Minute()%10 < 5 {
		return 0.9
	}
	return 0.03
}

func newLine(noise float64) *line {
	return &line{rng: rand.New(rand.NewPCG(1, 2)), noise: noise, hosts: []string{"1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222"}, load: evening}
}

// The archive has every second once at whatever resolution, over ends and kills of its
// process.
func TestArchiveOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dsl_history")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		l := newLine(1)
		seconds := 0
		for run, d := range []time.Duration{100 * time.Minute, 7 * time.Second, 50 * time.Minute, 3 * time.Minute} {
			p := start(t, dir)
			for range int(d / time.Second) {
				time.Sleep(time.Second)
				l.add(p.feed, 2)
				synctest.Wait()
				seconds++
			}
			p.feed.Event(Event{Kind: "life", Text: "the end comes"})
			p.feed.Event(Event{Kind: "decision", Text: "cut"})
			synctest.Wait()
			if run%2 == 0 {
				p.kill()
			} else {
				p.stop()
			}
			if p.log.Len() > 0 {
				t.Errorf("%s", &p.log)
			}
			time.Sleep(30 * time.Second)
		}
		a := NewArchive(dir)
		for _, step := range []time.Duration{time.Minute, time.Hour} {
			total, err := a.Total(began.Add(-time.Hour), time.Now(), step)
			if err != nil {
				t.Fatal(err)
			}
			// A kill costs the seconds that were not written yet.
			got, lost := int(total.Observed/time.Second), 2*int(flushInterval/time.Second)
			if got > seconds || got < seconds-lost {
				t.Errorf("by %v: %d seconds of %d", step, got, seconds)
			}
			if n := total.Idle.Count(); n != 2*got {
				t.Errorf("by %v: %d delays in %d seconds", step, n, got)
			}
			if n := int(total.Reflectors[0].Sent) / 7; len(total.Reflectors) != 4 || n > got || n < got-120 { // those of a minute for each kill
				t.Errorf("by %v: %d seconds of probes", step, n)
			}
		}
		events, err := a.Events(began, time.Now())
		if err != nil || len(events) != 4 || events[0].WAN != "dsl" || events[0].Kind != "life" {
			t.Errorf("%v, %+v", err, events)
		}
		hours, err := a.Grouped(began, time.Now(), time.Hour)
		if err != nil || len(hours) != 3 {
			t.Errorf("%v, %d hours", err, len(hours))
		}
		points, err := a.Grouped(time.Now().Add(-5*time.Minute), time.Now(), 5*time.Second)
		if err != nil || len(points) < 30 || len(points) > 50 {
			t.Errorf("%v, %d points of three minutes", err, len(points))
		}
	})
}

// A clock that jumps loses nothing that is still to come.
func TestArchiveOverClockSteps(t *testing.T) {
	dir := t.TempDir()
	w := NewWriter(dir, slog.New(slog.DiscardHandler))
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	second := func(at time.Time) {
		r := NewRollup()
		r.Start, r.Length, r.Observed = at, time.Second, time.Second
		w.add(record{rollup: r})
	}
	for i := range 300 {
		second(at.Add(time.Duration(i) * time.Second))
	}
	for i := range 300 { // an hour back, in the midst of a minute
		second(at.Add(-time.Hour + 30*time.Second + time.Duration(i)*time.Second))
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	total, err := NewArchive(dir).Total(at.Add(-2*time.Hour), at.Add(time.Hour), time.Minute)
	if err != nil || total.Observed != 10*time.Minute {
		t.Errorf("%v, %v of ten minutes", err, total.Observed)
	}
}

// A directory that cannot be written is reported once, and so is that it can again.
func TestUnwritableDirectory(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(parent, nil, 0o600); err != nil { // a file where the directory belongs
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p := start(t, filepath.Join(parent, "dsl_history"))
		l := newLine(1)
		feed := func() {
			for range 90 {
				time.Sleep(time.Second)
				l.add(p.feed, 1)
				synctest.Wait()
			}
		}
		feed()
		if n := strings.Count(p.log.String(), "cannot be kept"); n != 1 {
			t.Errorf("reported %d times: %s", n, &p.log)
		}
		_ = os.Remove(parent)
		feed()
		if n := strings.Count(p.log.String(), "is kept again"); n != 1 {
			t.Errorf("the end reported %d times: %s", n, &p.log)
		}
		p.stop()
		total, err := NewArchive(filepath.Join(parent, "dsl_history")).Total(time.Time{}, time.Now(), time.Minute)
		if err != nil || total.Observed < 80*time.Second {
			t.Errorf("%v, %v are kept", err, total.Observed)
		}
	})
}

// While the file of one resolution alone cannot be written, the others do not say that
// all is well.
func TestOneFileFails(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var blocked []string // directories where the next files of seconds belong
		for i := range 2 {
			at := time.Now().UTC().Truncate(10 * time.Minute).Add(time.Duration(i) * 10 * time.Minute)
			blocked = append(blocked, filepath.Join(dir, "1s-"+at.Format("20060102T150405Z")+".seg"))
			if err := os.Mkdir(blocked[i], 0o700); err != nil {
				t.Fatal(err)
			}
		}
		p := start(t, dir)
		l := newLine(1)
		feed := func(minutes int) {
			for range 60 * minutes {
				time.Sleep(time.Second)
				l.add(p.feed, 1)
				synctest.Wait()
			}
		}
		feed(12)
		if failed, again := strings.Count(p.log.String(), "cannot be kept"), strings.Count(p.log.String(), "is kept again"); failed != 1 || again != 0 {
			t.Errorf("%d failures and %d ends are reported: %s", failed, again, &p.log)
		}
		for _, path := range blocked {
			_ = os.Remove(path)
		}
		feed(1)
		if failed, again := strings.Count(p.log.String(), "cannot be kept"), strings.Count(p.log.String(), "is kept again"); failed != 1 || again != 1 {
			t.Errorf("then %d failures and %d ends are reported: %s", failed, again, &p.log)
		}
		p.stop()
	})
}

// A storm of events costs a bounded number of bytes.
func TestEventBudget(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dir)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			p.feed.Event(Event{Kind: "router", Text: "flaps"})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		p.stop()
		events, err := NewArchive(dir).Events(time.Time{}, time.Now().Add(time.Hour))
		if err != nil || len(events) < maxEventsAMinute+1 || len(events) > maxEventsAMinute+10 || !slices.ContainsFunc(events, func(e Event) bool { return strings.HasSuffix(e.Text, " more events within a minute are not kept") }) {
			t.Errorf("%v, %d events, the last: %+v", err, len(events), events[len(events)-1])
		}
	})
}

// size returns the bytes in dir by the first part of the names.
func size(t *testing.T, dir string) map[string]int {
	sum := map[string]int{}
	for path, body := range content(t, dir) {
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		sum[name] += len(body)
	}
	return sum
}

// BenchmarkMonth writes a month of a line, with 20 measurements a second, and reads it.
// It reports the bytes on disk.
func BenchmarkMonth(b *testing.B) {
	for _, c := range []struct {
		name  string
		noise float64
	}{{"fibre", 0.3}, {"cable", 3}, {"lte", 25}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				dir := b.TempDir()
				writeDays(dir, newLine(c.noise), 30)
				var all int64
				_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, _ error) error {
					if st, err := e.Info(); err == nil && !e.IsDir() {
						all += st.Size()
					}
					return nil
				})
				b.ReportMetric(float64(all)/1e6, "MB/month")
				for _, step := range []time.Duration{time.Minute, time.Hour} {
					begin := time.Now()
					if _, err := NewArchive(dir).Total(monthStart, monthStart.AddDate(0, 0, 30), step); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(time.Since(begin).Microseconds())/1e3, "ms-read-by-"+step.String())
				}
			}
		})
	}
}

var monthStart = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// writeDays writes days of a line to dir, without waiting for their time to pass.
func writeDays(dir string, l *line, days int) {
	in := make(chan item, 1)
	f := &Feed{in: in}
	at := monthStart
	l.load = func(time.Time) float64 { return evening(at) }
	err := NewWriter(dir, slog.New(slog.DiscardHandler)).Import(func(yield func(*Rollup) bool) {
		for range days * 86400 {
			l.add(f, 20)
			r := (<-in).rollup
			r.Start = at
			at = at.Add(time.Second)
			if !yield(r) {
				return
			}
		}
	})
	if err != nil {
		panic(err)
	}
}

// A month takes less than what is promised, whatever the line.
func TestMonthIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a day")
	}
	for _, noise := range []float64{0.3, 3, 25} {
		dir := t.TempDir()
		writeDays(dir, newLine(noise), 1)
		bytes := size(t, dir)
		month := 30*(bytes["1m"]+bytes["1h"]) + bytes["1s"]
		t.Logf("noise %v ms: %v, a month %.1f MB", noise, bytes, float64(month)/1e6)
		if month > 20e6 {
			t.Errorf("noise %v ms: %d bytes a month", noise, month)
		}
	}
}
