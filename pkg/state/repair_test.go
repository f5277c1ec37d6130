package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// steps is what a repair did, in a form that is short to compare with.
func steps(r Repair) []string {
	var out []string
	for _, s := range r.Steps {
		text := string(s.Do) + " " + filepath.Base(s.File)
		if s.To != "" {
			text += " " + filepath.Base(s.To)
		}
		out = append(out, text)
	}
	return out
}

func lines(r Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", f.Severity, filepath.Base(f.File), f.Key, f.Text)))
	}
	return out
}

func TestRepair(t *testing.T) {
	broken := newWAN[:strings.Index(newWAN, `"last_applied"`)]
	for _, tt := range []struct {
		name     string
		files    map[string]string // by ending
		modes    map[string]os.FileMode
		validate func(WAN) []Invalid
		damage   string // "" when check is to find none
		steps    []string
		want     map[string]string // files afterwards; "" is not there
		kept     int
		reset    []string
	}{
		{name: "nothing there"},
		{name: "all is well", files: map[string]string{"": newWAN, ".backup": oldWAN}, want: map[string]string{"": newWAN, ".backup": oldWAN, ".corrupt": ""}},
		{name: "one invalid value", files: map[string]string{"": strings.Replace(newWAN, "24.5", "-1", 1), ".backup": oldWAN},
			damage: "damage s_state.json ewma.baseline_rtt: -1 is not within 0 and 600000",
			steps:  []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 17, reset: []string{"ewma.baseline_rtt"},
			want: map[string]string{"": sortedText(strings.Replace(newWAN, `"baseline_rtt":24.5,`, "", 1)), ".corrupt": strings.Replace(newWAN, "24.5", "-1", 1), ".backup": oldWAN}},
		{name: "not configured", files: map[string]string{"": newWAN, ".backup": oldWAN}, validate: WANBounds{BaselineMin: 1e6, BaselineMax: 20e6}.Validate,
			damage: "damage s_state.json ewma.baseline_rtt: 24.5 ms is not within the configured 1 and 20 ms",
			steps:  []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 17, reset: []string{"ewma.baseline_rtt"}},
		{name: "cut", files: map[string]string{"": broken, ".backup": oldWAN}, damage: "damage s_state.json : no JSON object (unexpected end of JSON input at byte",
			steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 18, want: map[string]string{"": sortedText(oldWAN), ".corrupt": broken, ".backup": oldWAN}},
		{name: "cut, without a backup", files: map[string]string{"": broken}, damage: "damage s_state.json : no JSON object",
			steps: []string{"set aside s_state.json s_state.json.corrupt"}, want: map[string]string{"": "", ".corrupt": broken}},
		{name: "missing", files: map[string]string{".backup": oldWAN}, damage: "damage s_state.json : is missing, and its backup is there",
			steps: []string{"write s_state.json"}, kept: 18, want: map[string]string{"": sortedText(oldWAN), ".backup": oldWAN, ".corrupt": ""}},
		{name: "set aside by a daemon that died then", files: map[string]string{".backup": oldWAN, ".corrupt": broken},
			damage: "damage s_state.json : is missing, and its backup is there", steps: []string{"write s_state.json"}, kept: 18, want: map[string]string{"": sortedText(oldWAN), ".corrupt": broken}},
		{name: "damaged backup", files: map[string]string{"": newWAN, ".backup": "{"}, damage: "damage s_state.json.backup : no JSON object",
			steps: []string{"renew s_state.json.backup"}, want: map[string]string{"": newWAN, ".backup": newWAN, ".corrupt": ""}},
		{name: "both damaged", files: map[string]string{"": broken, ".backup": oldWAN[:len(oldWAN)-5]}, damage: "damage s_state.json : ",
			steps: []string{"set aside s_state.json s_state.json.corrupt", "set aside s_state.json.backup s_state.json.corrupt"},
			want:  map[string]string{"": "", ".backup": "", ".corrupt": oldWAN[:len(oldWAN)-5], ".corrupt.1": broken}},
		{name: "invalid values in both", files: map[string]string{"": strings.Replace(newWAN, "24.5", "-1", 1), ".backup": strings.Replace(oldWAN, "23.5", "-1", 1)},
			damage: "damage s_state.json.backup ewma.baseline_rtt: -1 is not within 0 and 600000", kept: 17, reset: []string{"ewma.baseline_rtt"},
			steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json", "renew s_state.json.backup"}},
		{name: "earlier damage is kept", files: map[string]string{"": broken, ".backup": oldWAN, ".corrupt": "first", ".corrupt.1": "zeroth"}, damage: "damage s_state.json",
			steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 18,
			want: map[string]string{".corrupt": broken, ".corrupt.1": "first", ".corrupt.2": "zeroth"}},
		{name: "the same damage again", files: map[string]string{"": broken, ".backup": oldWAN, ".corrupt": broken}, damage: "damage s_state.json",
			steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 18, want: map[string]string{".corrupt": broken, ".corrupt.1": ""}},
		{name: "not more than five", files: map[string]string{"": broken, ".backup": oldWAN, ".corrupt": "a", ".corrupt.1": "b", ".corrupt.2": "c", ".corrupt.3": "d", ".corrupt.4": "e"},
			damage: "damage s_state.json", steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 18,
			want: map[string]string{".corrupt": broken, ".corrupt.1": "a", ".corrupt.2": "b", ".corrupt.3": "c", ".corrupt.4": "d", ".corrupt.5": ""}},
		{name: "modes", files: map[string]string{"": newWAN, ".backup": oldWAN}, modes: map[string]os.FileMode{"": 0o666, ".backup": 0o640},
			damage: "damage s_state.json : mode 0666; it should be 0600",
			steps:  []string{"chmod s_state.json", "chmod s_state.json.backup"}, want: map[string]string{"": newWAN, ".backup": oldWAN}},
		{name: "too large", files: map[string]string{"": strings.TrimSuffix(newWAN, "}") + `,"x":"` + strings.Repeat("y", maxSize) + `"}`, ".backup": oldWAN}, damage: "damage s_state.json : larger than",
			steps: []string{"set aside s_state.json s_state.json.corrupt", "write s_state.json"}, kept: 18, want: map[string]string{"": sortedText(oldWAN)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s_state.json")
			for ending, text := range tt.files {
				write(t, path+ending, text)
				if mode, ok := tt.modes[ending]; ok {
					if err := os.Chmod(path+ending, mode); err != nil {
						t.Fatal(err)
					}
				}
			}
			rules := Rules[WAN]{Validate: tt.validate}
			f := OpenWAN(path)
			before := contents(t, path)
			report := f.Check(rules)
			if report.Healthy() != (tt.damage == "") || !strings.Contains(strings.Join(lines(report), "\n"), tt.damage) {
				t.Errorf("Check: %q, want %q", lines(report), tt.damage)
			}
			for _, finding := range report.Findings {
				if finding.Next == "" {
					t.Errorf("%q names no command", finding.Text)
				}
			}
			plan, err := f.Plan(rules)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, contents(t, path)); diff != "" {
				t.Errorf("Check or Plan changed something (-before +after)\n%s", diff)
			}
			got, err := f.Repair(rules)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.steps, steps(got)); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(steps(plan), steps(got)); diff != "" {
				t.Errorf("Plan promised something else (-plan +done)\n%s", diff)
			}
			if got.Kept != tt.kept {
				t.Errorf("%d fields kept, want %d", got.Kept, tt.kept)
			}
			if diff := cmp.Diff(tt.reset, resetKeys(got.Reset)); diff != "" {
				t.Errorf("reset (-want +got)\n%s", diff)
			}
			for ending, want := range tt.want {
				if got := contents(t, path)[filepath.Base(path)+ending]; got != want {
					t.Errorf("FILE%s is\n%.500s\nwant\n%.500s", ending, got, want)
				}
			}
			if r := f.Check(rules); !r.Healthy() {
				t.Errorf("not healthy afterwards: %q", lines(r))
			}
			if again, err := f.Repair(rules); err != nil || !again.Nothing() {
				t.Errorf("repaired a second time: %q, %v", steps(again), err)
			}
			for ending := range tt.files {
				if st, err := os.Stat(path + ending); err == nil && ending != ".corrupt" && st.Mode().Perm() != 0o600 {
					t.Errorf("FILE%s has mode %v", ending, st.Mode())
				}
			}
		})
	}
}

