package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Path returns the file of the WAN name in dir: NAME.yaml, or NAME.yml where
// only that exists. A name that is not an identifier is an error, so that no
// name leads out of dir; whether the file exists is left to Load.
func Path(dir, name string) (string, error) {
	if _, err := schema.ParseScalar(schema.Identifier, name); err != nil {
		return "", fmt.Errorf("WAN %q %w", name, err)
	}
	path := filepath.Join(dir, name+".yaml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if short := filepath.Join(dir, name+".yml"); exists(short) {
			return short, nil
		}
	}
	return path, nil
}

// Default returns the file of dir that is meant where none is named: the only one of
// a WAN, else wan.yaml; "" when there is neither.
func Default(dir string) string {
	wans := slices.DeleteFunc(Files(dir), func(path string) bool { return !mayBeWAN(path) })
	if len(wans) == 1 {
		return wans[0]
	}
	if i := slices.IndexFunc(wans, func(path string) bool { return baseName(path) == "wan" }); i >= 0 {
		return wans[i]
	}
	return ""
}

// Files lists the configurations in dir, those with a mistake included.
func Files(dir string) []string {
	var files []string
	for _, name := range Names(dir) {
		if path, err := Path(dir, name); err == nil && (mayBeWAN(path) || DetectKind(path) == KindSteering) {
			files = append(files, path)
		}
	}
	return files
}

// baseName is the name of a file without its suffix.
func baseName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// denied is the advice for who may not read the configuration, which is of mode 0750.
const denied = "permission denied; use sudo, or run as the user of the service"

// CheckDir returns an *Error when the user may not list dir, so that nobody is told that
// there is nothing in it.
func CheckDir(dir string) error {
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
		return &Error{Problems: []Problem{{File: dir, Text: denied}}}
	}
	return nil
}

// openProblem explains why a file cannot be opened and what to do instead.
func openProblem(path, reference string, err error) Problem {
	startFrom := startFrom(reference)
	p := Problem{File: path}
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, regfile.ErrDirectory):
		p.Text = "is a directory; use --config-dir " + path + " --wan NAME, or name a file"
	case errors.Is(err, regfile.ErrNotRegular):
		p.Text = "is not a regular file"
	case errors.Is(err, fs.ErrPermission):
		p.Text = denied
	case !errors.Is(err, fs.ErrNotExist):
		p.Text = "cannot be read: " + schema.Cause(err)
	case !exists(dir):
		p.Text = "no such file, and no directory " + dir + "; " + startFrom + ", or name another file with --config FILE"
	default:
		names := Names(dir)
		near := schema.Nearest(baseName(path), names)
		switch {
		case near != "":
			p.Text = fmt.Sprintf("no such file; did you mean --config-dir %s --wan %s?", dir, near)
		case len(names) > 0:
			p.Text = fmt.Sprintf("no such file; %s holds %s: use --config-dir %s --wan %s", dir, strings.Join(names, ", "), dir, names[0])
		default:
			p.Text = "no such file, and no other .yaml in " + dir + "; " + startFrom + ", or name another file with --config FILE"
		}
	}
	return p
}

// startFrom is the advice for who has no configuration yet.
func startFrom(reference string) string {
	if path := Shipped(reference); path != "" {
		return "write one with 'wanctl config init', or copy the reference, " + path + ", there and edit it"
	}
	return "write one with 'wanctl config init'"
}

// The commented references that are shipped, see Shipped.
const (
	wanReference      = "wanctl.yaml"
	steeringReference = "steering.yaml"
)

// Names lists the configurations in dir, without their suffix, as --wan takes
// them; none when dir cannot be read. That of a node is none of them. A .yml counts when it is one and there is
// no .yaml of its name: other programs' files have that suffix, too.
func Names(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if isNode(filepath.Join(dir, e.Name())) {
			continue
		}
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok && isName(name) {
			names = append(names, name)
		}
		if name, ok := strings.CutSuffix(e.Name(), ".yml"); ok && isName(name) && !slices.Contains(names, name) &&
			kindOfFile(filepath.Join(dir, e.Name())) != KindUnknown {
			names = append(names, name)
		}
	}
	return names // ReadDir sorts, .yaml before .yml
}

func isName(s string) bool {
	_, err := schema.ParseScalar(schema.Identifier, s)
	return err == nil
}
