// Package config reads and checks the YAML files of wanctl.
//
// A file is taken apart strictly, with line numbers, into cells; flags and
// environment variables are laid over them and defaults under them; the result
// is parsed into a WAN whose every field is settled; and rules look at several
// fields at once. Everything wrong is reported together.
//
// One table describes the keys (see Key); nothing else knows their names.
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
}

// Load reads the configuration of a WAN from a file. The problems returned
// beside a WAN are warnings; an error is an *Error with all that is wrong.
func Load(path string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := LoadOrigins(path, opts)
	return wan, warnings, err
}

// LoadOrigins is Load that also tells where each value came from.
func LoadOrigins(path string, opts Options) (*WAN, schema.Origins, []Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, nil, &Error{[]Problem{openProblem(path, err)}}
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, nil, nil, &Error{[]Problem{{File: path,
			Text: "is a directory; use --config-dir " + path + " --wan NAME, or name a file"}}}
	}
	return parse(f, path, opts)
}

// Parse is Load for a configuration that is not a file; name stands for one in
// messages and becomes Path. It reads nothing but r.
func Parse(r io.Reader, name string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := parse(r, name, opts)
	return wan, warnings, err
}

func parse(src io.Reader, name string, opts Options) (*WAN, schema.Origins, []Problem, error) {
	r := newReader(name, opts)
	wan, origins := r.wan(src, opts.Overrides)
	if problems := byLine(r.problems); len(problems) > 0 {
		return nil, nil, byLine(r.warnings), &Error{problems}
	}
	return wan, origins, byLine(r.warnings), nil
}

// reader collects what is wrong with one file.
type reader struct {
	schema.Reader
	file     string
	problems []Problem
	warnings []Problem
}

func newReader(file string, opts Options) *reader {
	r := &reader{file: file}
	r.Problem = func(line int, key, text string) { r.problems = append(r.problems, Problem{file, line, key, text}) }
	r.Warning = func(line int, key, text string) { r.warnings = append(r.warnings, Problem{file, line, key, text}) }
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

// wan reads a WAN. It is of no use when there are problems.
func (r *reader) wan(src io.Reader, overrides map[string]string) (*WAN, schema.Origins) {
	root, ok := r.Document(src)
	if !ok {
		return nil, nil
	}
	if key, line, found := root.Line("topology", "mangle_rule", "cake_state_sources"); found {
		r.Problem(line, key, "this is a steering configuration; that of a WAN has queues and continuous_monitoring instead")
		return nil, nil
	}
	table := wanKeys()
	keys := schema.Keys(table)
	for name := range overrides {
		if !slices.ContainsFunc(keys, func(k schema.Key) bool { return k.Name == name }) {
			r.Problem(0, name, "unknown key in an override"+schema.Hint(keys, name))
		}
	}
	cells := r.layer(keys, r.Collect(root, "", keys, wanObsolete()), overrides)
	r.fillSecrets(cells)

	wan := &WAN{Base: Base{Path: r.file}}
	v := rules{schema.Bind(&r.Reader, "", table, cells, wan)}
	v.finishWAN(wan)
	return wan, v.Origins()
}
