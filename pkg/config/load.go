// Package config reads and checks the YAML files of wanctl: one for each WAN, and one
// for steering.
//
// The tags of WAN, Steering and the structs in them declare every key once (see
// package schema). Loading a file splits it into raw values with line numbers, merges
// flags, environment and defaults, parses the result into the struct, and applies the
// rules that compare several keys. Everything wrong is reported together.
//
// Order of precedence: flag, environment, file, default. The environment
// overrides single keys: WANCTL_ and the dotted name in upper case with _ for
// the dots, so that WANCTL_ROUTER_HOST is router.host. Entries of a list are
// separated by commas. An empty variable counts as not set. Inside the file,
// ${NAME} in any value is replaced from the environment. ROUTER_PASSWORD replaces a
// missing router.password or password_file, and WANCTL_SSH_PASSPHRASE a missing router.ssh_passphrase.
//
// The package never dials and prints nothing. Only Create, EditFile, MakeDir, SetSecret and WritePassword write.
package config

import (
	"io"
	"slices"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// Problem is one thing wrong, or doubtful, in one place of a file.
type Problem = schema.Problem

// Error carries every problem of a configuration at once.
type Error = schema.Error

// ErrorAt returns the error of one problem that only showed when the file was
// used.
func ErrorAt(file, key, text string) error {
	return &Error{Problems: []Problem{{File: file, Key: key, Text: text}}}
}

// Options is what a configuration depends on beside its file.
type Options struct {
	// LookupEnv reads the environment; nil is an empty one.
	LookupEnv func(string) (string, bool)

	// Secrets is the file that advice about a missing variable names; "" is SecretsFile.
	Secrets string

	// Overrides holds values from flags by dotted key, written as in a file.
	Overrides map[string]string

	// FileAlone ignores variables that override keys, such as WANCTL_ROUTER_HOST,
	// because the file is that of another process. ${NAME} is still replaced.
	FileAlone bool

	// WithoutSecrets is for callers that never dial the router: a password or
	// passphrase may be missing, and so may the variable that would hold it.
	WithoutSecrets bool
}

func (o Options) lookup(name string) (string, bool) {
	if o.LookupEnv == nil {
		return "", false
	}
	return o.LookupEnv(name)
}

// Load reads the configuration of a WAN from a file. The problems returned
// beside a WAN are warnings; an error is an *Error with all that is wrong.
func Load(path string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := LoadOrigins(path, opts)
	return wan, warnings, err
}

// LoadOrigins is Load that also returns where each value came from.
func LoadOrigins(path string, opts Options) (*WAN, schema.Origins, []Problem, error) {
	return loadFile(wanFile(), path, opts)
}

// Parse is Load for a configuration that is not a file; name replaces the path in
// messages and becomes Path. It reads r and the files of passwords that this names.
func Parse(r io.Reader, name string, opts Options) (*WAN, []Problem, error) {
	wan, _, warnings, err := parseFile(wanFile(), r, name, opts)
	return wan, warnings, err
}

// fileType is what the types of file differ in.
type fileType[T any] struct {
	fields    []schema.Field
	reference string   // the commented example
	own       []string // sections that only this type has
	foreign   []string // sections that only the other type has
	instead   string   // what to do with a file of the other type, %s
	base      func(*T) *Base
	finish    func(rules, *T)
}

func wanFile() fileType[WAN] {
	return fileType[WAN]{
		fields: schema.Fields[WAN](), reference: wanReference, own: wanSections, foreign: steeringSections,
		instead: "this is a steering configuration, for 'wanctl steer --config %s'; that of a WAN has queues and continuous_monitoring instead",
		base:    func(w *WAN) *Base { return &w.Base },
		finish:  rules.finishWAN,
	}
}

func loadFile[T any](of fileType[T], path string, opts Options) (*T, schema.Origins, []Problem, error) {
	f, err := regfile.Open(path)
	if err != nil {
		return nil, nil, nil, &Error{Problems: []Problem{openProblem(path, of.reference, err)}}
	}
	defer func() { _ = f.Close() }() // only read
	return parseFile(of, f, path, opts)
}

func parseFile[T any](of fileType[T], src io.Reader, name string, opts Options) (*T, schema.Origins, []Problem, error) {
	r := &schema.Reader{File: name, StartFrom: startFrom(of.reference), UnsetAdvice: opts.unsetAdvice,
		Lookup: opts.LookupEnv, WithoutSecrets: opts.WithoutSecrets}
	t, origins := decode(r, of, src, opts)
	if err := r.Err(); err != nil {
		return nil, nil, r.Warnings(), err
	}
	return t, origins, r.Warnings(), nil
}

// decode reports to r all that is wrong; what it returns is of no use then.
func decode[T any](r *schema.Reader, of fileType[T], src io.Reader, opts Options) (*T, schema.Origins) {
	root, ok := r.Document(src)
	if !ok {
		return nil, nil
	}
	if key, line, found := root.Line(of.foreign...); found {
		if _, _, both := root.Line(of.own...); !both {
			r.Errorf(line, key, of.instead, r.File)
			return nil, nil
		}
	}
	for name := range opts.Overrides {
		if !slices.ContainsFunc(of.fields, func(k schema.Field) bool { return k.Name == name }) {
			r.Errorf(0, name, "unknown key in an override%s", schema.Hint(schema.Keys(of.fields), name))
		}
	}
	t := new(T)
	of.base(t).Path = r.File
	v := rules{schema.Bind(r, "", of.fields, merge(r, of.fields, r.Collect(root, "", of.fields), opts), t)}
	of.finish(v, t)
	return t, v.Origins()
}
