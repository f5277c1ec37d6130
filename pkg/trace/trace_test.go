package trace

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// recorder is a law whose input is recorded.
type recorder struct {
	Law
	rec *Recording
	t   *testing.T
}

func (r recorder) Step(now time.Duration, in autorate.Input) autorate.Decision {
	if err := r.rec.Step(now, in); err != nil {
		r.t.Fatal(err)
	}
	return r.Law.Step(now, in)
}

func (r recorder) SetExternally(d autorate.Direction, rate bitrate.Rate) {
	if err := r.rec.SetExternally(d, rate); err != nil {
		r.t.Fatal(err)
	}
	r.Law.SetExternally(d, rate)
}

// What was recorded, in either encoding, gives the same decisions again: limits
// that somebody else set, settings that were changed, and the baseline and all else
// that an earlier run had learned, included.
func TestReplayRepeatsTheRecording(t *testing.T) {
	known := autorate.Snapshot{
		Noise: 2_345_679, Samples: 2,
		Capacity: [2]bitrate.Rate{38_765_433, 9_654_321}, Age: [2]time.Duration{77_123_456_789, 599_987_654_321},
	}
	for _, tt := range []struct {
		name    string
		enc     func(io.Writer) Encoder
		foreign bool
		reload  bool
		early   bool // changed before the first step
		clocks  bool
		learned time.Duration
		restore autorate.Snapshot
	}{
		{name: "jsonl", enc: NewJSONEncoder},
		{name: "csv", enc: NewCSVEncoder},
		{name: "external", enc: NewCSVEncoder, foreign: true},
		{name: "reload", enc: NewJSONEncoder, reload: true},
		{name: "clocks", enc: NewCSVEncoder, clocks: true},
		{name: "learned", enc: NewCSVEncoder, learned: 31 * time.Millisecond},
		{name: "restored", enc: NewJSONEncoder, learned: 24_123_457, restore: known},
		{name: "restored, csv, clocks", enc: NewCSVEncoder, clocks: true, learned: 24_123_457, restore: known},
		{name: "restored, reloaded at once", enc: NewJSONEncoder, early: true, learned: 24_123_457, restore: known},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc, _ := scenario.Find("step-download")
			cfg := sc.LawConfig()
			if tt.clocks {
				sc = sc.WithClocks()
			}
			if tt.learned > 0 {
				cfg.BaselineInitial = tt.learned
			}
			cfg.Restore = tt.restore
			var buf bytes.Buffer
			var want []autorate.Decision
			law := recorder{
				autorate.New(cfg, sc.Ceiling),
				NewRecording(tt.enc(&buf), NewSetup("sim", cfg, []string{"a", "a", "b"}, tt.learned), sc.Ceiling), t,
			}
			if tt.early {
				if err := law.rec.Reconfigure(cfg); err != nil {
					t.Fatal(err)
				}
				law.Reconfigure(cfg)
			}
			run := simrun.Simulation{Link: linksim.New(sc.Config(1)), Controller: law,
				Observe: func(d autorate.Decision, l *linksim.Link) {
					want = append(want, d)
					if tt.foreign && len(want) == 300 {
						law.SetExternally(autorate.Download, 12*bitrate.Mbps)
					}
					if tt.reload && len(want) == 400 {
						changed := cfg
						changed.Target = 5 * time.Millisecond
						changed.Directions[autorate.Download].Ceiling = 20 * bitrate.Mbps
						if err := law.rec.Reconfigure(changed); err != nil {
							t.Fatal(err)
						}
						law.Reconfigure(changed)
					}
				},
			}
			run.Run(0, 35*time.Second)

			var got []autorate.Decision
			replay := Replay{
				Reload: true,
				New: func(s *Setup, start [2]bitrate.Rate) Law {
					return autorate.New(s.Recall(s.Law.Config()), start)
				},
				Each: func(_ autorate.Input, d autorate.Decision) error { got = append(got, d); return nil },
			}
			if err := Run(NewReader(&buf), &replay); err != nil {
				t.Fatal(err)
			}
			if len(want) < 600 {
				t.Fatalf("only %d decisions", len(want))
			}
			if seen := want[0].Directions[autorate.Download].Capacity; seen != tt.restore.Capacity[autorate.Download] {
				t.Errorf("the recorded run begins with a capacity of %v", seen)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("decisions differ (-recorded +replayed):\n%.2000s", diff)
			}
		})
	}
}

