package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// A file of the earlier system, with what its newer versions add.
const pythonWAN = `{"download": {"green_streak": 5, "soft_red_streak": 2, "red_streak": 1, "current_rate": 920000000.4},
 "upload": {"green_streak": 0, "soft_red_streak": 0, "red_streak": 3, "current_rate": 42000000, "extra": [1, 2.50]},
 "ewma": {"baseline_rtt": 23.4, "load_rtt": 25.125, "alpha": 0.015},
 "last_applied": {"dl_rate": null, "ul_rate": 42000000},
 "congestion": {"dl_state": "SOFT_RED", "ul_state": "GREEN", "zone": "x"},
 "timestamp": "2025-01-08T12:00:00.000000",
 "measurement": {"backend": "fping", "tag": "<a&b>"}}`

func TestLoadOfEarlierSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spectrum_state.json")
	write(t, path, pythonWAN)
	got, err := OpenWAN(path).Load()
	if err != nil {
		t.Fatal(err)
	}
	want := Loaded[WAN]{Found: true, Path: path, State: WAN{
		Download:    Direction{GreenStreak: 5, SoftRedStreak: 2, RedStreak: 1, CurrentRate: 920 * bitrate.Mbps},
		Upload:      Direction{RedStreak: 3, CurrentRate: 42 * bitrate.Mbps, Applied: 42 * bitrate.Mbps},
		BaselineRTT: 23400 * time.Microsecond,
		LoadRTT:     25125 * time.Microsecond,
		Timestamp:   time.Date(2025, 1, 8, 12, 0, 0, 0, time.Local),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSaveKeepsForeignFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spectrum_state.json")
	write(t, path, pythonWAN)
	f := OpenWAN(path)
	loaded, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := loaded.State
	w.Download.Applied = 900 * bitrate.Mbps
	w.Upload.CurrentRate = 0
	w.Law = json.RawMessage(`{"c":[1,2]}`)
	w.Timestamp = time.Date(2026, 11, 23, 1, 2, 3, 456789000, time.Local)
	if err := f.Save(w); err != nil {
		t.Fatal(err)
	}
	want := `{"congestion":{"dl_state":"SOFT_RED","ul_state":"GREEN","zone":"x"},` +
		`"download":{"current_rate":920000000,"green_streak":5,"red_streak":1,"soft_red_streak":2},` +
		`"ewma":{"alpha":0.015,"baseline_rtt":23.4,"load_rtt":25.125},` +
		`"last_applied":{"dl_rate":900000000,"ul_rate":42000000},` +
		`"measurement":{"backend":"fping","tag":"<a&b>"},` +
		`"timestamp":"2026-11-23T01:02:03.456789",` +
		`"upload":{"extra":[1,2.50],"green_streak":0,"red_streak":3,"soft_red_streak":0},` +
		`"wanctl":{"law":{"c":[1,2]},"saved_at":"` + w.Timestamp.UTC().Format(time.RFC3339Nano) + `","version":1}}`
	if diff := cmp.Diff(want, read(t, path)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := read(t, path+".backup"); got != pythonWAN {
		t.Errorf("backup is not the former file: %s", got)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want -rw-------", st.Mode())
	}
	again, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, again.State); diff != "" {
		t.Errorf("read back (-want +got)\n%s", diff)
	}
	if peeked, err := f.ReadOnly(); err != nil || !cmp.Equal(peeked, w) {
		t.Errorf("ReadOnly = %+v, %v", peeked, err)
	}
}

// Fields another program adds while we run, and those of a file that somebody
// removes while we run, survive.
func TestSaveMergesWithTheFileOfNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	f := OpenWAN(path)
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(read(t, path), `{`, `{"added":true,`, 1))
	if err := f.Save(sampleWAN(2)); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{path, path + ".backup"} {
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Save(sampleWAN(3)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); !strings.Contains(got, `"added":true`) || !strings.Contains(got, `"n":3`) {
		t.Errorf("file: %s", got)
	}
}

func TestOwnPartOfAnotherVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	write(t, path, `{"ewma":{"baseline_rtt":20},"wanctl":{"version":2,"law":"incomprehensible","new":1}}`)
	f := OpenWAN(path)
	loaded, err := f.Load()
	if err != nil || loaded.State.Law != nil || loaded.State.BaselineRTT != 20*time.Millisecond {
		t.Errorf("Load = %+v, %v", loaded, err)
	}
	if err := f.Save(loaded.State); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); strings.Contains(got, "incomprehensible") || strings.Contains(got, "new") {
		t.Errorf("parts of version 2 in a part of version 1: %s", got)
	}
}

func TestDamage(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"white space", " \n", "empty"},
		{"cut", pythonWAN[:150], "no JSON object"},
		{"zero bytes after a power cut", strings.Repeat("\x00", 400), "no JSON object"},
		{"another type", `[1]`, "no JSON object"},
		{"null", `null`, "no JSON object"},
		{"trailing text", `{} {}`, "no JSON object"},
		{"not UTF-8", "{\"a\":\"\xe1\"}", "no JSON object"},
		{"too large", `{"x":"` + strings.Repeat("y", maxSize) + `"}`, "larger than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			write(t, path, tt.text)
			f := OpenWAN(path)
			if _, err := f.ReadOnly(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadOnly: %v, want ErrDamaged with %q", err, tt.want)
			}
			if r := f.Check(Rules[WAN]{}); r.Healthy() || !errors.Is(r.Main.Err, ErrDamaged) || len(r.Corrupt) > 0 {
				t.Errorf("Check = %+v", r)
			}
			// Without a backup: start afresh, keep the evidence.
			got, err := f.Load()
			if err != nil {
				t.Fatal(err)
			}
			if got.Found || !errors.Is(got.Lost, ErrDamaged) || !strings.Contains(got.Lost.Error(), path+".corrupt") {
				t.Errorf("Load = %+v", got)
			}
			if read(t, path+".corrupt") != tt.text {
				t.Error("the damaged file was not kept as it was")
			}

			// With a backup: use it, and say so.
			write(t, path, tt.text)
			write(t, path+".backup", pythonWAN)
			got, err = f.Load()
			if err != nil {
				t.Fatal(err)
			}
			if !got.Found || got.Path != path+".backup" || got.State.BaselineRTT != 23400*time.Microsecond {
				t.Errorf("Load = %+v", got)
			}
			if got.Lost == nil || !strings.Contains(got.Lost.Error(), ".backup") {
				t.Errorf("loss not reported: %v", got.Lost)
			}

			// Damage found by Save: the good backup stays.
			write(t, path, tt.text)
			if err := f.Save(sampleWAN(9)); err != nil {
				t.Fatal(err)
			}
			if read(t, path+".backup") != pythonWAN || read(t, path+".corrupt") != tt.text {
				t.Error("Save lost the backup or the damaged file")
			}
			if w, err := f.ReadOnly(); err != nil || w.Download.GreenStreak != 9 {
				t.Errorf("ReadOnly = %+v, %v", w, err)
			}
		})
	}
}

