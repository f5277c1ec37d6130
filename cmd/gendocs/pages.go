package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// page is a manual that belongs to no command, written by hand in Markdown.
type page struct {
	name    string
	section int
	source  string                       // its file
	fill    func(string) (string, error) // completes the text; nil where it is complete
	readers []string                     // commands whose pages refer to it, beside wanctl(1)
}

var pages = []page{
	{"wanctl", 7, "concepts.md", nil, []string{"wanctl-shape", "wanctl-steer", "wanctl-run", "wanctl-status", "wanctl-report"}},
	{"wanctl-config", 5, "config.md", fillKeys, []string{"wanctl-config", "wanctl-config-init", "wanctl-config-explain", "wanctl-config-validate", "wanctl-config-show", "wanctl-shape", "wanctl-steer", "wanctl-run"}},
	{"wanctl-guide", 7, "guide.md", nil, []string{"wanctl-config-init", "wanctl-doctor"}},
	{"wanctl-law", 7, "law.md", fillNumbers, []string{"wanctl-shape", "wanctl-trace", "wanctl-sim-link"}},
	{"wanctl-notify", 7, "notify.md", nil, []string{"wanctl-notify", "wanctl-notify-test", "wanctl-shape", "wanctl-steer", "wanctl-run"}},
	{"wanctl-container", 7, "container.md", nil, []string{"wanctl-health"}},
}

// texts are the pages, in Markdown.
//
//go:embed *.md
var texts embed.FS

// write writes the page into dir.
func (p page) write(dir string) error {
	b, err := texts.ReadFile(p.source)
	if err != nil {
		return err
	}
	text := string(b)
	if p.fill != nil {
		if text, err = p.fill(text); err != nil {
			return err
		}
	}
	title := fmt.Sprintf("%% %q \"%d\" %q %q %q\n", strings.ToUpper(p.name), p.section, date, "wanctl", "wanctl manual")
	file := filepath.Join(dir, fmt.Sprintf("%s.%d", p.name, p.section))
	return os.WriteFile(file, tidyRoff(md2man.Render([]byte(title+text))), 0o644)
}

// fixes let the next cell of a table follow a long one in the same line, and leave the
// right margin ragged.
var fixes = strings.NewReplacer("\nT}\n\t", "\nT}\t", "\n.nh\n", "\n.nh\n.ad l\n")

// tidyRoff corrects what md2man makes: empty lines between macros, of which mandoc warns,
// and what fixes does.
func tidyRoff(roff []byte) []byte {
	var out []string
	verbatim := false
	lines := strings.Split(strings.TrimSpace(fixes.Replace(string(roff))), "\n")
	for i, line := range lines {
		switch line {
		case ".EX", ".TS":
			verbatim = true
		case ".EE", ".TE":
			verbatim = false
		case "":
			if !verbatim {
				if !macro(out[len(out)-1]) && !macro(lines[i+1]) {
					out = append(out, ".sp")
				}
				continue
			}
		case ".PP":
			if next := slices.IndexFunc(lines[i+1:], func(l string) bool { return l != "" }); macro(lines[i+1+next]) {
				continue
			}
		}
		out = append(out, line)
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

func macro(line string) bool { return line == "" || line[0] == '.' }
