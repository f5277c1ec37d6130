package shape

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/trace"
)

func TestBypassDetector(t *testing.T) {
	const mbps = bitrate.Mbps
	bytes := func(r bitrate.Rate) uint64 { return uint64(float64(r) / 8 * bypassWindow.Seconds()) }
	wan := func(load, carried bitrate.Rate) window {
		return window{wan: [2]bitrate.Rate{load}, queues: [2]uint64{bytes(carried)}}
	}
	standing, still := window{standing: time.Second}, window{}
	other := window{standing: time.Second, queues: [2]uint64{0, 1}}
	later := window{at: 2 * bypassMemory}
	for _, tt := range []struct {
		name    string
		windows []window
		want    bool // of the download
	}{
		{"load past the queue", []window{wan(50*mbps, mbps), wan(50*mbps, mbps), wan(50*mbps, mbps)}, true},
		{"not for long", []window{wan(50*mbps, mbps), wan(50*mbps, mbps)}, false},
		{"load through the queue", []window{wan(50*mbps, 49*mbps), wan(50*mbps, 49*mbps), wan(50*mbps, 49*mbps)}, false},
		{"a small part of the load past the queue", []window{wan(50*mbps, 9*mbps), wan(50*mbps, 9*mbps), wan(50*mbps, 9*mbps)}, false},
		{"idle", []window{wan(mbps, 0), wan(mbps, 0), wan(mbps, 0), still}, false},
		{"idle in between", []window{wan(50*mbps, 0), still, wan(50*mbps, 0), wan(50*mbps, 0)}, true},
		{"idle for long in between", []window{wan(50*mbps, 0), wan(50*mbps, 0), later, wan(50*mbps, 0)}, false},
		{"in use in between", []window{wan(50*mbps, 0), wan(50*mbps, 0), wan(50*mbps, 40*mbps), wan(50*mbps, 0)}, false},
		{"recovers under load", []window{wan(50*mbps, 0), wan(50*mbps, 0), wan(50*mbps, 0), wan(50*mbps, 50*mbps)}, false},
		{"still so while idle", []window{wan(50*mbps, 0), wan(50*mbps, 0), wan(50*mbps, 0), wan(mbps, 40*bitrate.Kbps), still}, true},
		{"delay and not one byte", []window{standing, standing, standing}, true},
		{"then a byte", []window{standing, standing, standing, wan(0, 8)}, false},
		{"no delay and not one byte", []window{still, still, still}, false},
		{"delay, and the other queue is in use", []window{other, other, other}, false},
		{"delay, and an interface without load", []window{
			{standing: 9 * time.Second, wan: [2]bitrate.Rate{1, 1}}, {standing: 9 * time.Second, wan: [2]bitrate.Rate{1, 1}},
			{standing: 9 * time.Second, wan: [2]bitrate.Rate{1, 1}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bypassDetector{ceilings: [2]bitrate.Rate{500 * mbps, 40 * mbps}}
			var at time.Duration
			for _, w := range tt.windows {
				at += max(w.at, bypassWindow)
				w.at, w.took, w.read = at, bypassWindow, true
				b.add(w, [2]bool{})
			}
			if b.bypassed[autorate.Download] != tt.want {
				t.Errorf("bypassed %v", b.bypassed)
			}
		})
	}
	t.Run("another fault explains it", func(t *testing.T) {
		b := bypassDetector{ceilings: [2]bitrate.Rate{500 * mbps, 40 * mbps}}
		for i := range time.Duration(9) {
			w := wan(50*mbps, 0)
			w.at, w.took, w.read = i*bypassWindow, bypassWindow, true
			b.add(w, [2]bool{i < 7})
		}
		if b.bypassed != [2]bool{} {
			t.Errorf("bypassed %v", b.bypassed)
		}
	})
}

// Recordings of lines, and the same with counters that never move.
func TestBypassInRecordings(t *testing.T) {
	for _, tt := range []struct {
		file       string
		dead, want bool
	}{
		{"step-download", false, false},
		{"step-download", true, true},
		{"step-upload", true, true},
		{"lte", false, false},
		{"route-change", false, false},
		{"docsis-idle", false, false},
		{"docsis-idle", true, false}, // probes that pass no queue, on an idle line
	} {
		t.Run(fmt.Sprintf("%s, dead %v", tt.file, tt.dead), func(t *testing.T) {
			f, err := os.Open("../../../testdata/trace/" + tt.file + ".csv")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var check BypassCheck
			r := &trace.Replay{
				New: func(s *trace.Setup, start [2]bitrate.Rate) trace.Law { return autorate.New(s.Law.Config(), start) },
				Each: func(in autorate.Input, dec autorate.Decision) error {
					for i := range in.Readings {
						if tt.dead {
							in.Readings[i].Queues = [2]autorate.Counters{{Bytes: 7}, {Bytes: 7}}
						}
					}
					check.Step(&in, &dec)
					return nil
				},
			}
			if err := trace.Run(trace.NewReader(f), r); err != nil {
				t.Fatal(err)
			}
			if at, found := check.Found(); found != tt.want {
				t.Errorf("found %v at %v", found, at)
			}
		})
	}
}

// knownLines is a router with queues, interfaces and routes, and nothing else.
type knownLines struct {
	menuReader
	parent string
	target []string
	routes []router.Route
}

func (k knownLines) Queue(context.Context, string) (router.Queue, error) {
	return router.Queue{Parent: k.parent}, nil
}

func (k knownLines) SimpleQueue(context.Context, string) (router.SimpleQueue, error) {
	return router.SimpleQueue{Target: k.target}, nil
}

func (k knownLines) DefaultRoutes(context.Context) ([]router.Route, error) { return k.routes, nil }

// searched counts the searches for the interface of the WAN, which end once it is known.
type searched struct {
	knownLines
	interfaces []router.Interface
	err        error
	n          int
}

func (s *searched) Interfaces(context.Context) ([]router.Interface, error) {
	s.n++
	return s.interfaces, s.err
}

// Where nothing tells the interface of the WAN, and where it cannot be read, the router is
// asked again after minutes, ever more of them; and in each window once it is known.
func TestWANSearchPauses(t *testing.T) {
	two := knownLines{parent: "global", routes: []router.Route{{Destination: "0.0.0.0/0", Interface: "wan1"}, {Destination: "0.0.0.0/0", Interface: "wan2"}}}
	for name, s := range map[string]*searched{
		"one of two": {knownLines: two, interfaces: []router.Interface{{Name: "wan1"}, {Name: "wan2"}}},
		"no answer":  {knownLines: two, err: router.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bypassWatch{client: s, queues: &Queues{names: [2]string{"down", "up"}}}
				windows := func(n int) (rate bitrate.Rate) {
					for range n {
						rate = b.readWAN(t.Context())[0]
						time.Sleep(bypassWindow)
					}
					return rate
				}
				// At 0, 1, 3, 7, 15 and 31 minutes, and then every 16.
				windows(32 * 4)
				if s.n != 6 {
					t.Errorf("%d searches in 32 minutes, want 6", s.n)
				}
				windows(24*60*4 - 32*4)
				if s.n < 90 || s.n > 96 {
					t.Errorf("%d searches in a day, want one in %v", s.n, maxSearchPause)
				}
				s.err, s.routes, s.interfaces = nil, two.routes[:1], []router.Interface{{Name: "wan1"}}
				windows(int(maxSearchPause / bypassWindow))
				s.n, s.interfaces[0].Received = 0, s.interfaces[0].Received+uint64(bypassWindow.Seconds())*1_000_000/8
				if rate := windows(1); rate != bitrate.Mbps {
					t.Errorf("rate %v once it is known", rate)
				}
				if windows(4); s.n != 5 {
					t.Errorf("%d readings in 5 windows", s.n)
				}
				// A reading that fails costs a minute, whatever was before.
				s.err = router.ErrUnreachable
				windows(1)
				s.err, s.n = nil, 0
				if windows(4); s.n != 1 {
					t.Errorf("%d readings in the minute after one that failed", s.n)
				}
			})
		})
	}
}
