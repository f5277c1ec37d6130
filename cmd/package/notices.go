package main

import (
	"fmt"
	"io"
	"strings"
)

// notices writes the licences of the modules that the binary is linked from, and
// that of Go. A module without one that is allowed is an error: it could not be
// distributed.
func notices(w io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "wanctl is linked from the following modules, whose licences follow.\n"); err != nil {
		return err
	}
	for _, m := range modules {
		if _, err := m.licence(); err != nil {
			return err
		}
		if err := m.writeTexts(w); err != nil {
			return err
		}
	}
	return nil
}

// writeTexts writes the licences and notices of m.
func (m module) writeTexts(w io.Writer) error {
	texts, err := m.licenceTexts()
	if err != nil {
		return err
	}
	more, err := m.texts(noticeName)
	if err != nil {
		return err
	}
	for _, t := range append(texts, more...) {
		if _, err := fmt.Fprintf(w, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 78), m.name, t.file, strings.TrimRight(t.text, "\n")); err != nil {
			return err
		}
	}
	return nil
}