// every returns a law's settings of which none is the zero value.
func every(t *testing.T) (cfg autorate.Config) {
	n := int64(0)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Int, reflect.Int64:
			n++
			v.SetInt(n * 1000)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Float64:
			n++
			v.SetFloat(float64(n))
		default:
			t.Fatalf("autorate.Config has a field of kind %v: record it in Setup, and fill it here", v.Kind())
		}
	}
	fill(reflect.ValueOf(&cfg).Elem())
	return cfg
}

// A setting that the law gains and a recording does not carry would make replays
// differ without a word.
func TestSettingsRoundTrip(t *testing.T) {
	cfg := every(t)
	s := NewSetup("wan", cfg, nil, 0)
	if diff := cmp.Diff(cfg, s.Recall(s.Law.Config())); diff != "" {
		t.Errorf("settings lost in a recording (-law +recorded):\n%s", diff)
	}
}

// What Settings.Config writes out for what was left to the law is what the law
// does.
func TestDefaultsAreTheLaws(t *testing.T) {
	sc, _ := scenario.Find("lte")
	decisions := func(cfg autorate.Config) (list []autorate.Decision) {
		run := simrun.Simulation{Link: linksim.New(sc.Config(2)), Controller: autorate.New(cfg, sc.Ceiling),
			Observe: func(d autorate.Decision, _ *linksim.Link) { list = append(list, d) }}
		run.Run(0, 20*time.Second)
		return list
	}
	cfg := sc.LawConfig()
	if diff := cmp.Diff(decisions(cfg), decisions(NewSettings(cfg).Config())); diff != "" {
		t.Errorf("decisions differ (-defaults of the law +written out):\n%.1000s", diff)
	}
}

func TestEventsSurviveARecording(t *testing.T) {
	for name, newEncoder := range map[string]func(io.Writer) Encoder{"jsonl": NewJSONEncoder, "csv": NewCSVEncoder} {
		t.Run(name, func(t *testing.T) {
			sc := scenario.Standard()[0]
			var buf bytes.Buffer
			rec := NewRecording(newEncoder(&buf), NewSetup("sim", sc.LawConfig(), []string{"a", "b"}, 0), sc.Ceiling)
			want := []rtt.Event{
				{At: 40 * time.Millisecond, Kind: rtt.OneWay, Reflector: 1, Up: -7*time.Hour - 3, Down: 7*time.Hour + 24*time.Millisecond},
				{At: 41 * time.Millisecond, Kind: rtt.Reply, Reflector: 1, Seq: 7, RTT: 24*time.Millisecond + 1},
				{At: 45 * time.Millisecond, Kind: rtt.Sent, Reflector: 0, Seq: 0},
				{At: 46 * time.Millisecond, Kind: rtt.Lost, Reflector: 2, Seq: 3},
				{At: 47 * time.Millisecond, Kind: rtt.Spare, Reflector: 0, Seq: 1},
			}
			if err := rec.Step(50*time.Millisecond, autorate.Input{Events: want, Applied: sc.Ceiling}); err != nil {
				t.Fatal(err)
			}
			var got []rtt.Event
			replay := Replay{
				New:  func(*Setup, [2]bitrate.Rate) Law { return sc.Law() },
				Each: func(in autorate.Input, _ autorate.Decision) error { got = slices.Clone(in.Events); return nil },
			}
			if err := Run(NewReader(&buf), &replay); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-recorded +replayed):\n%s", diff)
			}
		})
	}
}

