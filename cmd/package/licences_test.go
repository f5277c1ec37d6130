package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	mit = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software ...\n" +
		"The above copyright notice and this permission notice shall be included in all\ncopies"
	bsd2 = "Redistribution and use in source and binary forms, with or without modification\n" +
		"Redistributions in binary form must reproduce the above copyright notice"
)

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"MIT, broken into other lines", strings.ReplaceAll(mit, " ", "\n\t"), "MIT"},
		{"Apache", "   Apache License\n   Version 2.0, January 2004\n", "Apache-2.0"},
		{"BSD with two clauses", bsd2, "BSD-2-Clause"},
		{"BSD with three", bsd2 + "\n * Neither the name of X", "BSD-3-Clause"},
		{"ISC", "Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee is hereby granted", "ISC"},
		{"GPL", "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991", ""},
		{"AGPL", "GNU AFFERO GENERAL PUBLIC LICENSE", ""},
		{"MPL", "Mozilla Public License Version 2.0", ""},
		{"MIT but for its library", mit + "\nvendor/x is under the GNU Lesser General Public License", ""},
		{"a condition on selling", mit + "\n\"Commons Clause\" License Condition v1.0", ""},
		{"half of one", mit[:100], ""},
		{"words of its own", "Do with it what you like.", ""},
		{"empty", "", ""},
	} {
		if got := identify(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLicenceOfAModule(t *testing.T) {
	write := func(files map[string]string) module {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return module{"example.org/m v1.0.0", dir}
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // or a part of the error

		module string // "": some module
	}{
		{"one", map[string]string{"LICENSE.txt": mit, "NOTICE": "by somebody"}, "MIT", ""},
		{"two", map[string]string{"LICENSE": mit, "COPYING.bsd": bsd2}, "BSD-2-Clause AND MIT", ""},
		{"one good, one bad", map[string]string{"LICENSE": mit, "LICENSE-docs": "Creative Commons"}, "LICENSE-docs is none of those allowed in cmd/package/licences.go", ""},
		{"a notice alone", map[string]string{"NOTICE": mit}, "example.org/m v1.0.0 has no licence in", ""},
		{"a choice", map[string]string{"LICENSE": "Eclipse Public License", "edl-v10": bsd2 + "\nNeither the name of X"}, "BSD-3-Clause", "github.com/eclipse/paho.mqtt.golang v1.5.1"},
		{"the choice is gone", map[string]string{"LICENSE": "Eclipse Public License"}, "has no licence", "github.com/eclipse/paho.mqtt.golang v1.5.1"},
		{"a choice that was not made", map[string]string{"LICENSE": "Eclipse Public License", "edl-v10": bsd2 + "\nNeither the name of X"}, "none of those allowed", ""},
	} {
		m := write(c.files)
		if c.module != "" {
			m.name = c.module
		}
		got, err := m.licence()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Whatever is linked may be distributed, and its texts come with the packages.
func TestLinkedLicences(t *testing.T) {
	inRoot(t)
	var list, texts bytes.Buffer
	if err := writeLicences(&list); err != nil {
		t.Fatal(err)
	}
	if err := notices(&texts); err != nil {
		t.Fatal(err)
	}
	licences := regexp.MustCompile(`^\S+( AND \S+)* +`)
	for line := range strings.Lines(list.String()) {
		if name := strings.TrimSpace(licences.ReplaceAllString(line, "")); !strings.Contains(texts.String(), "\n"+name+": ") {
			t.Errorf("no text of %s in the notices", name)
		}
	}
	if n := strings.Count(list.String(), "\n"); n < 30 {
		t.Errorf("only %d modules", n)
	}
}
