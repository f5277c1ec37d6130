package state

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// disk is a fake file: it records when what was saved.
type disk struct {
	start time.Time

	mu    sync.Mutex // protects the following fields
	err   error
	saves []save
}

func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

type save struct {
	At   time.Duration
	Rate bitrate.Rate
}

func (d *disk) save(w WAN) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saves = append(d.saves, save{time.Since(d.start), w.Download.CurrentRate})
	return d.err
}

// saverTest runs a Saver on a fake disk in virtual time; body submits, and the
// saver ends when it returns.
func saverTest(t *testing.T, body func(s *Saver[WAN], d *disk)) (d *disk, log string) {
	t.Helper()
	var buf bytes.Buffer
	d = &disk{}
	synctest.Test(t, func(t *testing.T) {
		d.start = time.Now()
		s := newSaver(d.save, "s.json", slog.New(slog.NewTextHandler(&buf, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		body(s, d)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return d, buf.String()
}

func rate(n int) WAN { return WAN{Download: Direction{CurrentRate: bitrate.Rate(n)}} }

func TestSaverWritesChangesSlowly(t *testing.T) {
	d, _ := saverTest(t, func(s *Saver[WAN], _ *disk) {
		// A change each tick for 12 s, as under saturation.
		for i := range 240 {
			s.Submit(rate(i))
			time.Sleep(50 * time.Millisecond)
		}
	})
	want := []save{{0, 0}, {5 * time.Second, 100}, {10 * time.Second, 200}, {12 * time.Second, 239}}
	if len(d.saves) != len(want) {
		t.Fatalf("saves: %v", d.saves)
	}
	for i, got := range d.saves {
		if got.At != want[i].At || (got.Rate-want[i].Rate+1)/2 != 0 { // the tick at that very moment may be in or not
			t.Errorf("save %d: %v, want %v", i, got, want[i])
		}
	}
	if last := d.saves[3]; last.Rate != 239 {
		t.Errorf("last save is of %d, not the newest", last.Rate)
	}
}

func TestSaverWritesOnceAMinuteWithoutChange(t *testing.T) {
	d, _ := saverTest(t, func(s *Saver[WAN], _ *disk) {
		for i := range 20 * 60 * 10 { // ten minutes of ticks; only samples flow
			w := rate(7)
			w.LoadRTT = time.Duration(i)
			w.Download.GreenStreak = i
			s.Submit(w)
			time.Sleep(50 * time.Millisecond)
		}
	})
	var at []time.Duration
	for _, s := range d.saves {
		at = append(at, s.At)
	}
	var want []time.Duration
	for i := range 11 {
		want = append(want, time.Duration(i)*time.Minute)
	}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSaverAfterQuietWritesAtOnce(t *testing.T) {
	d, _ := saverTest(t, func(s *Saver[WAN], _ *disk) {
		s.Submit(rate(1))
		time.Sleep(30 * time.Second)
		s.Submit(rate(1)) // nothing new
		time.Sleep(10 * time.Second)
		s.Submit(rate(2)) // a change, long after the last write
		time.Sleep(time.Hour)
	})
	want := []save{{0, 1}, {40 * time.Second, 2}} // and nothing when nobody submits
	if diff := cmp.Diff(want, d.saves); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSaverRetries(t *testing.T) {
	d, log := saverTest(t, func(s *Saver[WAN], d *disk) {
		d.fail(errors.New("disk full"))
		s.Submit(rate(1))
		time.Sleep(100 * time.Second)
		d.fail(errors.New("disk gone"))
		time.Sleep(100 * time.Second)
		d.fail(nil)
		time.Sleep(200 * time.Second)
	})
	want := []save{{0, 1}, {5 * time.Second, 1}, {15 * time.Second, 1}, {35 * time.Second, 1}, {75 * time.Second, 1},
		{135 * time.Second, 1}, {195 * time.Second, 1}, {255 * time.Second, 1}}
	if diff := cmp.Diff(want, d.saves); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for text, times := range map[string]int{"disk full": 1, "disk gone": 1, "saved again": 1} {
		if got := strings.Count(log, text); got != times {
			t.Errorf("%q logged %d times, want %d:\n%s", text, got, times, log)
		}
	}
}

func TestSaverFlushesOnceAtTheEnd(t *testing.T) {
	d, log := saverTest(t, func(s *Saver[WAN], d *disk) {
		s.Submit(rate(1))
		time.Sleep(time.Second)
		s.Submit(rate(2))
		s.Submit(rate(3))
		d.fail(errors.New("disk full")) // is no reason to fail, but is told
	})
	if diff := cmp.Diff([]save{{0, 1}, {time.Second, 3}}, d.saves); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !strings.Contains(log, "disk full") {
		t.Errorf("log: %s", log)
	}
	d, _ = saverTest(t, func(s *Saver[WAN], _ *disk) {
		s.Submit(rate(1))
		time.Sleep(time.Second)
	})
	if len(d.saves) != 1 {
		t.Errorf("written again without news: %v", d.saves)
	}
	d, _ = saverTest(t, func(*Saver[WAN], *disk) {})
	if len(d.saves) != 0 {
		t.Errorf("written without a state: %v", d.saves)
	}
}

// A disk that hangs must not be felt by the loop.
func TestSubmitNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		s := newSaver(func(WAN) error { <-hung; return nil }, "s.json", nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		w := rate(1)
		start := time.Now()
		if n := testing.AllocsPerRun(1000, func() { s.Submit(w) }); n != 0 {
			t.Errorf("%v allocations a Submit", n)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("Submit took %v", d)
		}
		close(hung)
		cancel()
		<-ended
	})
}

func TestSaverOnRealFile(t *testing.T) {
	f := OpenWAN(filepath.Join(t.TempDir(), "s.json"))
	s := NewSaver(f, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	s.Submit(sampleWAN(1))
	s.Submit(sampleWAN(2))
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if w, err := f.ReadOnly(); err != nil || !cmp.Equal(w, sampleWAN(2)) {
		t.Errorf("ReadOnly = %+v, %v", w, err)
	}
}

// What must not be forgotten is written at once, and the state after it when it is due.
func TestSaveNow(t *testing.T) {
	d, _ := saverTest(t, func(s *Saver[WAN], d *disk) {
		s.Submit(rate(1))
		time.Sleep(time.Second)
		if err := s.SaveNow(context.Background(), rate(2)); err != nil {
			t.Error(err)
		}
		s.Submit(rate(3))
		time.Sleep(time.Second)
		d.fail(errors.New("disk is full"))
		if err := s.SaveNow(context.Background(), rate(4)); err == nil {
			t.Error("no error of a full disk")
		}
		d.fail(nil)
		time.Sleep(time.Minute)
	})
	want := []save{{0, 1}, {time.Second, 2}, {2 * time.Second, 4}, {7 * time.Second, 4}}
	if diff := cmp.Diff(want, d.saves); diff != "" {
		t.Errorf("saves (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newSaver(func(WAN) error { return nil }, "s.json", nil).SaveNow(ctx, rate(1)); err == nil {
		t.Error("saved without a Saver that runs")
	}
}