func sortedText(doc string) string {
	o, err := parseObject([]byte(doc))
	if err != nil {
		panic(err)
	}
	text, _ := o.text()
	return string(text)
}

// makeOld makes a file look as if it had been written an hour ago.
func makeOld(t *testing.T, path string) {
	t.Helper()
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
}

// contents are the files beside path by name, cut to what a failure can show.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			text := read(t, filepath.Join(filepath.Dir(path), e.Name()))
			out[e.Name()] = text[:min(len(text), 4000)]
		}
	}
	return out
}

func TestRepairRemovesLeftovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s_state.json")
	dir := filepath.Dir(path)
	write(t, path, newWAN)
	for _, name := range []string{".s_state.json123", ".s_state.json.ab12.tmp", "s_state.json.tmp", "s_state.json.x9.tmp", ".s_state.json77", "t_state.json.tmp"} {
		write(t, filepath.Join(dir, name), "{")
		if name != ".s_state.json77" { // somebody may be writing that one
			makeOld(t, filepath.Join(dir, name))
		}
	}
	f := OpenWAN(path)
	r := f.Check(Rules[WAN]{})
	if !r.Healthy() || len(r.Leftovers) != 4 || len(r.Findings) != 4 {
		t.Errorf("Check: %q", lines(r))
	}
	got, err := f.Repair(Rules[WAN]{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"remove .s_state.json.ab12.tmp", "remove .s_state.json123", "remove s_state.json.tmp", "remove s_state.json.x9.tmp"}
	if diff := cmp.Diff(want, steps(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if left := contents(t, path); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

// Anything else in the place of the file is reported, and left alone.
func TestCheckOddFiles(t *testing.T) {
	for _, tt := range []struct {
		name    string
		make    func(path string) error
		want    []string // findings
		repair  string   // its error, "" when it is to work
		healthy bool     // after that
	}{
		{name: "directory", make: func(path string) error { return os.Mkdir(path, 0o700) },
			want: []string{"damage s_state.json : is not a regular file"}, repair: "not a regular file but a directory; move it out of the way (mv "},
		{name: "named pipe", make: func(path string) error { return syscall.Mkfifo(path, 0o600) },
			want: []string{"damage s_state.json : is not a regular file"}, repair: "not a regular file; move it out of the way (mv "},
		{name: "symbolic link", make: func(path string) error { return os.Symlink("elsewhere", path) }, healthy: true},
		{name: "link to nothing", make: func(path string) error { return os.Symlink("nowhere", path) }, healthy: true,
			want: []string{"damage s_state.json : is missing, and its backup is there"}},
		{name: "link to itself", make: func(path string) error { return os.Symlink("s_state.json", path) },
			want: []string{"damage s_state.json : cannot be read: too many levels of symbolic links"}, repair: "too many levels of symbolic links"},
		{name: "state of steering", make: func(path string) error {
			return os.WriteFile(path, []byte(`{"current_state":"A_GOOD","history_rtt":[]}`), 0o600)
		}, want: []string{"damage s_state.json : not the state that belongs there: it holds one of kind steering; two configurations may name the same state_file"},
			repair: "is not repaired: not the state that belongs there: it holds one of kind steering; let state_file of one of them name another file"},
		{name: "a key twice", make: func(path string) error {
			return os.WriteFile(path, []byte(`{"ewma":{"a":1,"a":2},"x":1,"x":2}`), 0o600)
		}, healthy: true},
		{name: "nothing of a state", make: func(path string) error { return os.WriteFile(path, []byte(`{"foo":1}`), 0o600) }, healthy: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s_state.json")
			write(t, filepath.Join(filepath.Dir(path), "elsewhere"), newWAN)
			write(t, path+".backup", oldWAN)
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			f := OpenWAN(path)
			r := f.Check(Rules[WAN]{})
			if diff := cmp.Diff(tt.want, lines(r)); diff != "" {
				t.Errorf("Check (-want +got)\n%s", diff)
			}
			_, err := f.Repair(Rules[WAN]{})
			if tt.repair == "" && err != nil || tt.repair != "" && (err == nil || !strings.Contains(err.Error(), tt.repair)) {
				t.Errorf("Repair: %v, want %q", err, tt.repair)
			}
			if r := f.Check(Rules[WAN]{}); r.Healthy() != tt.healthy {
				t.Errorf("afterwards: %q", lines(r))
			}
			if read(t, filepath.Join(filepath.Dir(path), "elsewhere")) != newWAN {
				t.Error("the file behind the link was changed")
			}
		})
	}
}

func TestCheckConfiguredBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s_state.json")
	write(t, path, newWAN)
	law := errors.New("incomprehensible")
	rules := Rules[WAN]{Validate: WANBounds{
		Download: [2]bitrate.Rate{100e6, 400e6}, Upload: [2]bitrate.Rate{1e6, 40e6},
		BaselineMin: time.Millisecond, BaselineMax: 20 * time.Millisecond, Law: func(json.RawMessage) error { return law },
	}.Validate}
	want := []string{
		"damage s_state.json download.current_rate: 500.0 Mbit/s is not within the configured 100.0 Mbit/s and 400.0 Mbit/s",
		"damage s_state.json ewma.baseline_rtt: 24.5 ms is not within the configured 1 and 20 ms",
		"damage s_state.json wanctl.law: incomprehensible",
	}
	if diff := cmp.Diff(want, lines(OpenWAN(path).Check(rules))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A daemon that runs and does not save is found; one that has just started is
// given time, and so is a state nobody is responsible for.
func TestCheckAge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		held    bool
		ours    bool
		oldLock bool
		file    bool
		oldFile bool
		want    Severity // "" for no finding
	}{
		{name: "no daemon", file: true, oldFile: true},
		{name: "it saves", held: true, ours: true, oldLock: true, file: true},
		{name: "it has just started", held: true, ours: true, file: true, oldFile: true},
		{name: "it does not save", held: true, ours: true, oldLock: true, file: true, oldFile: true, want: Damage},
		{name: "it never saved", held: true, ours: true, oldLock: true, want: Damage},
		{name: "it has just started for the first time", held: true, ours: true},
		{name: "the earlier system may wait for a change", held: true, oldLock: true, file: true, oldFile: true, want: Note},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path, lock := filepath.Join(dir, "s_state.json"), filepath.Join(dir, "s.lock")
			if tt.file {
				write(t, path, newWAN)
			}
			if tt.oldFile {
				makeOld(t, path)
			}
			switch {
			case tt.held && tt.ours:
				helper(t, "hold", lock, true)
			case tt.held:
				write(t, lock, fmt.Sprint(helper(t, "idle", lock, true).Process.Pid))
			}
			if tt.oldLock {
				makeOld(t, lock)
			}
			r := OpenWAN(path).Check(Rules[WAN]{Lock: lock})
			if r.Held != tt.held || tt.held && r.Holder.PID == 0 {
				t.Errorf("held %v by %v", r.Held, r.Holder)
			}
			var got Severity
			if len(r.Findings) > 0 {
				got = r.Findings[0].Severity
			}
			if got != tt.want || len(r.Findings) > 1 {
				t.Errorf("findings %q, want %q", lines(r), tt.want)
			}
		})
	}
}

