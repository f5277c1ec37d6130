package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Assignment is a new value of a key.
type Assignment = schema.Assignment

// EditText sets keys of a WAN's configuration in its text, as schema.Edit does, and
// checks the result: it is a valid configuration, and nothing but these keys has
// changed in it. name is for messages.
func EditText(text []byte, name string, set []Assignment, opts Options) ([]byte, error) {
	changed, err := schema.Edit(text, set)
	if err != nil {
		return nil, ErrorAt(name, "", err.Error()+"; change it by hand")
	}
	if _, _, err := Parse(bytes.NewReader(changed), name, opts); err != nil {
		return nil, err
	}
	before, after := flatten(text), flatten(changed)
	for _, a := range set {
		before[a.Name] = a.Value
	}
	if !maps.Equal(before, after) {
		return nil, ErrorAt(name, "", "is written in a way that cannot be changed safely; change it by hand")
	}
	return changed, nil
}

// flatten returns the values in a file by dotted key; a list is one value.
func flatten(text []byte) map[string]string {
	values := map[string]string{}
	var tree map[string]any
	if yaml.Unmarshal(text, &tree) == nil {
		flattenInto(values, "", tree)
	}
	return values
}

func flattenInto(values map[string]string, prefix string, tree map[string]any) {
	for key, v := range tree {
		if below, ok := v.(map[string]any); ok && len(below) > 0 {
			flattenInto(values, prefix+key+".", below)
		} else if v != nil {
			values[prefix+key] = fmt.Sprint(v)
		}
	}
}

// EditFile is EditText for a file, which is replaced at once: a reader sees the old
// text or the new one. The old one stays as backup, the first free of FILE.backup,
// FILE.backup.2 and so on, with the mode and owner of the file.
func EditFile(path string, set []Assignment, opts Options) (backup string, err error) {
	path, err = filepath.EvalSymlinks(path) // the file is replaced, not the link to it
	if err != nil {
		return "", err
	}
	f, err := regfile.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	changed, err := EditText(text, path, set, opts)
	if err != nil {
		return "", err
	}
	if backup, err = backUp(path, text, info, info.Mode().Perm()); err != nil {
		return "", err
	}
	return backup, replace(path, changed, func(tmp *os.File) error { return like(tmp, info, info.Mode().Perm()) })
}

// backUp writes the text of a file to a new file beside it, of the same owner.
func backUp(path string, text []byte, info os.FileInfo, perm os.FileMode) (string, error) {
	const most = 1000
	for n := 1; n <= most; n++ {
		name := path + ".backup"
		if n > 1 {
			name = fmt.Sprintf("%s.backup.%d", path, n)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := fill(f, text, func(f *os.File) error { return like(f, info, perm) }); err != nil {
			return "", errors.Join(err, os.Remove(name))
		}
		return name, nil
	}
	return "", fmt.Errorf("%s has %d backups; remove some", path, most)
}

// like gives a file the owner of another one, and the mode perm.
func like(f *os.File, info os.FileInfo, perm os.FileMode) error {
	return errors.Join(chownLike(f, info), f.Chmod(perm))
}

// Written lists assignments as lines of a file, for a person.
func Written(set []Assignment) string {
	var b strings.Builder
	open := []string{}
	for _, a := range set {
		names := strings.Split(a.Name, ".")
		sections := names[:len(names)-1]
		for i, s := range sections {
			if i >= len(open) || !slices.Equal(open[:i+1], sections[:i+1]) {
				fmt.Fprintf(&b, "%*s%s:\n", 2*i, "", s)
			}
		}
		open = sections
		fmt.Fprintf(&b, "%*s%s: %s\n", 2*len(sections), "", names[len(names)-1], a.Value)
	}
	return b.String()
}
