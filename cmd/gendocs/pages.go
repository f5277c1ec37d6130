package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// page is a manual that belongs to no command, written by hand in NAME.md.
type page struct {
	name    string // after "wanctl-"
	section int
	readers []string // commands whose pages refer to it, as in file names
	numbers bool     // it quotes the law's numbers by name
}

var pages = []page{
	{"law", 7, []string{"wanctl", "wanctl-shape", "wanctl-trace", "wanctl-sim-link"}, true},
	{"container", 7, []string{"wanctl", "wanctl-health"}, false},
	{"guide", 7, []string{"wanctl"}, false},
}

// texts are the pages, in Markdown.
//
//go:embed *.md
var texts embed.FS

// write writes the page into dir, and refers to it from the pages of commands that
// are there already.
func (p page) write(dir string, date time.Time) error {
	b, err := texts.ReadFile(p.name + ".md")
	if err != nil {
		return err
	}
	text := string(b)
	if p.numbers {
		numbers, err := lawNumbers()
		if err != nil {
			return err
		}
		if text, err = quoteNumbers(text, numbers); err != nil {
			return err
		}
	}
	name := "wanctl-" + p.name
	title := fmt.Sprintf("%% %q \"%d\" %q %q %q\n", strings.ToUpper(name), p.section, date.Format(time.DateOnly), "wanctl", "wanctl manual")
	file := filepath.Join(dir, fmt.Sprintf("%s.%d", name, p.section))
	if err := os.WriteFile(file, tidyRoff(md2man.Render([]byte(title+text))), 0o644); err != nil {
		return err
	}
	for _, reader := range p.readers {
		if err := refer(filepath.Join(dir, reader+".1"), name, p.section); err != nil {
			return err
		}
	}
	return nil
}

// tidyRoff corrects what md2man makes: empty lines between macros, of which mandoc warns,
// and long cells of tables that the next cell has to follow in the same line.
func tidyRoff(roff []byte) []byte {
	var out []string
	verbatim := false
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(roff), "\nT}\n\t", "\nT}\t")), "\n")
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

// refer adds a page to the list that ends the page at path.
func refer(path, page string, section int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	last := bytes.LastIndex(b, []byte("\n.SH "))
	if last < 0 || !bytes.HasPrefix(b[last:], []byte("\n.SH SEE ALSO\n")) {
		return fmt.Errorf("%s does not end with SEE ALSO", path)
	}
	b = fmt.Appendf(bytes.TrimRight(b, "\n"), ", \\fB%s(%d)\\fP\n", page, section)
	return os.WriteFile(path, b, 0o644)
}