// A value that cannot be used costs itself alone: the rest of the file is used,
// the file is kept, and the loss is reported.
func TestInvalidValues(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"NaN as Python writes it", `{"ewma":{"baseline_rtt":NaN}}`, "ewma.baseline_rtt: not a finite number"},
		{"Infinity as Python writes it", `{"ewma":{"load_rtt":-Infinity}}`, "ewma.load_rtt: not a finite number"},
		{"several", `{"download":{"current_rate":0},"upload":{"red_streak":true},"ewma":7}`, "download.current_rate: 0 is not within 1 and 10000000000000 (and 2 more)"},
		{"not finite", `{"ewma":{"baseline_rtt":1e999}}`, "ewma.baseline_rtt: not a finite number"},
		{"negative RTT", `{"ewma":{"baseline_rtt":-1}}`, "ewma.baseline_rtt: -1"},
		{"RTT beyond reason", `{"ewma":{"load_rtt":1e9}}`, "ewma.load_rtt"},
		{"negative rate", `{"download":{"current_rate":-5}}`, "download.current_rate: -5"},
		{"zero rate", `{"last_applied":{"ul_rate":0}}`, "last_applied.ul_rate: 0"},
		{"rate beyond reason", `{"upload":{"current_rate":1e300}}`, "upload.current_rate"},
		{"text for a rate", `{"upload":{"current_rate":"5M"}}`, "upload.current_rate: not a finite number"},
		{"number for an object", `{"upload":7}`, "upload: not an object"},
		{"negative streak", `{"upload":{"red_streak":-1}}`, "upload.red_streak"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			text := strings.TrimSuffix(tt.text, "}") + `,"last_applied":{"dl_rate":7000000},"foreign":[NaN]}`
			if strings.Contains(tt.text, "last_applied") {
				text = strings.TrimSuffix(tt.text, "}}") + `,"dl_rate":7000000},"foreign":[NaN]}`
			}
			write(t, path, text)
			write(t, path+".backup", pythonWAN)
			f := OpenWAN(path)
			if _, err := f.ReadOnly(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadOnly: %v, want ErrDamaged with %q", err, tt.want)
			}
			if r := f.Check(Rules[WAN]{}); r.Healthy() || !errors.Is(r.Main.Err, ErrDamaged) || len(r.Main.Invalid) == 0 {
				t.Errorf("Check = %+v", r)
			}
			got, err := f.Load()
			if err != nil {
				t.Fatal(err)
			}
			if want := (WAN{Download: Direction{Applied: 7 * bitrate.Mbps}}); !got.Found || !cmp.Equal(want, got.State) {
				t.Errorf("Load = %+v, want the one valid value", got)
			}
			if !errors.Is(got.Lost, ErrDamaged) || !strings.Contains(got.Lost.Error(), tt.want) || !strings.Contains(got.Lost.Error(), path+".corrupt") {
				t.Errorf("Lost = %v", got.Lost)
			}
			if read(t, path+".corrupt") != text {
				t.Error("the damaged file was not kept as it was")
			}
			if err := f.Save(sampleWAN(1)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); !strings.Contains(got, `"foreign":[NaN]`) {
				t.Errorf("the fields of other programs are lost: %s", got)
			}
		})
	}
}

// A file that is cut at any byte is replaced by its backup.
func TestTruncationAtEveryByte(t *testing.T) {
	for at := range pythonWAN {
		path := filepath.Join(t.TempDir(), "s.json")
		write(t, path, pythonWAN[:at])
		write(t, path+".backup", newWAN)
		got, err := OpenWAN(path).Load()
		if err != nil || got.Path != path+".backup" || got.State.BaselineRTT != 24500*time.Microsecond || !errors.Is(got.Lost, ErrDamaged) {
			t.Fatalf("cut at %d: Load = %+v, %v", at, got, err)
		}
		if read(t, path+".corrupt") != pythonWAN[:at] {
			t.Fatalf("cut at %d: the damaged file was not kept", at)
		}
	}
}

func TestLoadWithoutFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "s.json")
	f := OpenWAN(path)
	got, err := f.Load()
	if diff := cmp.Diff(Loaded[WAN]{}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
	if _, err := f.ReadOnly(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadOnly: %v", err)
	}
	if !f.Check(Rules[WAN]{}).Healthy() {
		t.Error("nothing there is called unhealthy")
	}
	// The directory appears with the first save.
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	// The file vanished, the backup is there.
	if err := f.Save(sampleWAN(2)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if f.Check(Rules[WAN]{}).Healthy() {
		t.Error("a missing file beside a backup is called healthy")
	}
	got, err = OpenWAN(path).Load()
	if err != nil || !got.Found || got.State.Download.GreenStreak != 1 || got.Lost == nil {
		t.Errorf("Load = %+v, %v", got, err)
	}
	if got, err := f.Repair(Rules[WAN]{}); err != nil || got.Nothing() {
		t.Errorf("Repair = %+v, %v", got, err)
	}
	if !f.Check(Rules[WAN]{}).Healthy() {
		t.Error("not healthy after Repair")
	}
}

// Reset leaves nothing for the next start to find, and keeps what there was.
func TestReset(t *testing.T) {
	for _, tt := range []struct {
		name             string
		main, backup     string // "": not there
		want             string // the backup afterwards
		corrupt, nothing bool
	}{
		{name: "good", main: pythonWAN, backup: `{"old":1}`, want: pythonWAN},
		{name: "damaged", main: `{`, backup: `{"old":1}`, want: `{"old":1}`, corrupt: true},
		{name: "missing", backup: pythonWAN, want: pythonWAN},
		{name: "first of all", main: pythonWAN, want: pythonWAN},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			for name, text := range map[string]string{path: tt.main, path + ".backup": tt.backup} {
				if text != "" {
					write(t, name, text)
				}
			}
			f := OpenWAN(path)
			if err := f.Reset(WAN{}); err != nil {
				t.Fatal(err)
			}
			got, err := OpenWAN(path).Load()
			if err != nil || got.Lost != nil || got.Path != path {
				t.Errorf("Load = %+v, %v", got, err)
			}
			got.State.Timestamp = time.Time{}
			if diff := cmp.Diff(WAN{}, got.State); diff != "" {
				t.Errorf("something is left (-want +got)\n%s", diff)
			}
			if strings.Contains(read(t, path), "congestion") {
				t.Errorf("fields of other programs are left: %s", read(t, path))
			}
			if got := read(t, path+".backup"); got != tt.want {
				t.Errorf("backup: %s", got)
			}
			if _, err := os.Stat(path + ".corrupt"); (err == nil) != tt.corrupt {
				t.Errorf("set aside: %v", err)
			}
		})
	}
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a[b]_state.json") // characters that mean something to Glob
	old := filepath.Join(dir, ".a[b]_state.json123")
	fresh := filepath.Join(dir, ".a[b]_state.json456")
	other := filepath.Join(dir, ".ab_state.json789")
	for _, p := range []string{old, fresh, other} {
		write(t, p, "{")
	}
	hourAgo := time.Now().Add(-time.Hour)
	for _, p := range []string{old, other} {
		if err := os.Chtimes(p, hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	f := OpenWAN(path)
	if diff := cmp.Diff([]string{old}, f.Check(Rules[WAN]{}).Leftovers); diff != "" {
		t.Errorf("Check (-want +got)\n%s", diff)
	}
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	want := []string{filepath.Base(fresh), filepath.Base(other), filepath.Base(path)}
	if diff := cmp.Diff(want, left, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A save that was killed after the backup was made and before the rename.
func TestBackupIsSameInode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	f := OpenWAN(path)
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, path+".backup"); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(sampleWAN(2)); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
	if !strings.Contains(read(t, path), `"n":2`) || !strings.Contains(read(t, path+".backup"), `"n":1`) {
		t.Error("file or backup is not what it should be")
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.json")
	f := OpenWAN(path)
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	reader := flock.New(path)
	if ok, err := reader.TryRLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	defer reader.Close()
	if err := f.Save(sampleWAN(2)); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), path) {
		t.Errorf("Save: %v, want ErrBusy", err)
	}
	if w, err := f.ReadOnly(); err != nil || w.Download.GreenStreak != 1 {
		t.Errorf("ReadOnly = %+v, %v", w, err)
	}
}

func TestSaveRefusesInvalidValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	f := OpenWAN(path)
	if err := f.Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*WAN){
		"law is no JSON":  func(w *WAN) { w.Law = json.RawMessage(`{`) },
		"negative streak": func(w *WAN) { w.Upload.RedStreak = -1 },
		"RTT of hours":    func(w *WAN) { w.LoadRTT = 3 * time.Hour },
	} {
		w := sampleWAN(2)
		spoil(&w)
		if err := f.Save(w); err == nil {
			t.Errorf("%s: saved", name)
		}
	}
	if w, err := f.ReadOnly(); err != nil || w.Download.GreenStreak != 1 {
		t.Errorf("ReadOnly = %+v, %v", w, err)
	}
}

