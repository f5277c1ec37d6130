package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestArchive: the archive has what is described, nothing else, and the same bytes
// each time; what another tool leaves out, adds or changes is seen.
func TestArchive(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, text := range map[string]string{
		"LICENSE": "licence", "configs/a.yaml": "a", "configs/deep/b": "b", "man/w.1": "man", "other": "not described", "dist/wanctl-arm": "program",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := &description{Archives: make([]archiveSpec, 1)}
	for _, src := range []string{"LICENSE", "man/*", "configs/**/*"} {
		d.Archives[0].Files = append(d.Archives[0].Files, struct {
			Src string `yaml:"src"`
		}{src})
	}
	made := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := d.writeArchive(b, "arm", made); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same files differ")
	}
	if err := os.WriteFile("wanctl.tar.gz", first.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readPackage("wanctl.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.archived("dist/wanctl-arm")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) || len(got) != 5 {
		t.Errorf("the archive has %v, not %v", got, want)
	}
	for name, change := range map[string]func(map[string]entry){
		"/LICENSE is missing":           func(m map[string]entry) { delete(m, "/LICENSE") },
		"/etc/more is not described":    func(m map[string]entry) { m["/etc/more"] = entry{Mode: 0o644} },
		"/tmp is not described":         func(m map[string]entry) { m["/tmp"] = entry{Mode: fs.ModeDir | 0o777} },
		"/wanctl is {Mode:urwxr-xr-x O": func(m map[string]entry) { e := m["/wanctl"]; e.Mode |= fs.ModeSetuid; m["/wanctl"] = e },
		"/configs/a.yaml is":            func(m map[string]entry) { e := m["/configs/a.yaml"]; e.Sum = sum(nil); m["/configs/a.yaml"] = e },
	} {
		changed := maps.Clone(got)
		change(changed)
		if err := compare(changed, want); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	d.Archives[0].Files[0].Src = "LICENCE"
	if err := d.writeArchive(new(bytes.Buffer), "arm", made); err == nil || !strings.Contains(err.Error(), "LICENCE matches no file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestArchOf(t *testing.T) {
	for name, want := range map[string]string{
		"wanctl_0.0.1_amd64.deb": "amd64", "wanctl-0.0.1-1.x86_64.rpm": "amd64", "wanctl_0.0.1_armhf.deb": "arm", "wanctl-0.0.1-1.armv7hl.rpm": "arm",
		"wanctl_0.0.1_arm_cortex-a7_neon-vfpv4.ipk": "arm", "wanctl_0.0.1_aarch64_generic.ipk": "arm64", "wanctl_0.0.1_linux_arm64.tar.gz": "arm64",
		"wanctl_0.0.1_mipsel_24kc.ipk": "mipsle", "wanctl_0.0.1_linux_mipsle.tar.gz": "mipsle", "wanctl_0.0.1_mips_24kc.ipk": "mips", "wanctl-0.0.1-1.riscv64.rpm": "riscv64",
		"wanctl_0.0.1_mipsel.deb": "mipsle",
	} {
		if got, err := archOf(name); got != want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

// Everybody writes passwords into this file: with a template that changes, every
// upgrade would ask whether to keep them.
func TestSecretsNeverChange(t *testing.T) {
	inRoot(t)
	if got, err := sumOf("configs/package/secrets"); got != "72bf1082401a6e52cd19b9801198a97818c19b2f4232d9719000bfadd2e1b38d" {
		t.Errorf("configs/package/secrets is another one than was released: %s, %v", got, err)
	}
}
