package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
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
	title := fmt.Sprintf("%% %q \"%d\" %q %q %q\n", strings.ToUpper(name), p.section, date.Format("Jan 2006"), "wanctl", "wanctl manual")
	file := filepath.Join(dir, fmt.Sprintf("%s.%d", name, p.section))
	if err := os.WriteFile(file, md2man.Render([]byte(title+text)), 0o644); err != nil {
		return err
	}
	for _, reader := range p.readers {
		if err := refer(filepath.Join(dir, reader+".1"), name, p.section); err != nil {
			return err
		}
	}
	return nil
}

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
