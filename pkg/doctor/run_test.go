package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that is missing is written, one that is wrong is mended.
func TestNextOfAConfigurationThatDoesNotLoad(t *testing.T) {
	dir := t.TempDir()
	wrong := filepath.Join(dir, "wrong.yaml")
	if err := os.WriteFile(wrong, []byte("wan_name: wrong\nrouter: {user: a b}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		wrong:                               "wanctl config explain ",
		filepath.Join(dir, "nix.yaml"):      "wanctl config init --wan nix --config-dir " + dir,
		filepath.Join(dir, "nix.conf"):      "wanctl config init --config " + dir + "/nix.conf",
		filepath.Join(dir, "steering.yaml"): "wanctl config init --config-dir " + dir + " --wan NAME --steer-from WAN",
	} {
		var all []Finding
		e := &examination{Options: Options{Files: []string{path}, Report: func(f Finding) { all = append(all, f) }}, daemons: map[string]*Daemon{}}
		e.load(t.Context(), path, true)
		if len(all) == 0 || all[0].Level != Failure {
			t.Fatalf("%s: %v", path, all)
		}
		if next := all[0].Next; next != want && (path != wrong || !strings.HasPrefix(next, want)) {
			t.Errorf("%s: next %q; want %q", path, next, want)
		}
	}
	if next := initCommand("/etc/wanctl/not-there.yaml"); next != "wanctl config init --wan not-there" {
		t.Errorf("where services look: next %q", next)
	}
}