// Recordings from before they told how the law was set up.
func TestOldRecordings(t *testing.T) {
	const jsonl = `{"t_ms":0,"event":"start","download_bps":44000000,"upload_bps":11000000}
{"t_ms":10,"event":"sent","host":"a","seq":0}
{"t_ms":34,"event":"reply","host":"a","seq":0,"rtt_ms":24}
{"t_ms":50,"event":"step","download_bps":44000000,"upload_bps":11000000,"write_latency_ms":20}
`
	const csv = `t_ms,event,host,seq,rtt_ms,download_bytes,download_dropped,download_queued_bytes,upload_bytes,upload_dropped,upload_queued_bytes,download_bps,upload_bps,write_latency_ms,hold
0,start,,,,,,,,,,44000000,11000000,,
10,sent,a,0,,,,,,,,,,,
34,reply,a,0,24,,,,,,,,,,
50,step,,,,,,,,,,44000000,11000000,20,
`
	for name, text := range map[string]string{"jsonl": jsonl, "csv": csv} {
		t.Run(name, func(t *testing.T) {
			sc := scenario.Standard()[0]
			var got []autorate.Input
			replay := Replay{
				New: func(s *Setup, start [2]bitrate.Rate) Law {
					if s != nil || start != sc.Ceiling {
						t.Errorf("made with %v and %v", s, start)
					}
					return sc.Law()
				},
				Each: func(in autorate.Input, _ autorate.Decision) error {
					in.Events = slices.Clone(in.Events)
					got = append(got, in)
					return nil
				},
			}
			if err := Run(NewReader(strings.NewReader(text)), &replay); err != nil {
				t.Fatal(err)
			}
			want := []autorate.Input{{
				Events: []rtt.Event{
					{At: 10 * time.Millisecond, Kind: rtt.Sent},
					{At: 34 * time.Millisecond, Kind: rtt.Reply, RTT: 24 * time.Millisecond},
				},
				Applied: sc.Ceiling, WriteLatency: 20 * time.Millisecond,
			}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplayOfProbeOutput(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		rtt := "20"
		if i > 100 {
			rtt = "120"
		}
		b.WriteString(`{"t_ms":` + strconv.Itoa(i*50) + `,"event":"reply","host":"x","seq":` + strconv.Itoa(i) + `,"rtt_ms":` + rtt + `,"method":"icmp"}` + "\n")
	}
	sc := scenario.Standard()[0]
	low := sc.Ceiling[0]
	replay := Replay{
		Tick: 50 * time.Millisecond, Limits: sc.Ceiling, New: func(*Setup, [2]bitrate.Rate) Law { return sc.Law() },
		Each: func(_ autorate.Input, d autorate.Decision) error {
			low = min(low, d.Directions[0].Limit)
			return nil
		},
	}
	err := Run(NewReader(strings.NewReader(b.String())), &replay)
	if err != nil {
		t.Fatal(err)
	}
	if !replay.NoCounters() {
		t.Error("NoCounters() = false for a probe's output")
	}
	if low >= sc.Ceiling[0] {
		t.Error("100 ms of delay on a fully used link cut nothing")
	}
}

func TestReadErrorsNameTheLine(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"not a trace", "hello,world\n1,2\n", "line 1: not a trace"},
		{"bad json", "{\"t_ms\":1,\"event\":\"step\"}\n{oops\n", "line 2"},
		{"no time", `{"event":"step"}`, "line 1: no t_ms"},
		{"no event", `{"t_ms":1}`, "line 1: no event"},
		{"reply without rtt", `{"t_ms":1,"event":"reply","host":"a"}`, "line 1: reply without rtt_ms"},
		{"absurd time", `{"t_ms":1e300,"event":"step"}`, "t_ms is not a usable time"},
		{"csv number", "t_ms,event,host,rtt_ms\n1,reply,a,fast\n", "line 2: rtt_ms"},
		{"one-way without times", `{"t_ms":1,"event":"one-way","host":"a","up_ms":3}`, "line 1: one-way without up_ms and down_ms"},
		{"adopt without limit", `{"t_ms":1,"event":"adopt"}`, "line 1: adopt without one of"},
		{"config without setup", `{"t_ms":1,"event":"config"}`, "line 1: config without setup"},
		{"newer setup", `{"t_ms":0,"event":"start","setup":{"version":9}}`, "line 1: setup of version 9: recorded by a newer wanctl"},
		{"newer memory", `{"t_ms":0,"event":"start","setup":{"version":1,"memory":{"version":9}}}`, "line 1: memory of version 9"},
		{"impossible setup", `{"t_ms":0,"event":"start","setup":{"version":1,"law":{"download":{"ceiling_bps":1}}}}`, "line 1: setup: floors"},
		{"csv setup", "t_ms,event,setup\n0,start,{oops\n", "line 2: setup"},
		{"lines before", "\n\n{\"t_ms\":1}", "line 3: no event"},
		{"csv fields", "t_ms,event\n1,step,3\n", "line 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in))
			for {
				_, err := r.Read()
				if err == io.EOF {
					t.Fatal("no error")
				}
				if err != nil {
					if !strings.Contains(err.Error(), tt.want) {
						t.Fatalf("got %q, want it to contain %q", err, tt.want)
					}
					return
				}
			}
		})
	}
}

// A record in the wrong place is named by its line, too.
func TestReplayErrorsNameTheLine(t *testing.T) {
	sc := scenario.Standard()[0]
	replay := Replay{
		New:  func(*Setup, [2]bitrate.Rate) Law { return sc.Law() },
		Each: func(autorate.Input, autorate.Decision) error { return nil },
	}
	err := Run(NewReader(strings.NewReader("t_ms,event\n50,step\n40,step\n")), &replay)
	if want := "line 3: step at 40 ms lies before the one at 50 ms"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"t_ms":1,"event":"reply","host":"a","rtt_ms":3}`))
	f.Add([]byte("t_ms,event,host,rtt_ms\n1,reply,a,3\n"))
	f.Add([]byte(`{"t_ms":0,"event":"start","setup":{"version":1,"law":{"download":{"ceiling_bps":9,"floor_bps":[1,1,1,1]},"upload":{"ceiling_bps":9,"floor_bps":[1,1,1,1]}}}}` +
		"\n" + `{"t_ms":1,"event":"adopt","upload_bps":-4}` + "\n" + `{"t_ms":50,"event":"step"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		sc := scenario.Standard()[0]
		steps := 0
		replay := Replay{
			Tick: time.Second, Limits: sc.Ceiling,
			New: func(*Setup, [2]bitrate.Rate) Law { return sc.Law() },
			Each: func(_ autorate.Input, d autorate.Decision) error {
				for i, x := range d.Directions {
					if x.Limit < sc.Floor[i] || x.Limit > sc.Ceiling[i] {
						t.Fatalf("limit %v outside [%v, %v]", x.Limit, sc.Floor[i], sc.Ceiling[i])
					}
				}
				if steps++; steps > 1000 {
					return io.ErrShortWrite
				}
				return nil
			},
		}
		_ = Run(NewReader(bytes.NewReader(b)), &replay)
	})
}

// What a law knew comes out of a file as it went in, to the nanosecond.
func TestMemoryIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		known := autorate.Snapshot{Noise: time.Duration(1 + rng.Int64N(1e9)), Samples: 1 + rng.IntN(8)}
		for d := range known.Capacity {
			known.Capacity[d], known.Age[d] = bitrate.Rate(1+rng.Int64N(1e11)), time.Duration(rng.Int64N(1e12))
		}
		text, err := json.Marshal(NewMemory(0, known))
		if err != nil {
			t.Fatal(err)
		}
		var m Memory
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if got := m.Law(); got != known {
			t.Fatalf("%+v became %+v", known, got)
		}
	}
}
