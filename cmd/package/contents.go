package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// descriptionFile is where the packages are described.
const descriptionFile = ".goreleaser.yaml"

// description is .goreleaser.yaml, as far as it is of the packages.
type description struct {
	Packages []spec        `yaml:"nfpms"`
	Archives []archiveSpec `yaml:"archives"`
}

// spec describes one package in several formats. Name, Formats and BinDir are
// settings of goreleaser; Rest goes to nfpm as it is.
type spec struct {
	ID       string         `yaml:"id"`
	Name     string         `yaml:"package_name"`
	Formats  []string       `yaml:"formats"`
	BinDir   string         `yaml:"bindir"`
	MTime    string         `yaml:"mtime"`
	Contents []content      `yaml:"contents"`
	Rest     map[string]any `yaml:",inline"`
}

// content is a file or a directory of a package.
type content struct {
	Src      string   `yaml:"src,omitempty"` // may be a glob; Dst is a directory then
	Dst      string   `yaml:"dst"`
	Type     string   `yaml:"type,omitempty"`
	Packager string   `yaml:"packager,omitempty"` // "": of all formats
	Info     fileInfo `yaml:"file_info,omitempty"`
}

type fileInfo struct {
	Mode uint32 `yaml:"mode,omitempty"`
}

func read(path string) (*description, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d description
	if err := yaml.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &d, nil
}

// of returns the description of the package in a format.
func (d *description) of(format string) (*spec, error) {
	for i := range d.Packages {
		if slices.Contains(d.Packages[i].Formats, format) {
			return &d.Packages[i], nil
		}
	}
	return nil, fmt.Errorf("%s describes no package in the format %q", descriptionFile, format)
}

// scripts returns the maintainer scripts for one format: files by what they are for,
// such as "postinstall".
func (s *spec) scripts(format string) map[string]string {
	all := map[string]string{}
	add := func(scripts any) {
		named, _ := scripts.(map[string]any)
		for name, file := range named {
			all[name], _ = file.(string)
		}
	}
	add(s.Rest["scripts"])
	if own, ok := s.Rest[format].(map[string]any); ok {
		add(own["scripts"])
	}
	return all
}

// entries returns the contents for one format, with globs expanded, and the binary
// first. Every file has a mode: that of a checkout depends on its umask.
func (s *spec) entries(format, binary string) ([]content, error) {
	list := []content{{Src: binary, Dst: s.BinDir + "/" + s.Name, Info: fileInfo{Mode: 0o755}}}
	for _, c := range s.Contents {
		if c.Packager != "" && c.Packager != format {
			continue
		}
		if c.Info.Mode == 0 {
			c.Info.Mode = 0o644
		}
		if c.Type == "dir" || !strings.Contains(c.Src, "*") {
			list = append(list, c)
			continue
		}
		files, err := filepath.Glob(c.Src)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s: %s matches no file", descriptionFile, c.Src)
		}
		for _, f := range files {
			c.Src, c.Dst = f, strings.TrimSuffix(filepath.Dir(c.Dst+"x"), "/")+"/"+filepath.Base(f)
			list = append(list, c)
		}
	}
	return list, nil
}

// installed is the format whose contents `make install` installs: zsh looks for
// completions in site-functions everywhere but on Debian.
const installed = "rpm"

// writeContents writes a line for each file and directory: mode, type ("file",
// "config" or "dir"), destination and source.
func (d *description) writeContents(w io.Writer) error {
	s, err := d.of(installed)
	if err != nil {
		return err
	}
	list, err := s.entries(installed, "bin/wanctl")
	if err != nil {
		return err
	}
	for _, c := range list {
		kind, src := "file", c.Src
		switch {
		case c.Type == "dir":
			kind, src = "dir", "-"
		case strings.HasPrefix(c.Type, "config"):
			kind = "config"
		}
		if _, err := fmt.Fprintf(w, "%04o %s %s %s\n", c.Info.Mode, kind, c.Dst, src); err != nil {
			return err
		}
	}
	return nil
}
