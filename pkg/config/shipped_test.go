package config

import (
	"os"
	"path/filepath"
	"testing"
)

// An error names the reference where this installation has it, and none where there is
// none.
func TestShipped(t *testing.T) {
	for _, tt := range []struct{ name, program, file string }{
		{"package", "usr/bin/wanctl", "usr/share/wanctl/wanctl.yaml"},
		{"make install", "usr/local/bin/wanctl", "usr/local/share/wanctl/wanctl.yaml"},
		{"another prefix", "opt/w/bin/wanctl", "opt/w/share/wanctl/wanctl.yaml"},
		{"source tree", "home/me/wanctl/bin/wanctl", "home/me/wanctl/configs/wanctl.yaml"},
		{"container", "usr/bin/wanctl", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, want := t.TempDir(), ""
			t.Chdir(dir)
			if tt.file != "" {
				want = filepath.Join(dir, tt.file)
				if err := os.MkdirAll(filepath.Dir(want), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(want, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := shippedWith(filepath.Join(dir, tt.program), "wanctl.yaml"); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
