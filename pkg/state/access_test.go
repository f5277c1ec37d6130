package state

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExposed(t *testing.T) {
	for _, tt := range []struct {
		name           string
		parent, own    os.FileMode
		exposed, above bool
	}{
		{name: "private", parent: 0o700, own: 0o700},
		{name: "read by all", parent: 0o755, own: 0o755},
		{name: "written by all", parent: 0o755, own: 0o777, exposed: true},
		{name: "sticky", parent: 0o755, own: 0o777 | os.ModeSticky, exposed: true},
		{name: "below a directory that all may write", parent: 0o777, own: 0o700, exposed: true, above: true},
		{name: "below a sticky one", parent: 0o777 | os.ModeSticky, own: 0o700},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parent := filepath.Join(t.TempDir(), "parent")
			own := filepath.Join(parent, "own", "deeper")
			if err := os.MkdirAll(own, 0o755); err != nil {
				t.Fatal(err)
			}
			for dir, mode := range map[string]os.FileMode{parent: tt.parent, own: tt.own} {
				if err := os.Chmod(dir, mode); err != nil { // regardless of the umask
					t.Fatal(err)
				}
			}
			want := ""
			switch {
			case tt.above:
				want = parent
			case tt.exposed:
				want = own
			}
			if got := Exposed(filepath.Join(own, "wan.json")); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
