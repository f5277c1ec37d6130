package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
)

// manual generates everything and returns the directory of the pages.
func manual(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	man := filepath.Join(dir, "man")
	if err := os.MkdirAll(man, 0o755); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(man, "wanctl-gone.7")
	if err := os.WriteFile(gone, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := generate(filepath.Join(dir, "completions"), man, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Errorf("%s is still there", gone)
	}
	return man
}

var (
	section   = regexp.MustCompile(`(?m)^\.SH (.*)$`)
	reference = regexp.MustCompile(`\b(wanctl[a-z-]*)(?:\\f[RP])?\((\d)`)
)

func TestPages(t *testing.T) {
	man := manual(t)
	files, err := filepath.Glob(filepath.Join(man, "*"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d pages: %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page, name := string(b), filepath.Base(file)
		var sections []string
		for _, m := range section.FindAllStringSubmatch(page, -1) {
			sections = append(sections, m[1])
		}
		for _, s := range []string{"NAME", "DESCRIPTION", "SEE ALSO"} {
			if !slices.Contains(sections, s) {
				t.Errorf("%s has no section %s", name, s)
			}
		}
		if strings.HasSuffix(name, ".1") && !slices.Contains(sections, "EXIT STATUS") {
			t.Errorf("%s has no section EXIT STATUS", name)
		}
		// Hyphens of names are escaped in pages of commands.
		for _, m := range reference.FindAllStringSubmatch(strings.ReplaceAll(page, `\-`, "-"), -1) {
			if _, err := os.Stat(filepath.Join(man, m[1]+"."+m[2])); err != nil {
				t.Errorf("%s refers to %s(%s), which does not exist", name, m[1], m[2])
			}
		}
		if i := strings.IndexFunc(page, func(r rune) bool { return r > 126 }); i >= 0 {
			t.Errorf("%s: %q is not ASCII", name, page[i:min(i+20, len(page))])
		}
	}
	for _, tt := range []struct{ page, want string }{
		{"wanctl-law.7", `.TH "WANCTL-LAW" "7" "2026-11-01" "wanctl" "wanctl manual"`},
		{"wanctl-law.7", `wanctl-law \- how wanctl decides`},
		{"wanctl-law.7", ".SH REASONS"},
		{"wanctl-health.1", `\fBwanctl\-container\fR(7)`},
		{"wanctl-shape.1", `\fBwanctl\-law\fR(7)`},
		{"wanctl-shape.1", ".SH EXAMPLES\n.EX\n"},
		{"wanctl-shape.1", `\fI/run/wanctl/NAME.lock\fR`},
		{"wanctl-shape.1", `\fB\-\-record\fR \fIFILE\fR`},
		{"wanctl-router-queue-get.1", `The options of \fBwanctl\-router\fR(1) and \fBwanctl\fR(1) apply too.`},
		{"wanctl.1", `\fBwanctl\-law\fR(7)`},
		{"wanctl.1", `\fIWANCTL_MODE\fR`},
	} {
		page, err := os.ReadFile(filepath.Join(man, tt.page))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte(tt.want)) {
			t.Errorf("%s: no %q in it", tt.page, tt.want)
		}
	}
	lint(t, files)
}

// lint lets mandoc, where it is installed, find mistakes in pages.
func lint(t *testing.T, files []string) {
	t.Helper()
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Log("mandoc is not installed: pages are not linted")
		return
	}
	out, err := exec.Command(mandoc, append([]string{"-Tlint", "-Wwarning"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// The manual names the paths that are the defaults of keys.
func TestFilesAreTheDefaults(t *testing.T) {
	var named []string
	for _, f := range files {
		named = append(named, f.name)
	}
	for _, k := range config.WANKeys() {
		if slices.Contains([]string{"lock_file", "state_file", "logging.main_log"}, k.Name) && !slices.Contains(named, k.Derived) {
			t.Errorf("%s is the default of %s, and not in the manual", k.Derived, k.Name)
		}
	}
}

func TestConfigPageHasEveryKey(t *testing.T) {
	text, err := texts.ReadFile("config.md")
	if err != nil {
		t.Fatal(err)
	}
	page, err := fillKeys(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Concat(config.WANKeys(), config.SteeringKeys()) {
		term, fact := "`"+k.Name+"`\n: ", describe(k, "")
		switch {
		case k.Alias != "":
			term, fact = "- `"+k.Name+"`: ", k.Alias
		case k.Deprecated != "":
			term, fact = "- `"+k.Name+"`: ", plain(k.Deprecated)
		}
		if !regexp.MustCompile(regexp.QuoteMeta(term) + ".*" + regexp.QuoteMeta(fact)).MatchString(page) {
			t.Errorf("%s is missing, or not explained by %q", k.Name, fact)
		}
	}
	if n := strings.Count(page, "Example: "); n < 50 {
		t.Errorf("%d keys have an example", n)
	}
	if strings.Contains(page, "{shared}") || strings.Contains(page, "{deprecated}") {
		t.Error("a part of the page is not filled in")
	}
}

func TestTidyRoff(t *testing.T) {
	in := ".SH A\n\n.PP\n.EX\none\n\ntwo\n.EE\n\n.PP\ntext\n\nmore\n.TS\nl l.\nT{\nlong\nT}\n\tx\n.TE\n"
	want := ".SH A\n.EX\none\n\ntwo\n.EE\n.PP\ntext\n.sp\nmore\n.TS\nl l.\nT{\nlong\nT}\tx\n.TE\n"
	if got := string(tidyRoff([]byte(in))); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTextToRoff(t *testing.T) {
	var r roff
	r.text("One -a.\n\nList:\n  a  x\n  b  y\n.end\n\nFAULTS\n  slow")
	want := "One \\-a.\n.PP\nList:\n.EX\n  a  x\n  b  y\n.EE\n\\&.end\n.SH FAULTS\n.EX\n  slow\n.EE\n"
	if got := r.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
