package main

import (
	"cmp"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkAll compares the packages and archives in dir with the description: paths,
// types, modes, owners, contents, scripts, and which files are configurations. It needs
// none of the formats' own tools.
func (d *description) checkAll(w io.Writer, dir string) error {
	var files []string
	for _, pattern := range []string{"*.deb", "*.rpm", "*.apk", "*.ipk", "*.tar.gz"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("no %s in %s; run 'make packages'", pattern, dir)
		}
		files = append(files, found...)
	}
	var errs []error
	for _, file := range files {
		n, err := d.check(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %d files and directories as described\n", filepath.Base(file), n); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// check compares one package, and returns how many entries it has.
func (d *description) check(file string) (int, error) {
	got, err := readPackage(file)
	if err != nil {
		return 0, err
	}
	goarch, err := archOf(filepath.Base(file))
	if err != nil {
		return 0, err
	}
	binary := filepath.Join(filepath.Dir(file), "wanctl-"+goarch)
	if err := checkBinary(binary, goarch); err != nil {
		return 0, err
	}
	want, err := d.expected(strings.TrimPrefix(filepath.Ext(file), "."), binary)
	if err != nil {
		return 0, err
	}
	if err := compare(got, want); err != nil {
		return 0, fmt.Errorf("%s:\n%w", file, err)
	}
	return len(got), nil
}

// compare returns an error for each path that is not as described.
func compare(got, want map[string]entry) error {
	var errs []error
	for path, e := range want {
		if g, ok := got[path]; !ok {
			errs = append(errs, fmt.Errorf("%s is missing", path))
		} else if g != e {
			errs = append(errs, fmt.Errorf("%s is %+v, not %+v", path, g, e))
		}
	}
	for path, g := range got {
		// Formats differ in whether they list the directories above their files.
		if _, ok := want[path]; !ok && (!g.Mode.IsDir() || g.Mode.Perm() != 0o755) {
			errs = append(errs, fmt.Errorf("%s is not described: %+v", path, g))
		}
	}
	return errors.Join(errs...)
}

// expected returns what a package must have.
func (d *description) expected(format, binary string) (map[string]entry, error) {
	if format == "gz" {
		return d.archived(binary)
	}
	s, err := d.of(format)
	if err != nil {
		return nil, err
	}
	list, err := s.entries(format, binary)
	if err != nil {
		return nil, err
	}
	want := map[string]entry{}
	for _, c := range list {
		e := entry{Mode: fs.FileMode(c.Info.Mode), Owner: "root:root", Config: strings.HasPrefix(c.Type, "config") && format != "apk"}
		if c.Type == "dir" {
			e.Mode |= fs.ModeDir
		} else if e.Sum, err = sumOf(c.Src); err != nil {
			return nil, err
		}
		want[c.Dst] = e
	}
	for name, src := range s.scripts(format) {
		text, err := sumOf(src)
		if err != nil {
			return nil, err
		}
		want[name] = entry{Sum: text}
	}
	return want, nil
}

func sumOf(file string) (string, error) {
	b, err := os.ReadFile(file)
	return sum(b), err
}

// archOf returns the GOARCH of a package by the architecture in its name. Of several
// that fit it is the longest: mipsel_24kc is not mips.
func archOf(name string) (string, error) {
	names := map[string]string{"x86_64": "amd64", "aarch64": "arm64", "armv7": "arm", "armhf": "arm", "arm7": "arm", "mipsel": "mipsle"}
	for _, goarch := range []string{"amd64", "arm64", "arm", "riscv64", "mips", "mipsle"} {
		names[goarch] = goarch
	}
	for _, arch := range slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Compare(len(b), len(a)) }) {
		if strings.Contains(name, arch) {
			return names[arch], nil
		}
	}
	return "", fmt.Errorf("%s names no architecture", name)
}

// checkBinary reports whether a program is static, stripped, of that architecture and
// built without the paths of this machine.
func checkBinary(path, goarch string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s: not static", path)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		return fmt.Errorf("%s: not stripped", path)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOARCH": goarch, "GOOS": "linux", "CGO_ENABLED": "0", "-trimpath": "true"} {
		if settings[key] != want {
			return fmt.Errorf("%s: built with %s=%s, not %s", path, key, settings[key], want)
		}
	}
	if strings.HasPrefix(goarch, "mips") && settings["GOMIPS"] != "softfloat" || goarch == "arm" && settings["GOARM"] != "7" {
		return fmt.Errorf("%s: GOMIPS=%s GOARM=%s", path, settings["GOMIPS"], settings["GOARM"])
	}
	return nil
}
