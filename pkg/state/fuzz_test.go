package state

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzOwner: the text of a lock file names a process or none.
func FuzzOwner(f *testing.F) {
	for _, s := range []string{"1234 \n", "1234", "1234\n", "", "0", "-1 \n", "99999999999999999999", "1 2", "\x00\x00", "+7"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		pid, ours, ok := parseOwner(text)
		if !ok {
			if pid != 0 || ours {
				t.Errorf("%q: %d, %v", text, pid, ours)
			}
			return
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || n != pid || pid <= 0 {
			t.Errorf("%q: %d", text, pid)
		}
		if again, mine, ok := parseOwner([]byte(strconv.Itoa(pid) + ourMark)); again != pid || !mine || !ok {
			t.Errorf("%d: read back as %d, %v, %v", pid, again, mine, ok)
		}
	})
}

// FuzzJournal: what a journal holds is damage, or limits that can be restored and
// survive being written again.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"began":"2026-11-01T12:00:00Z","max_limit_bps":{"WAN-Download":500000000,"WAN-Upload":0}}`))
	f.Add([]byte(`{"max_limit_bps":{"":1,"a":-1}}`))
	f.Add([]byte(`{"began":7}`))
	f.Add([]byte(``))
	journal := OpenJournal(filepath.Join(f.TempDir(), "wan_state.json"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(journal.Path(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, found, err := journal.Load()
		if err != nil {
			if !errors.Is(err, ErrDamaged) || s.Limits != nil {
				t.Fatalf("%+v, %v", s, err)
			}
			return
		}
		if !found {
			t.Fatal("not found")
		}
		for name, limit := range s.Limits {
			if name == "" || limit < 0 {
				t.Errorf("%q: %v", name, limit)
			}
		}
		if s.Limits == nil || len(text) > maxSize/8 {
			return
		}
		if err := journal.Begin(s); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, _, err := journal.Load()
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("%v, -read +read back\n%s", err, diff)
		}
	})
}
