package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
)

// lawPage is the manual of the control law, which belongs to no command. It quotes the
// law's numbers by name.
//
//go:embed law.md
var lawPage []byte

const lawName = "wanctl-law"

// lawReaders are the pages whose readers want to know the law too.
var lawReaders = []string{"wanctl.1", "wanctl-shape.1", "wanctl-trace.1", "wanctl-sim-link.1"}

// writeLaw writes the page of the law into dir, and refers to it from the pages
// of commands that are there already.
func writeLaw(dir string, date time.Time) error {
	title := fmt.Sprintf("%% %q %q %q %q %q\n", "WANCTL-LAW", "7", date.Format("Jan 2006"), "wanctl", "wanctl manual")
	numbers, err := lawNumbers()
	if err != nil {
		return err
	}
	text, err := quoteNumbers(title+string(lawPage), numbers)
	if err != nil {
		return err
	}
	page := md2man.Render([]byte(text))
	if err := os.WriteFile(filepath.Join(dir, lawName+".7"), page, 0o644); err != nil {
		return err
	}
	for _, name := range lawReaders {
		if err := refer(filepath.Join(dir, name), lawName, 7); err != nil {
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
