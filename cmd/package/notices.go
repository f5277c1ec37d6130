package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// notices writes the licences of the modules that the binary is linked from, and
// that of Go. A module without one is an error: it could not be distributed.
func notices(w io.Writer) error {
	const format = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`
	modules, err := output("go", "list", "-deps", "-f", format, "./cmd/wanctl")
	if err != nil {
		return err
	}
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return err
	}
	lines := slices.Compact(slices.Sorted(strings.SplitSeq(modules, "\n")))
	lines = append(lines, "Go standard library "+root)
	if _, err := fmt.Fprintf(w, "wanctl is linked from the following modules, whose licences follow.\n"); err != nil {
		return err
	}
	for _, line := range lines {
		i := strings.LastIndexByte(line, ' ')
		if i < 0 {
			continue
		}
		if err := writeLicences(w, line[:i], line[i+1:]); err != nil {
			return err
		}
	}
	return nil
}

func writeLicences(w io.Writer, module, dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, f := range files {
		if f.IsDir() || !licenceName.MatchString(f.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		found = true
		if _, err := fmt.Fprintf(w, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 78), module, f.Name(), strings.TrimRight(string(text), "\n")); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s", module, dir)
	}
	return nil
}
