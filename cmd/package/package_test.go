package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// inRoot makes the top of the project the working directory, as make does.
func inRoot(t *testing.T) *description {
	t.Helper()
	t.Chdir("../..")
	d, err := read(descriptionFile)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// made is what the build makes and the tree does not have.
func made(src string) bool { return strings.HasPrefix(src, "dist/") || strings.HasPrefix(src, "bin/") }

// TestPackagesAreComplete: every source exists, and everything that is made for
// users is in the packages of Linux distributions.
func TestPackagesAreComplete(t *testing.T) {
	d := inRoot(t)
	for _, format := range []string{"deb", "rpm", "apk", "ipk"} {
		s, err := d.of(format)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.entries(format, "bin/wanctl")
		if err != nil {
			t.Fatal(err)
		}
		packed, at := map[string]bool{}, map[string]bool{}
		for _, c := range list {
			if at[c.Dst] {
				t.Errorf("%s: %s twice", format, c.Dst)
			}
			packed[c.Src], at[c.Dst] = true, true
			if _, err := os.Stat(c.Src); c.Src != "" && !made(c.Src) && err != nil {
				t.Errorf("%s: %v", format, err)
			}
			if mode := c.Info.Mode; c.Dst == "/etc/wanctl/secrets" && mode != 0o600 || c.Dst == "/etc/wanctl" && mode != 0o750 {
				t.Errorf("%s: mode %o of %s", format, mode, c.Dst)
			}
		}
		if format == "ipk" {
			continue // has little room
		}
		for _, dir := range []string{"configs", "man", "completions"} {
			err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() && !packed[path] && !strings.HasPrefix(path, "configs/package/") &&
					!strings.HasPrefix(path, "configs/openwrt/") && !strings.HasPrefix(path, "configs/openrc/") {
					t.Errorf("%s: %s is not in the package", format, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNFPM(t *testing.T) {
	d := inRoot(t)
	for _, tt := range []struct{ goarch, format, arch, openWrt string }{
		{"amd64", "deb", "amd64", ""}, {"arm", "rpm", "arm7", ""}, {"mipsle", "ipk", "mipsle", "mipsel_24kc"},
	} {
		t.Run(tt.goarch+" "+tt.format, func(t *testing.T) {
			var b bytes.Buffer
			if err := d.writeNFPM(&b, tt.goarch, tt.format, revision{"1.2.3", "2026-11-28T12:00:00Z"}); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Name, Arch, Version, MTime, Formats, ID string
				IPK                                     struct{ Arch string }
				Contents                                []content
			}
			if err := yaml.Unmarshal(b.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Name != "wanctl" || got.Arch != tt.arch || got.Version != "1.2.3" || got.MTime != "2026-11-28T12:00:00Z" || got.IPK.Arch != tt.openWrt {
				t.Errorf("%+v", got)
			}
			if got.Formats != "" || got.ID != "" {
				t.Error("has settings that nfpm does not know")
			}
			if c := got.Contents[0]; c.Src != "dist/wanctl-"+tt.goarch || c.Dst != "/usr/bin/wanctl" || c.Info.Mode != 0o755 {
				t.Errorf("the binary: %+v", c)
			}
		})
	}
	if d.writeNFPM(new(bytes.Buffer), "amd64", "pkg", revision{}) == nil {
		t.Error("a format that is not described")
	}
}

// TestInstall: files go below the prefix, units start the program there, a
// configuration that exists is kept, and the removal leaves /etc alone.
func TestInstall(t *testing.T) {
	d := inRoot(t)
	dir := t.TempDir()
	var list bytes.Buffer
	if err := d.writeContents(&list); err != nil {
		t.Fatal(err)
	}
	var lines []string // without what must be built first
	for line := range strings.Lines(list.String()) {
		if !made(strings.Fields(line)[3]) {
			lines = append(lines, line)
		}
	}
	contents := filepath.Join(dir, "contents")
	if err := os.WriteFile(contents, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	destdir := filepath.Join(dir, "root")
	script := func(action, prefix string) {
		t.Helper()
		if out, err := exec.Command("sh", "configs/package/install.sh", action, contents, destdir, prefix).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	at := func(path string) string { return filepath.Join(destdir, path) }
	text := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(at(path))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	script("install", "/opt/w")
	if unit := text("/opt/w/lib/systemd/system/wanctl@.service"); !strings.Contains(unit, "ExecStart=/opt/w/bin/wanctl shape") {
		t.Errorf("the unit starts another program:\n%s", unit)
	}
	if config := text("/opt/w/share/wanctl/cable.yaml"); !strings.Contains(config, "$schema=/opt/w/share/wanctl/wanctl.schema.json") {
		t.Errorf("the schema of an editor is elsewhere:\n%s", config)
	}
	info, err := os.Stat(at("/etc/wanctl/secrets"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets: %v, %v", info, err)
	}
	if err := os.WriteFile(at("/etc/wanctl/secrets"), []byte("ROUTER_PASSWORD=mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script("install", "/opt/w")
	script("uninstall", "/opt/w")
	if got := text("/etc/wanctl/secrets"); got != "ROUTER_PASSWORD=mine\n" {
		t.Errorf("a configuration was overwritten: %q", got)
	}
	err = filepath.WalkDir(at("/opt/w"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestMakeNeedsGo: the first line says which Go is needed, and where it is.
func TestMakeNeedsGo(t *testing.T) {
	inRoot(t)
	old := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho go1.19.8\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for tool, want := range map[string]string{"no-such-go": "; here is none: get it from https://go.dev/dl/\n", old: "; here is 1.19.8: get it from https://go.dev/dl/\n"} {
		out, err := exec.Command("make", "-s", "demo", "GO="+tool).CombinedOutput()
		first, _, _ := strings.Cut(string(out), "\n")
		if err == nil || !strings.HasPrefix(first, "building wanctl needs Go 1.") || !strings.HasSuffix(first+"\n", want) {
			t.Errorf("%s: %v: %s", tool, err, out)
		}
	}
}
