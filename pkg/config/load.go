// Package config reads and checks the YAML files of wanctl.
//
// A file is taken apart strictly, with line numbers, into cells; flags and
// environment variables are laid over them and defaults under them; the result
// is parsed into a WAN, or a Steering, whose every field is settled; and rules
// look at several fields at once. Everything wrong is reported together.
//
// One table for each kind of file describes its keys (see Key); nothing else
// knows their names.
//
// Order of precedence: flag, environment, file, default. The environment
// overrides single keys: WANCTL_ and the dotted name in upper case with _ for
// the dots, so that WANCTL_ROUTER_HOST is router.host. Entries of a list are
// separated by commas. An empty variable counts as not set. Inside the file,
// ${NAME} in any value is replaced from the environment, and ROUTER_PASSWORD
// stands in for a router.password that nobody wrote, as WANCTL_SSH_PASSPHRASE
// does for a router.ssh_passphrase.
package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// Options is what a configuration depends on beside its file.
type Options struct {
	// LookupEnv reads the environment; nil is an empty one.
	LookupEnv func(string) (string, bool)

	// Overrides holds values from flags by dotted key, written as in a file.
	Overrides map[string]string

	// FileAlone leaves out what the environment overrides, WANCTL_ROUTER_HOST
	// and the like: the file is of another process. ${NAME} is replaced still.
	FileAlone bool

	// WithoutSecrets is for whoever never dials the router: a password or
	// passphrase may be missing, and so may the variable it is to come from.
	WithoutSecrets bool
}

// Load reads the configuration of a WAN from a file. The problems returned
// beside a WAN are warnings; an error is an *Error with all that is wrong.
func Load(path string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := LoadOrigins(path, opts)
	return wan, warnings, err
}

// LoadOrigins is Load that also tells where each value came from.
func LoadOrigins(path string, opts Options) (*WAN, schema.Origins, []Problem, error) {
	return loadFile(wanFile(), path, opts)
}

// Parse is Load for a configuration that is not a file; name stands for one in
// messages and becomes Path. It reads nothing but r.
func Parse(r io.Reader, name string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := parseFile(wanFile(), r, name, opts)
	return wan, warnings, err
}

// fileOf is what the kinds of file differ in.
type fileOf[T any] struct {
	keys      []schema.Bound[T]
	obsolete  []schema.Obsolete
	reference string // the commented example
	own       []string
	foreign   []string // sections of the other kind
	instead   string   // what to do with the other kind; %s is the file
	start     func(path string) *T
	finish    func(rules, *T)
}

func wanFile() fileOf[WAN] {
	return fileOf[WAN]{
		keys: wanKeys(), obsolete: wanObsolete(), reference: wanReference, own: wanSections, foreign: steeringSections,
		instead: "this is a steering configuration, for 'wanctl steer --config %s'; that of a WAN has queues and continuous_monitoring instead",
		start:   func(path string) *WAN { return &WAN{Base: Base{Path: path}} },
		finish:  rules.finishWAN,
	}
}

func loadFile[T any](kind fileOf[T], path string, opts Options) (*T, schema.Origins, []Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, nil, &Error{[]Problem{openProblem(path, kind.reference, err)}}
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, nil, nil, &Error{[]Problem{{File: path,
			Text: "is a directory; use --config-dir " + path + " --wan NAME, or name a file"}}}
	}
	return parseFile(kind, f, path, opts)
}

func parseFile[T any](kind fileOf[T], src io.Reader, name string, opts Options) (*T, schema.Origins, []Problem, error) {
	r := newReader(name, kind.reference, opts)
	t, origins := settle(r, kind, src, opts)
	if problems := byLine(r.problems); len(problems) > 0 {
		return nil, nil, byLine(r.warnings), &Error{problems}
	}
	return t, origins, byLine(r.warnings), nil
}

// reader collects what is wrong with one file.
type reader struct {
	schema.Reader
	file     string
	problems []Problem
	warnings []Problem
}

func newReader(file, reference string, opts Options) *reader {
	r := &reader{file: file}
	r.Problem = func(line int, key, text string) { r.problems = append(r.problems, Problem{file, line, key, text}) }
	r.Warning = func(line int, key, text string) { r.warnings = append(r.warnings, Problem{file, line, key, text}) }
	r.Reference, r.WithoutSecrets = reference, opts.WithoutSecrets
	r.Lookup = opts.LookupEnv
	if r.Lookup == nil {
		r.Lookup = func(string) (string, bool) { return "", false }
	}
	return r
}

// byLine sorts problems by line, those of no line last.
func byLine(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(min(1, b.Line), min(1, a.Line)), cmp.Compare(a.Line, b.Line))
	})
	return problems
}

// settle reads a file and settles every value. What it returns is of no use when there are problems.
func settle[T any](r *reader, kind fileOf[T], src io.Reader, opts Options) (*T, schema.Origins) {
	root, ok := r.Document(src)
	if !ok {
		return nil, nil
	}
	if key, line, found := root.Line(kind.foreign...); found {
		if _, _, both := root.Line(kind.own...); !both {
			r.Problem(line, key, fmt.Sprintf(kind.instead, r.file))
			return nil, nil
		}
	}
	keys := schema.Keys(kind.keys)
	for name := range opts.Overrides {
		if !slices.ContainsFunc(keys, func(k schema.Key) bool { return k.Name == name }) {
			r.Problem(0, name, "unknown key in an override"+schema.Hint(keys, name))
		}
	}
	cells := r.layer(keys, r.Collect(root, "", keys, kind.obsolete), opts)
	r.fillSecrets(cells)

	t := kind.start(r.file)
	v := rules{schema.Bind(&r.Reader, "", kind.keys, cells, t)}
	kind.finish(v, t)
	return t, v.Origins()
}