func TestTimestamp(t *testing.T) {
	saved := time.Date(2026, 10, 25, 0, 30, 0, 123456789, time.UTC)
	own := `,"wanctl":{"version":1,"saved_at":"2026-10-25T00:30:00.123456789Z"}`
	for _, tt := range []struct {
		name string
		doc  string
		want time.Time
	}{
		{"none", `{}`, time.Time{}},
		{"local without zone", `{"timestamp":"2026-03-08T12:00:00"}`, time.Date(2026, 3, 8, 12, 0, 0, 0, time.Local)},
		{"with microseconds", `{"timestamp":"2026-03-08T12:00:00.250000"}`, time.Date(2026, 3, 8, 12, 0, 0, 25e7, time.Local)},
		{"RFC 3339", `{"timestamp":"2026-03-08T12:00:00+02:00"}`, time.Date(2026, 3, 8, 10, 0, 0, 0, time.UTC)},
		{"seconds since 1970", `{"timestamp":1772971200.5}`, time.UnixMilli(1772971200500)},
		{"not a time", `{"timestamp":"yesterday"}`, time.Time{}},
		{"not a time at all", `{"timestamp":[]}`, time.Time{}},
		{"ours", `{"timestamp":"` + saved.Local().Format(compatTime) + `"` + own + `}`, saved},
		{"ours, read in another zone", `{"timestamp":"` + saved.Add(time.Hour).Local().Format(compatTime) + `"` + own + `}`, saved},
		{"another program saved later", `{"timestamp":"` + saved.Add(61*time.Second).Local().Format(compatTime) + `"` + own + `}`,
			saved.Add(61 * time.Second).Truncate(time.Microsecond)},
	} {
		w, _, err := OpenWAN("").parse([]byte(tt.doc))
		if err != nil || !w.Timestamp.Equal(tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, w.Timestamp, err, tt.want)
		}
	}
}

func TestSteeringRoundTrip(t *testing.T) {
	const python = `{"current_state":"SPECTRUM_DEGRADED","bad_count":1,"good_count":2,"red_count":3,"baseline_rtt":24.5,
	 "history_rtt":[24.1,30],"history_delta":[-0.5,5.5],"transitions":[{"time":"x","odd":[1]},{"timestamp":"2026-01-02T03:04:05","from":"A","to":"B"},"text"],
	 "last_transition_time":"2026-01-02T03:04:05.678901","rtt_delta_ewma":-0.25,"queue_ewma":12.5,"cake_drops_history":[0,7.0],
	 "queue_depth_history":[],"congestion_state":"RED","cake_read_failures":4,"cake_state_history":["RED"]}`
	path := filepath.Join(t.TempDir(), "steering_state.json")
	write(t, path, python)
	f := OpenSteering(path)
	got, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.Local)
	want := Steering{
		Current: "SPECTRUM_DEGRADED", BadCount: 1, GoodCount: 2, RedCount: 3,
		BaselineRTT:  24500 * time.Microsecond,
		HistoryRTT:   []time.Duration{24100 * time.Microsecond, 30 * time.Millisecond},
		HistoryDelta: []time.Duration{-500 * time.Microsecond, 5500 * time.Microsecond},
		Transitions:  []Transition{{}, {At: at.Truncate(time.Second), From: "A", To: "B"}, {}}, LastTransition: at,
		RTTDeltaEWMA: -250 * time.Microsecond, QueueEWMA: 12.5, DropsHistory: []int{0, 7},
		Congestion: "RED", CakeReadFailures: 4,
	}
	if diff := cmp.Diff(want, got.State, cmpopts.IgnoreUnexported(Transition{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	s := got.State
	s.Transitions = append(s.Transitions, Transition{At: at, From: "SPECTRUM_DEGRADED", To: "SPECTRUM_GOOD"})
	s.LastTransition = time.Time{}
	s.Timestamp = at
	if err := f.Save(s); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	for _, part := range []string{
		`"transitions":[{"time":"x","odd":[1]},{"timestamp":"2026-01-02T03:04:05","from":"A","to":"B"},"text",` +
			`{"from":"SPECTRUM_DEGRADED","timestamp":"2026-01-02T03:04:05.678901","to":"SPECTRUM_GOOD"}]`,
		`"cake_state_history":["RED"]`, `"queue_depth_history":[]`, `"last_transition_time":null`, `"history_rtt":[24.1,30]`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("file lacks %s:\n%s", part, text)
		}
	}
	again, err := f.ReadOnly()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, again, cmpopts.IgnoreUnexported(Transition{})); diff != "" {
		t.Errorf("read back (-want +got)\n%s", diff)
	}
}

