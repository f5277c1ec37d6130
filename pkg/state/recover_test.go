package state

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	newWAN = `{"download":{"green_streak":5,"soft_red_streak":0,"red_streak":0,"current_rate":500000000,"extra":"new"},` +
		`"upload":{"green_streak":7,"soft_red_streak":0,"red_streak":0,"current_rate":40000000},"ewma":{"baseline_rtt":24.5,"load_rtt":25.5},` +
		`"last_applied":{"dl_rate":500000000,"ul_rate":40000000},"other":{"a":[1,2]},"timestamp":"2026-11-23T01:02:03.000000",` +
		`"wanctl":{"version":1,"saved_at":"2026-11-23T01:02:03Z","law":{"n":2}}}`
	oldWAN = `{"download":{"green_streak":4,"soft_red_streak":1,"red_streak":1,"current_rate":400000000,"extra":"old"},` +
		`"upload":{"green_streak":6,"soft_red_streak":1,"red_streak":1,"current_rate":30000000},"ewma":{"baseline_rtt":23.5,"load_rtt":26.5},` +
		`"last_applied":{"dl_rate":400000000,"ul_rate":30000000},"other":{"a":[0]},"timestamp":"2026-11-23T01:01:03.000000",` +
		`"wanctl":{"version":1,"saved_at":"2026-11-23T01:01:03Z","law":{"n":1}}}`
)

func resetKeys(reset []Invalid) (keys []string) {
	for _, i := range reset {
		keys = append(keys, i.Key)
	}
	return keys
}

