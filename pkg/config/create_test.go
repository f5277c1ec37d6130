package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateKeepsWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dsl.yaml")
	for i, want := range []string{"", path + ".backup", path + ".backup.2"} {
		backup, err := Create(path, []byte{'0' + byte(i)})
		if err != nil || backup != want {
			t.Fatalf("%q, %v; want %q", backup, err, want)
		}
	}
	for name, want := range map[string]string{path: "2", path + ".backup": "0", path + ".backup.2": "1"} {
		if got, err := os.ReadFile(name); string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 && st.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if _, err := Create(filepath.Dir(path), nil); err == nil {
		t.Error("a directory was replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A secret is read back as it was given, whatever it is, and other lines stay.
func TestSetSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	const before = "# of the units\nOTHER='x'\n"
	for _, value := range []string{"simple", `quo"te's`, `back\slash`, "$(id) `id` ${X}", " spaces ", "#no comment"} {
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := SetSecret(path, PasswordVariable, value); err != nil {
				t.Fatal(err)
			}
		}
		got, open, err := ReadSecrets(path, false)
		if err != nil || open {
			t.Fatalf("open %v, %v", open, err)
		}
		if diff := cmp.Diff(map[string]string{"OTHER": "x", PasswordVariable: value}, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	}
}
