package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// archiveSpec describes the archive for those who have no packages.
type archiveSpec struct {
	Files []struct {
		Src string `yaml:"src"` // may be a glob; "**" stands for any directories
	} `yaml:"files"`
}

// sources returns the mode of each file of the archive by its path in the tree, without
// the binary.
func (d *description) sources() (map[string]fs.FileMode, error) {
	if len(d.Archives) != 1 {
		return nil, fmt.Errorf("%s describes %d archives, not one", descriptionFile, len(d.Archives))
	}
	modes := map[string]fs.FileMode{}
	for _, f := range d.Archives[0].Files {
		found, err := match(f.Src)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: %s matches no file", descriptionFile, f.Src)
		}
		for _, path := range found {
			modes[path] = 0o644
		}
	}
	return modes, nil
}

// match returns the files that a pattern of goreleaser matches.
func match(pattern string) (files []string, err error) {
	dir, name, deep := strings.Cut(pattern, "/**/")
	if !deep {
		return filepath.Glob(pattern)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		ok, err := filepath.Match(name, e.Name())
		if ok {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// archived returns what the archive must have.
func (d *description) archived(binary string) (map[string]entry, error) {
	modes, err := d.sources()
	if err != nil {
		return nil, err
	}
	want := map[string]entry{}
	for path, mode := range modes {
		text, err := sumOf(path)
		if err != nil {
			return nil, err
		}
		want["/"+path] = entry{Mode: mode, Owner: "root:root", Sum: text}
	}
	program, err := sumOf(binary)
	want["/wanctl"] = entry{Mode: 0o755, Owner: "root:root", Sum: program}
	return want, err
}

// writeArchive writes the archive for one architecture, compressed. The same files
// give the same bytes.
func (d *description) writeArchive(w io.Writer, goarch string, made time.Time) error {
	modes, err := d.sources()
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	z, err := gzip.NewWriterLevel(buffered, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := tar.NewWriter(z)
	add := func(name, src string, mode fs.FileMode) error {
		data, err := os.ReadFile(src)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: int64(mode), Size: int64(len(data)), ModTime: made, Uname: "root", Gname: "root"}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	}
	if err := add("wanctl", "dist/wanctl-"+goarch, 0o755); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(modes)) {
		if err := add(path, path, modes[path]); err != nil {
			return err
		}
	}
	return errors.Join(out.Close(), z.Close(), buffered.Flush())
}