// Nothing that the earlier system or somebody else wrote gets lost by a save,
// however unusual: NaN, nulls, floats for counts, transitions of another shape.
func TestUnusualFieldsSurvive(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"NaN in fields of others", `{"download":{"x":NaN,"green_streak":3.0},"far":{"a":[Infinity, -Infinity]}}`,
			`"download":{"green_streak":3,"red_streak":0,"soft_red_streak":0,"x":NaN},"ewma":{},"far":{"a":[Infinity,-Infinity]},`},
		{"escapes and big numbers", `{"a":"\u00e9<&>\u2028","b":123456789012345678901234567890.5e-3,"c":"\ud800"}`,
			`{"a":"\u00e9<&>\u2028","b":123456789012345678901234567890.5e-3,"c":"\ud800",`},
		{"names that need quoting", `{"a\"\u00e9<":{"\u2028":1}}`, `{"a\"é<":{"\u2028":1},`},
		{"the last of two", `{"x":1,"x":2,"ewma":{"y":1,"y":2}}`, `"ewma":{"y":2},"last_applied":{},"timestamp"`},
		{"null for objects", `{"download":null,"ewma":null,"odd":null}`, `"odd":null,`},
		{"unknown fields of our part", `{"wanctl":{"version":1,"more":[1]}}`, `"wanctl":{"more":[1],"saved_at"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			write(t, path, tt.in)
			f := OpenWAN(path)
			for range 2 { // what was written survives being read and written again
				loaded, err := f.Load()
				if err != nil || loaded.Lost != nil {
					t.Fatalf("Load = %+v, %v", loaded, err)
				}
				if err := f.Save(loaded.State); err != nil {
					t.Fatal(err)
				}
			}
			if got := read(t, path); !strings.Contains(got, tt.want) {
				t.Errorf("file lacks %s:\n%s", tt.want, got)
			}
		})
	}
}

func TestUnusualSteering(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"transitions are an object", `{"transitions":{"count":3,"x":NaN}}`, `"transitions":{"count":3,"x":NaN}`},
		{"transitions are a number", `{"transitions":7}`, `"transitions":7`},
		{"transitions are null", `{"transitions":null}`, `"transitions":[]`},
		{"transitions of all shapes", `{"transitions":[1,null,["a",NaN],{"timestamp":5,"from":[],"to":{}}]}`,
			`"transitions":[1,null,["a",NaN],{"timestamp":5,"from":[],"to":{}}]`},
		{"null in a history is no sample", `{"history_rtt":[24,null,25.0]}`, `"history_rtt":[24,25]`},
		{"floats for counts", `{"bad_count":3.0,"cake_drops_history":[1.0,2]}`, `"bad_count":3,`},
		{"a state not known stays absent", `{"current_state":null,"history_rtt":[]}`, `{"bad_count":0,"baseline_rtt":null,"cake_drops_history":[],"cake_read_failures":0,"good_count":0,`},
		{"NaN in fields of others", `{"current_state":"A_GOOD","cake_state_history":[NaN]}`, `"cake_state_history":[NaN],`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.json")
			write(t, path, tt.in)
			f := OpenSteering(path)
			for range 2 {
				loaded, err := f.Load()
				if err != nil || loaded.Lost != nil {
					t.Fatalf("Load = %+v, %v", loaded, err)
				}
				if err := f.Save(loaded.State); err != nil {
					t.Fatal(err)
				}
			}
			if got := read(t, path); !strings.Contains(got, tt.want) {
				t.Errorf("file lacks %s:\n%s", tt.want, got)
			}
		})
	}

	// A new transition joins what stood there in place of a list.
	path := filepath.Join(t.TempDir(), "s.json")
	write(t, path, `{"transitions":{"count":3}}`)
	f := OpenSteering(path)
	loaded, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	loaded.State.Transitions = append(loaded.State.Transitions, Transition{From: "A_GOOD", To: "A_DEGRADED"})
	if err := f.Save(loaded.State); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); !strings.Contains(got, `"transitions":[{"count":3},{"from":"A_GOOD",`) {
		t.Errorf("file: %s", got)
	}
}

// Whatever a file holds: reading never panics, and what was read and is saved
// over it reads back the same, with the foreign fields in place.
func FuzzWAN(f *testing.F) {
	f.Add([]byte(pythonWAN))
	f.Add([]byte(`{"wanctl":{"version":1,"law":[1e400],"saved_at":"2026-10-25T00:30:00.1Z"},"timestamp":3}`))
	f.Add([]byte(`{"download":{"current_rate":1.5},"a":{"b":[{}]},"download":null}`))
	file := OpenWAN("")
	f.Fuzz(func(t *testing.T, data []byte) {
		w, doc, err := file.parse(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v is not ErrDamaged", err)
			}
			return
		}
		if w.Timestamp.IsZero() {
			w.Timestamp = time.Unix(1, 0)
		}
		_, text, err := file.document(doc, w)
		if err != nil {
			t.Fatalf("what was read cannot be saved: %v", err)
		}
		again, redone, err := file.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		equal := cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Microsecond })
		sameJSON := cmp.Comparer(func(a, b json.RawMessage) bool { return compact(a) == compact(b) })
		if diff := cmp.Diff(w, again, equal, sameJSON); diff != "" {
			t.Fatalf("(-read +read back)\n%s", diff)
		}
		for key, v := range doc {
			switch key {
			case "download", "upload", "ewma", "last_applied", "timestamp", "wanctl":
			default:
				if compact(redone[key]) != compact(v) {
					t.Fatalf("foreign field %q: %s became %s", key, v, redone[key])
				}
			}
		}
	})
}

// The same for steering, transitions of any shape included.
func FuzzSteering(f *testing.F) {
	f.Add([]byte(`{"current_state":"A_GOOD","history_rtt":[24.1,null],"transitions":[{"x":NaN},[1],"t"],"cake_drops_history":[7.0],"more":{"a":Infinity}}`))
	f.Add([]byte(`{"transitions":{"count":1},"last_transition_time":1e9,"baseline_rtt":null,"wanctl":{"version":1,"law":{}}}`))
	file := OpenSteering("")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, doc, err := file.parse(data)
		if err != nil {
			return
		}
		s.Timestamp = time.Unix(1, 0)
		_, text, err := file.document(doc, s)
		if err != nil {
			t.Fatalf("what was read cannot be saved: %v", err)
		}
		again, redone, err := file.parse(text)
		if err != nil {
			t.Fatal(err)
		}
		equal := cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Microsecond })
		sameJSON := cmp.Comparer(func(a, b json.RawMessage) bool { return compact(a) == compact(b) })
		if diff := cmp.Diff(s, again, equal, sameJSON, cmp.AllowUnexported(Transition{})); diff != "" {
			t.Fatalf("(-read +read back)\n%s", diff)
		}
		known := file.bind(new(Steering)).fields
		for key, v := range doc {
			if key == "transitions" && unlessNull(v) != nil || key != sectionKey && !slices.ContainsFunc(known, func(f field) bool { return f.key == key }) {
				if compact(redone[key]) != compact(v) {
					t.Fatalf("%q: %s became %s", key, v, redone[key])
				}
			}
		}
	})
}

func compact(raw json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return err.Error()
	}
	return out.String()
}