func decoded(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRecover(t *testing.T) {
	bounds := WANBounds{Download: [2]bitrate.Rate{100 * bitrate.Mbps, 450 * bitrate.Mbps}, BaselineMax: 1e9}
	for _, tt := range []struct {
		name, text, backup string
		validate           func(WAN) []Invalid
		path               string // "": neither is usable
		want               string
		reset              []string
	}{
		{name: "nothing wrong", text: newWAN, backup: oldWAN, path: "s", want: newWAN},
		{name: "out of range", text: strings.Replace(newWAN, "24.5", "-1", 1), backup: oldWAN,
			path: "s", want: strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1), reset: []string{"ewma.baseline_rtt"}},
		{name: "of another type", text: strings.Replace(newWAN, "24.5", `"x"`, 1), backup: oldWAN,
			path: "s", want: strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1), reset: []string{"ewma.baseline_rtt"}},
		{name: "NaN", text: strings.Replace(newWAN, "24.5", "NaN", 1), backup: oldWAN,
			path: "s", want: strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1), reset: []string{"ewma.baseline_rtt"}},
		{name: "an object that is none", text: strings.Replace(newWAN, `{"baseline_rtt":24.5,"load_rtt":25.5}`, "7", 1), backup: oldWAN,
			path: "s", want: strings.Replace(newWAN, `"ewma":{"baseline_rtt":24.5,"load_rtt":25.5},`, "", 1), reset: []string{"ewma"}},
		{name: "several", text: strings.NewReplacer("24.5", "-1", `"current_rate":500000000`, `"current_rate":0`).Replace(newWAN),
			path: "s", want: strings.NewReplacer(`"baseline_rtt":24.5,`, "", `"current_rate":500000000,`, "").Replace(newWAN),
			reset: []string{"download.current_rate", "ewma.baseline_rtt"}},
		{name: "not configured", text: newWAN, backup: oldWAN, validate: bounds.Validate,
			path: "s", want: strings.Replace(newWAN, `"current_rate":500000000,`, "", 1), reset: []string{"download.current_rate"}},
		{name: "invalid and not configured", text: strings.Replace(newWAN, "24.5", "-1", 1), validate: bounds.Validate,
			path: "s", want: strings.NewReplacer(`"baseline_rtt":24.5,`, "", `"current_rate":500000000,`, "").Replace(newWAN),
			reset: []string{"ewma.baseline_rtt", "download.current_rate"}},
		{name: "cut", text: newWAN[:300], backup: oldWAN, path: "s.backup", want: oldWAN},
		{name: "cut, and an invalid value in the backup", text: newWAN[:300], backup: strings.Replace(oldWAN, "23.5", "NaN", 1),
			path: "s.backup", want: strings.Replace(oldWAN, `"baseline_rtt":23.5,`, "", 1), reset: []string{"ewma.baseline_rtt"}},
		{name: "cut, without a backup", text: newWAN[:300], want: `{}`},
		{name: "both cut", text: newWAN[:300], backup: oldWAN[:300], want: `{}`},
		{name: "missing", backup: oldWAN, path: "s.backup", want: oldWAN},
		{name: "state of the other kind", text: `{"current_state":"A_GOOD"}`, backup: oldWAN, path: "s.backup", want: oldWAN},
		{name: "backup of the other kind", text: newWAN[:300], backup: `{"current_state":"A_GOOD"}`, want: `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := OpenWAN("s").recover([]byte(tt.text), []byte(tt.backup), tt.validate)
			if got.path != tt.path {
				t.Errorf("from %q, want %q", got.path, tt.path)
			}
			text, err := got.doc.clone().text()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decoded(t, tt.want), decoded(t, string(text))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.reset, resetKeys(got.reset)); diff != "" {
				t.Errorf("reset (-want +got)\n%s", diff)
			}
		})
	}
}

func TestRecoverSteering(t *testing.T) {
	const good = `{"current_state":"CABLE_GOOD","bad_count":1,"history_rtt":[24.1,25],"history_delta":[0.5],"transitions":[{"from":"A"}],` +
		`"congestion_state":"GREEN","queue_ewma":1.5,"cake_state_history":["GREEN"]}`
	for _, tt := range []struct{ name, text, reset string }{
		{"one bad sample", strings.Replace(good, "24.1", "NaN", 1), "history_rtt: item 0: not a finite number"},
		{"history is no list", strings.Replace(good, "[24.1,25]", `"x"`, 1), "history_rtt: not a list of finite numbers"},
		{"state of another WAN", strings.Replace(good, "CABLE_GOOD", "DSL_GOOD", 1), `current_state: "DSL_GOOD" is a state of DSL, and the primary WAN is cable`},
		{"no state at all", strings.Replace(good, "CABLE_GOOD", "FINE", 1), `current_state: "FINE" ends neither in _GOOD nor in _DEGRADED`},
		{"unknown congestion", strings.Replace(good, `"GREEN",`, `"BLUE",`, 1), `congestion_state: "BLUE" is not one of GREEN, YELLOW and RED`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := OpenSteering("s")
			got := f.recover([]byte(tt.text), nil, SteeringBounds{Primary: "cable"}.Validate)
			if len(got.reset) != 1 || got.reset[0].String() != tt.reset {
				t.Errorf("reset %v, want %s", got.reset, tt.reset)
			}
			want := f.recover([]byte(good), nil, nil).doc
			want[got.reset[0].Key] = nil
			for key, value := range want {
				if string(got.doc[key]) != string(value) {
					t.Errorf("%s is %s, want %s", key, got.doc[key], value)
				}
			}
		})
	}
}

// Whatever the texts: recovering never panics, gives a state that loads, changes
// nothing when done again, and leaves a good state alone.
func FuzzRecover(f *testing.F) {
	f.Add([]byte(newWAN), []byte(oldWAN))
	f.Add([]byte(newWAN[:100]), []byte(strings.Replace(oldWAN, "23.5", "-Infinity", 1)))
	f.Add([]byte(`{"wanctl":{"version":1,"law":{"x":NaN}},"download":[],"ewma":{"load_rtt":1e999}}`), []byte(`{"download":{"current_rate":-1}}`))
	f.Add([]byte(`{"current_state":"B_GOOD","history_rtt":[NaN,1],"transitions":{"\"":1}}`), []byte(`{"":{"":1}}`))
	f.Fuzz(func(t *testing.T, text, backup []byte) {
		checkRecover(t, OpenWAN("s"), text, backup, WANBounds{BaselineMin: 1e6, BaselineMax: 5e8}.Validate)
		checkRecover(t, OpenSteering("s"), text, backup, SteeringBounds{Primary: "a"}.Validate)
	})
}

func checkRecover[T any](t *testing.T, f *File[T], text, backup []byte, validate func(T) []Invalid) {
	t.Helper()
	got := f.recover(text, backup, validate)
	recovered, err := got.doc.clone().text()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.assess(recovered, validate); err != nil {
		t.Fatalf("%v after recovering %q with %q: %s", err, text, backup, recovered)
	}
	again := f.recover(recovered, backup, validate)
	if twice, _ := again.doc.clone().text(); string(twice) != string(recovered) || len(again.reset) > 0 {
		t.Fatalf("recovering twice: %v\n%s\n%s", again.reset, recovered, twice)
	}
	if _, err := f.assess(text, validate); err == nil && (len(got.reset) > 0 || got.path != f.path) {
		t.Fatalf("a good state was changed: %v from %q", got.reset, got.path)
	} else if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, errOtherKind) {
		t.Fatalf("%v is no damage", err)
	}
}

// Numbers that are not finite come back as they were, wherever they stand.
func TestReplaceTokens(t *testing.T) {
	for _, text := range []string{
		`{"a":NaN,"b":[Infinity,-Infinity],"c":"NaN, \"Infinity","d":{"NaN":-Infinity}}`,
		`[NaN]`, `{}`, `{"a":"\\","b":NaN}`, `{"a":"unterminated NaN`, `NaN`, `"\`, `-Inf`,
	} {
		swapped := swapTokens([]byte(text), nonFinite)
		if len(swapped) != len(text) {
			t.Errorf("%s: length %d became %d", text, len(text), len(swapped))
		}
		if back := string(swapTokens(swapped, placeholder)); back != text {
			t.Errorf("%s became %s", text, back)
		}
	}
}
