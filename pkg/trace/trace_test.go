package trace

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/linksim"
	"github.com/wanctl/wanctl/pkg/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/linksim/trial"
)

type recorder struct {
	law *autorate.Law
	enc Encoder
	t   *testing.T
}

func (r recorder) Step(now time.Duration, in autorate.Input) autorate.Decision {
	if err := Write(r.enc, []string{"a", "b", "c"}, in, now); err != nil {
		r.t.Fatal(err)
	}
	return r.law.Step(now, in)
}

// What was recorded, in either encoding, gives the same decisions again.
func TestReplayRepeatsTheRecording(t *testing.T) {
	for name, newEncoder := range map[string]func(io.Writer) Encoder{"jsonl": NewJSONEncoder, "csv": NewCSVEncoder} {
		t.Run(name, func(t *testing.T) {
			sc := scenario.Standard()[2]
			var buf bytes.Buffer
			var want []autorate.Decision
			enc := newEncoder(&buf)
			if err := Begin(enc, 0, sc.Ceiling); err != nil {
				t.Fatal(err)
			}
			run := trial.Trial{
				Link: linksim.New(sc.Config(1)), Controller: recorder{sc.Law(), enc, t},
				Observe: func(d autorate.Decision, _ *linksim.Link) { want = append(want, d) },
			}
			run.Run(0, 25*time.Second)

			var got []autorate.Decision
			replay := Replay{Tick: 50 * time.Millisecond, New: func([2]bitrate.Rate) Stepper { return sc.Law() }}
			err := replay.Run(NewReader(&buf), func(d autorate.Decision) error { got = append(got, d); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(want) < 400 {
				t.Fatalf("only %d decisions", len(want))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("decisions differ (-recorded +replayed):\n%.2000s", diff)
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
	replay := Replay{Tick: 50 * time.Millisecond, Limits: sc.Ceiling, New: func([2]bitrate.Rate) Stepper { return sc.Law() }}
	low := sc.Ceiling[0]
	err := replay.Run(NewReader(strings.NewReader(b.String())), func(d autorate.Decision) error {
		low = min(low, d.Directions[0].Limit)
		return nil
	})
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

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"t_ms":1,"event":"reply","host":"a","rtt_ms":3}`))
	f.Add([]byte("t_ms,event,host,rtt_ms\n1,reply,a,3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sc := scenario.Standard()[0]
		replay := Replay{Tick: time.Second, Limits: sc.Ceiling, New: func([2]bitrate.Rate) Stepper { return sc.Law() }}
		steps := 0
		_ = replay.Run(NewReader(bytes.NewReader(b)), func(d autorate.Decision) error {
			for i, x := range d.Directions {
				if x.Limit < sc.Floor[i] || x.Limit > sc.Ceiling[i] {
					t.Fatalf("limit %v outside [%v, %v]", x.Limit, sc.Floor[i], sc.Ceiling[i])
				}
			}
			if steps++; steps > 1000 {
				return io.ErrShortWrite
			}
			return nil
		})
	})
}
