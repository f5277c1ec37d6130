package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/state"
)

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "spectrum_state.json")
	j := state.OpenJournal(path)
	if want := filepath.Join(filepath.Dir(path), "spectrum_state.limits.json"); j.Path() != want {
		t.Errorf("path %s, want %s", j.Path(), want)
	}
	if _, found, err := j.Load(); found || err != nil {
		t.Fatalf("without a file: found %v, error %v", found, err)
	}
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	first := state.SavedLimits{Began: began, Limits: map[string]bitrate.Rate{"down": 500 * bitrate.Mbps, "up": 0}}
	if err := j.Begin(first); err != nil {
		t.Fatal(err)
	}
	got, found, err := state.OpenJournal(path).Load()
	if err != nil || !found {
		t.Fatalf("found %v, error %v", found, err)
	}
	if diff := cmp.Diff(first, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}

	// What is in force after a kill is not what the user has set.
	second := state.SavedLimits{Began: began.Add(time.Hour), Limits: map[string]bitrate.Rate{"down": 2 * bitrate.Gbps, "other": bitrate.Mbps}}
	if err := j.Begin(second); err != nil {
		t.Fatal(err)
	}
	got, _, _ = j.Load()
	want := map[string]bitrate.Rate{"down": 500 * bitrate.Mbps, "up": 0, "other": bitrate.Mbps}
	if diff := cmp.Diff(want, got.Limits); diff != "" {
		t.Errorf("limits after a second Begin (-want +got):\n%s", diff)
	}

	if err := j.Keep(state.SavedLimits{Began: began, Limits: map[string]bitrate.Rate{"up": 0}}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ = j.Load(); len(got.Limits) != 1 || !got.Began.Equal(began) {
		t.Errorf("%+v kept", got)
	}

	for range 2 {
		if err := j.End(); err != nil {
			t.Error(err)
		}
	}
	if _, found, _ := j.Load(); found {
		t.Error("found after its end")
	}
}

func TestDamagedJournal(t *testing.T) {
	j := state.OpenJournal(filepath.Join(t.TempDir(), "spectrum_state.json"))
	for _, text := range []string{"", "{", `{"max_limit_bps":{"down":-1}}`, `{"max_limit_bps":{"":1}}`, `{"max_limit_bps":{"down":"500M"}}`, "[]"} {
		if err := os.WriteFile(j.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, found, err := j.Load()
		if !found || !errors.Is(err, state.ErrDamaged) || s.Limits != nil {
			t.Errorf("%q: %v, found %v, error %v", text, s, found, err)
		}
		if err := j.Begin(state.SavedLimits{Limits: map[string]bitrate.Rate{"down": 1}}); err != nil {
			t.Errorf("%q is not replaced: %v", text, err)
		}
	}
}

func TestJournalIsRegular(t *testing.T) {
	j := state.OpenJournal(filepath.Join(t.TempDir(), "spectrum_state.json"))
	if err := os.Mkdir(j.Path(), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Load(); err == nil {
		t.Error("a directory was read")
	}
	if err := j.Begin(state.SavedLimits{Limits: map[string]bitrate.Rate{"down": 1}}); err == nil {
		t.Error("a directory was replaced")
	}
}