// A daemon that saves while a repair runs: both see whole files, and neither
// loses what the other wrote.
func TestRepairBesideASaver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s_state.json")
	if err := OpenWAN(path).Save(sampleWAN(1)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		f := OpenWAN(path)
		for i := range 60 {
			if err := f.Save(sampleWAN(i + 2)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for range 60 {
			// As an editor would that is killed: in place, and not the whole.
			if text, err := os.ReadFile(path); err == nil && len(text) > 100 {
				_ = os.WriteFile(path, text[:100], 0o600)
			}
			if _, err := OpenWAN(path).Repair(Rules[WAN]{}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	if _, err := OpenWAN(path).Repair(Rules[WAN]{}); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWAN(path).ReadOnly()
	if err != nil || w.Download.GreenStreak == 0 {
		t.Errorf("ReadOnly = %+v, %v", w, err)
	}
	if r := OpenWAN(path).Check(Rules[WAN]{}); !r.Healthy() {
		t.Errorf("Check: %q", lines(r))
	}
}

func TestDetectKind(t *testing.T) {
	for _, tt := range []struct {
		name, file, text, backup string
		want                     Kind
	}{
		{name: "WAN", file: "x.json", text: newWAN, want: KindWAN},
		{name: "steering", file: "x_state.json", text: `{"history_rtt":[]}`, want: KindSteering},
		{name: "torn WAN", file: "x.json", text: newWAN[:100], want: KindWAN},
		{name: "torn steering", file: "x_state.json", text: `{"bad_count":1,"hist`, want: KindSteering},
		{name: "by its backup", file: "x_state.json", text: "\x00\x00", backup: `{"current_state":"A_GOOD"}`, want: KindSteering},
		{name: "by its name", file: "cable_state.json", text: "\x00\x00", want: KindWAN},
		{name: "by its name, steering", file: "steering_state.json", text: "", want: KindSteering},
		{name: "set aside", file: "cable_state.json.corrupt.2", text: "", want: KindWAN},
		{name: "not there", file: "cable_state.json", text: "none", want: KindWAN},
		{name: "something else", file: "x.json", text: `{"a":1}`, want: KindUnknown},
		{name: "not JSON", file: "x.txt", text: "hello", want: KindUnknown},
	} {
		path := filepath.Join(t.TempDir(), tt.file)
		if tt.text != "none" {
			write(t, path, tt.text)
		}
		if tt.backup != "" {
			write(t, path+".backup", tt.backup)
		}
		if got := DetectKind(path); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/var/lib/wanctl/a-b_state.json": "/var/lib/wanctl/a-b_state.json",
		"/a b/it's":                      `'/a b/it'\''s'`,
		"":                               "''",
		"a\nb;rm":                        "'a\nb;rm'",
	} {
		if got := Quote(path); got != want {
			t.Errorf("Quote(%q) = %s, want %s", path, got, want)
		}
	}
}
