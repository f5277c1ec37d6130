package trace

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

var update = flag.Bool("update", false, "rewrite testdata/trace/*.golden with what the law decides now")

const traces = "../../testdata/trace"

// TestGolden holds the law to what it decided over recordings. A recording is
// input: it does not change with the law or with the simulated link that it may
// come from, and its delays do not answer to what is decided now.
func TestGolden(t *testing.T) {
	recordings, err := filepath.Glob(filepath.Join(traces, "*.csv"))
	if err != nil || len(recordings) == 0 {
		t.Fatalf("no recordings in %s (%v)", traces, err)
	}
	for _, path := range recordings {
		name := strings.TrimSuffix(filepath.Base(path), ".csv")
		t.Run(name, func(t *testing.T) {
			got := decisions(t, path)
			golden := filepath.Join(traces, name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; make it with: go test ./pkg/trace -run TestGolden -update", err)
			}
			if diff := firstDifference(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), got); diff != "" {
				t.Errorf("the law decides otherwise over %s than it did:\n%s"+
					"Look at it with: wanctl trace plot testdata/trace/%[1]s.csv --out %[1]s.svg\n"+
					"If the law was changed on purpose: go test ./pkg/trace -run TestGolden -update", name, diff)
			}
		})
	}
}

// decisions replays a recording as it was set up: a line for each direction and
// step in which its limit, state or reason changed.
func decisions(t *testing.T, path string) (lines []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	replay := Replay{
		Reload: true,
		New: func(s *Setup, start [2]bitrate.Rate) Law {
			if s == nil {
				t.Fatalf("%s does not tell how the law was set up: record it anew", path)
			}
			return autorate.New(s.Recall(s.Law.Config()), start)
		},
		Each: func(_ autorate.Input, dec autorate.Decision) error {
			for _, d := range autorate.Directions {
				if x := dec.Directions[d]; x.Changed {
					lines = append(lines, fmt.Sprintf("%8.3f s  %-8s  %7d kbit/s  %-8s  %s",
						dec.At.Seconds(), d, int64(x.Limit)/1000, x.State, x.Reason))
				}
			}
			return nil
		},
	}
	if err := Run(NewReader(f), &replay); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return lines
}

// firstDifference shows where got leaves want, with what led there, or "".
func firstDifference(want, got []string) string {
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	if i == len(want) && i == len(got) {
		return ""
	}
	var b strings.Builder
	show := func(sign string, lines []string) {
		for _, l := range lines {
			fmt.Fprintf(&b, "%s %s\n", sign, l)
		}
	}
	show(" ", want[max(0, i-4):i])
	show("-", want[i:min(i+4, len(want))])
	show("+", got[i:min(i+4, len(got))])
	fmt.Fprintf(&b, "(the first %d of %d decisions are the same; there are %d now)\n", i, len(want), len(got))
	return b.String()
}

func TestFirstDifference(t *testing.T) {
	for _, tt := range []struct {
		name      string
		want, got string
		diff      string
	}{
		{"same", "a b c", "a b c", ""},
		{"changed", "a b c d e f g", "a b c d e X g", "  b\n  c\n  d\n  e\n- f\n- g\n+ X\n+ g\n(the first 5 of 7 decisions are the same; there are 7 now)\n"},
		{"shorter", "a b c", "a b", "  a\n  b\n- c\n(the first 2 of 3 decisions are the same; there are 2 now)\n"},
		{"longer", "a", "a b", "  a\n+ b\n(the first 1 of 1 decisions are the same; there are 2 now)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstDifference(strings.Fields(tt.want), strings.Fields(tt.got)); got != tt.diff {
				t.Errorf("got:\n%swant:\n%s", got, tt.diff)
			}
		})
	}
}
