package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Path returns the file of the WAN name in dir: NAME.yaml, or NAME.yml where only that
// exists; where neither does, that of the set which dir follows, see Followed. A name that
// is not an identifier is an error, so that no name leads out of dir; whether the file
// exists is left to Load.
func Path(dir, name string) (string, error) {
	if _, err := schema.ParseScalar(schema.Identifier, name); err != nil {
		return "", fmt.Errorf("WAN %q %w", name, err)
	}
	path := filepath.Join(dir, name+".yaml")
	if exists(path) {
		return path, nil
	}
	for _, in := range []string{dir, Followed(dir)} {
		for _, suffix := range []string{".yaml", ".yml"} {
			if other := filepath.Join(in, name+suffix); in != "" && name != nodeName && exists(other) {
				return other, nil
			}
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
	return slices.DeleteFunc(Paths(dir), func(path string) bool { return !mayBeWAN(path) && DetectKind(path) != KindSteering })
}

// baseName is the name of a file without its suffix.
func baseName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// denied is the advice for a user who may not read the configuration, which has mode 0750.
const denied = "permission denied; use sudo, or run as the user of the service"

// CheckDir returns an *Error when the user may not list dir: it is then not reported as
// empty.
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

// Names lists the configurations in dir, without their suffix, as --wan takes them.
func Names(dir string) []string {
	var names []string
	for _, path := range Paths(dir) {
		names = append(names, baseName(path))
	}
	return names
}

// Paths lists the files in dir that may be configurations, and those of the set that it
// follows for which it has none of that name, in the order of their names; none when dir
// cannot be read. The file of a node is left out. A .yml counts if it is a configuration and
// there is no .yaml of its name: other programs use that suffix, too.
func Paths(dir string) []string {
	found := map[string]string{}
	for _, in := range []string{dir, Followed(dir)} {
		if in == "" {
			continue
		}
		entries, err := os.ReadDir(in)
		if err != nil {
			continue
		}
		for _, e := range entries { // ReadDir sorts, .yaml before .yml
			path := filepath.Join(in, e.Name())
			name, yaml := strings.CutSuffix(e.Name(), ".yaml")
			name, yml := strings.CutSuffix(name, ".yml")
			switch {
			case !yaml && !yml, !isName(name), found[name] != "", isNode(path):
			case yaml, kindOfFile(path) != KindUnknown:
				found[name] = path
			}
		}
	}
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		paths = append(paths, found[name])
	}
	return paths
}

func isName(s string) bool {
	_, err := schema.ParseScalar(schema.Identifier, s)
	return err == nil
}
