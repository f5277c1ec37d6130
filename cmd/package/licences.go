package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// allowed lists the licences under which a linked module may come, by sentences
// that their texts contain. Each of them asks for its notice alone.
var allowed = []struct {
	id        string // of SPDX
	sentences []string
}{
	{"Apache-2.0", []string{"apache license version 2.0, january 2004"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name of"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "in binary form must reproduce the above copyright notice"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "the above copyright notice and this permission notice shall be included"}},
	{"ISC", []string{"and/or distribute this software for any purpose with or without fee is hereby granted"}},
}

// restricted finds conditions that reach beyond a notice, whatever else a text allows.
var restricted = regexp.MustCompile(`(gnu|mozilla|server side|eclipse|common development and distribution)( [a-z]+)* public license|commons clause|business source license|creative commons`)

var (
	licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)
	noticeName  = regexp.MustCompile(`(?i)^(notice|patents)`)
)

// chosen names the text of the licence under which a module is used that leaves the choice
// between several.
var chosen = map[string]*regexp.Regexp{
	"github.com/eclipse/paho.mqtt.golang": regexp.MustCompile(`^edl-v10$`), // BSD-3-Clause, or the Eclipse Public License
}

// licenceTexts returns the files that hold the licence of m.
func (m module) licenceTexts() ([]text, error) {
	path, _, _ := strings.Cut(m.name, " ")
	if name, is := chosen[path]; is {
		return m.texts(name)
	}
	return m.texts(licenceName)
}

// module is what the binary is linked from: a module, or the standard library.
type module struct{ name, dir string }

// linked returns the modules that the binary is linked from, and the standard
// library.
func linked() ([]module, error) {
	const format = `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`
	out, err := output("go", "list", "-deps", "-f", format, "./cmd/wanctl")
	if err != nil {
		return nil, err
	}
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	var modules []module
	for _, line := range slices.Compact(slices.Sorted(strings.SplitSeq(out, "\n"))) {
		if i := strings.LastIndexByte(line, ' '); i >= 0 {
			modules = append(modules, module{line[:i], line[i+1:]})
		}
	}
	return append(modules, module{"Go standard library", root}), nil
}

// text is a file that a module is distributed with.
type text struct{ file, text string }

// texts returns the files of m that match name, in order.
func (m module) texts(name *regexp.Regexp) ([]text, error) {
	files, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, err
	}
	var found []text
	for _, f := range files {
		if f.IsDir() || !name.MatchString(f.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(m.dir, f.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, text{f.Name(), string(b)})
	}
	return found, nil
}

// licence returns the licences of m, joined by AND. One that is not allowed, or
// none, is an error.
func (m module) licence() (string, error) {
	found, err := m.licenceTexts()
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s has no licence in %s", m.name, m.dir)
	}
	var ids []string
	for _, t := range found {
		id := identify(t.text)
		if id == "" {
			return "", fmt.Errorf("%s: the licence in %s is none of those allowed in cmd/package/licences.go; use another module, or add its licence there if it asks for a notice alone",
				m.name, filepath.Join(m.dir, t.file))
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " AND "), nil
}

// identify returns the SPDX identifier of a licence, "" when it is not allowed.
func identify(licence string) string {
	words := strings.Join(strings.Fields(strings.ToLower(licence)), " ")
	if restricted.MatchString(words) {
		return ""
	}
	for _, l := range allowed {
		if !slices.ContainsFunc(l.sentences, func(s string) bool { return !strings.Contains(words, s) }) {
			return l.id
		}
	}
	return ""
}

// writeLicences writes one line for each linked module: its name, version and
// licence. It fails on every licence that is not allowed.
func writeLicences(w io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	for _, m := range modules {
		id, problem := m.licence()
		if problem != nil {
			err = errors.Join(err, problem)
			continue
		}
		if _, err := fmt.Fprintf(w, "%-13s %s\n", id, m.name); err != nil {
			return err
		}
	}
	return err
}
