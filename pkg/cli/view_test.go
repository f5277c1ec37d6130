package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/liveview"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
)

func viewed(env map[string]string) (*app.App, *bytes.Buffer) {
	var out bytes.Buffer
	a := &app.App{
		Streams:   output.Streams{Out: &out, Err: &out, OutTTY: true, ErrTTY: true},
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	a.Global.Output, a.Global.NoColor = output.Table, true
	return a, &out
}

func TestViewPossible(t *testing.T) {
	for _, c := range []struct {
		name        string
		env         map[string]string
		change      func(*app.App)
		live, lines bool
	}{
		{"a terminal", map[string]string{"TERM": "xterm"}, func(*app.App) {}, true, true},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, func(*app.App) {}, false, true},
		{"a pipe", nil, func(a *app.App) { a.OutTTY = false }, false, true},
		{"quiet", nil, func(a *app.App) { a.Global.Quiet = true }, false, false},
		{"JSON", nil, func(a *app.App) { a.Global.Output = output.JSON }, false, true},
		{"systemd", map[string]string{"JOURNAL_STREAM": "8:1"}, func(a *app.App) { a.OutTTY = false }, false, false},
		{"a container", map[string]string{"WANCTL_MODE": "shape"}, func(a *app.App) { a.OutTTY = false }, false, false},
	} {
		a, _ := viewed(c.env)
		c.change(a)
		if live, lines := liveview.Possible(a), wantsLines(a); live != c.live || lines != c.lines {
			t.Errorf("%s: live %v, lines %v", c.name, live, lines)
		}
	}
}

// decided is a decision of a WAN with one direction.
func decided(wan string, at time.Time, alive int) shape.Decision {
	d := autorate.Decision{RTT: 31 * time.Millisecond, Baseline: 20 * time.Millisecond, Excess: 11 * time.Millisecond, Alive: alive}
	d.Directions[0] = autorate.DirectionDecision{Limit: 94700 * bitrate.Kbps, State: autorate.Yellow, Reason: autorate.Holding, Throughput: 90 * bitrate.Mbps}
	return shape.NewDecision(wan, &at, d)
}

func TestShapeView(t *testing.T) {
	a, out := viewed(map[string]string{"TERM": "xterm"})
	v := newShapeView(a, 2)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := range 3 {
		at = at.Add(200 * time.Millisecond)
		for _, wan := range []string{"cable", "lte"} {
			if err := v.Put(decided(wan, at, 3-i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := v.screen.Write([]byte("a line of the log\nand another one\n")); err != nil {
		t.Fatal(err)
	}
	at = at.Add(time.Second)
	if err := v.Put(decided("cable", at, 0)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"",
		"cable  rtt 31.0 ms  above idle no replies ▂▂▂ ",
		"  download  YELLOW    limit    94.7M  carrying    90.0M  holding",
		"  upload    not controlled",
		"",
		"lte  rtt 31.0 ms  above idle   11.0 ms ▂▂▂",
		"  download  YELLOW    limit    94.7M  carrying    90.0M  holding",
		"  upload    not controlled",
		"Ctrl-C ends it; the limits stay as they are then",
	}
	if diff := cmp.Diff(want, v.block()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := strings.Count(out.String(), "a line of the log\x1b[K\nand another one"); n != 0 {
		t.Error("the second line of a log went into the block")
	}
	if err := v.Close(); err != nil || !strings.HasSuffix(out.String(), "\x1b[?25h") {
		t.Errorf("%v: the cursor is still hidden", err)
	}
	out.Reset()
	if _, err := v.screen.Write([]byte("the end\n")); err != nil || out.String() != "the end\n" {
		t.Errorf("%v, %q", err, out)
	}
}

func TestDecisionLines(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if err := printShapeLine(&out, decided("cable", at, 3)); err != nil {
		t.Fatal(err)
	}
	if want := "12:00:00  cable  rtt 31.0 ms, 11.0 above idle  download YELLOW 94.7M holding\n"; out.String() != want {
		t.Errorf("%q", &out)
	}
	out.Reset()
	s := &steerLines{w: &out}
	for _, r := range []steer.Assessment{{Reason: "clear"}, {Reason: "clear", Excess: 3}, {Reason: "red", Congestion: "RED", Steered: true, Excess: 40}} {
		r.Time, r.WAN = at, "cable"
		if err := s.Put(r); err != nil {
			t.Fatal(err)
		}
	}
	if want := "12:00:00  cable  UNKNOWN  steered no  clear  0.0 ms above idle\n12:00:00  cable  RED  steered yes  red  40.0 ms above idle\n"; out.String() != want {
		t.Errorf("%q", &out)
	}
}

func TestSteerView(t *testing.T) {
	a, out := viewed(map[string]string{"TERM": "xterm"})
	v := newSteerView(a, &steer.Config{Steering: &config.Steering{Primary: "cable", Alternate: "lte"}})
	if err := v.Put(steer.Assessment{Congestion: "RED", Steered: true, Reason: "red", Excess: 40}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "new connections go to lte  red") || !strings.Contains(text, "cable RED  above idle   40.0 ms") {
		t.Errorf("%q", text)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
