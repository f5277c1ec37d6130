package routeros

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// scriptHost is the router as scripts see it. It locks the router for one
// command at a time.
type scriptHost struct {
	m         *Router
	u         *User // nil is the router itself
	depth     int   // of scripts that run scripts
	uncounted bool  // changes count neither as writes nor as flash sectors
	boot      BootState
	printed   strings.Builder // by imported files
}

var _ rsc.Host = (*scriptHost)(nil)

func (h *scriptHost) AtLeast(major, minor int) bool { return h.m.version.AtLeast(major, minor) }

// HasMenu reports whether path is a menu or leads to one.
func (h *scriptHost) HasMenu(path string) bool {
	if path == "/" || h.m.menus[path] != nil {
		return true
	}
	for p := range h.m.menus {
		if strings.HasPrefix(p, path+"/") {
			return true
		}
	}
	return false
}

// logCommands write to /log.
var logCommands = []string{"debug", "info", "warning", "error"}

// Command describes a command of a menu. Printing is for people at a terminal,
// which the simulator does not have.
func (h *scriptHost) Command(path, name string) (rsc.Signature, bool) {
	mn := h.m.menus[path]
	if path == "/" && name == "import" {
		return rsc.Signature{Unnamed: []string{"file-name"}}, true
	}
	if name == "export" && h.HasMenu(path) {
		return rsc.Signature{
			Has:  func(arg string) bool { return arg == "file" },
			Flag: func(word string) bool { return slices.Contains([]string{"compact", "hide-sensitive", "terse"}, word) },
		}, true
	}
	if path == "/log" && slices.Contains(logCommands, name) {
		return rsc.Signature{Unnamed: []string{"message"}}, true
	}
	if mn == nil || name == "print" || !mn.has(name) {
		return rsc.Signature{}, false
	}
	numbers := []string{argNumbers}
	if mn.singleton {
		numbers = nil
	}
	switch name {
	case "add", "set":
		if name == "add" {
			numbers = nil
		}
		return rsc.Signature{
			Unnamed: numbers,
			Has: func(arg string) bool {
				f := mn.field(arg)
				return f != nil && f.settable(name == "add")
			},
			Flag: func(word string) bool {
				f := mn.field(word)
				return f != nil && f.bare
			},
		}, true
	case "get", "unset":
		return rsc.Signature{Unnamed: append(numbers, "value-name")}, true
	case "comment":
		return rsc.Signature{Unnamed: append(numbers, "comment")}, true
	case "move":
		return rsc.Signature{Unnamed: append(numbers, "destination")}, true
	case "run":
		return rsc.Signature{Unnamed: []string{"number"}, Has: func(arg string) bool {
			return arg == "use-script-permissions" && h.m.version.AtLeast(7, 15)
		}}, true
	case "remove", "enable", "disable", "reset-counters":
		return rsc.Signature{Unnamed: numbers}, true
	}
	return rsc.Signature{}, true
}

// Run carries out a command of a script.
func (h *scriptHost) Run(c rsc.Call) (rsc.Value, error) {
	if h.boot != Ready && Unsafe(c.Name) {
		return h.changeNothing(c)
	}
	if h.boot == WrongMenu {
		c.Path, c.Match = "/system/resource", nil
	}
	switch {
	case c.Name == "find":
		return h.find(c)
	case c.Name == "get":
		return h.get(c)
	case c.Path == "/" && c.Name == "import":
		return h.importFile(c)
	case c.Name == "export":
		return h.exportTo(c)
	case c.Path == "/log":
		h.m.Log("script,"+c.Name, c.Args["message"].Text())
		return rsc.Value{}, nil
	}
	res, err := h.change(Command{Path: c.Path, Name: c.Name, Args: h.arguments(c)})
	switch {
	case err != nil:
		return rsc.Value{}, failure(err, c)
	case res.HasRet:
		return rsc.Scalar(rsc.ID, res.Ret), nil
	}
	return rsc.Value{}, nil
}

// changeNothing refuses to change rows that are not there yet.
func (h *scriptHost) changeNothing(c rsc.Call) (rsc.Value, error) {
	if c.Name == "add" || h.arguments(c)[argNumbers] == "" {
		return rsc.Value{}, nil
	}
	return rsc.Value{}, failure(errNoItem(), c)
}

// change runs a command that changes something.
func (h *scriptHost) change(c Command) (Result, *Error) {
	if c.Name == "run" {
		return Result{}, h.m.runScript(h, c)
	}
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.uncounted {
		sectors, writes := m.sectors, m.writes
		defer func() { m.sectors, m.writes = sectors, writes }()
	}
	return m.run(h.u, c)
}

// arguments returns the arguments of c as the router takes them.
func (h *scriptHost) arguments(c rsc.Call) map[string]string {
	args := make(map[string]string, len(c.Args))
	for name, v := range c.Args {
		args[name] = v.Argument()
	}
	for _, name := range []string{argNumbers, "destination", "place-before", "number"} {
		if refs, ok := args[name]; ok {
			args[name] = h.ordinals(c.Path, refs)
		}
	}
	return args
}

// ordinals replaces the numbers of rows, counted from 0, by ids.
func (h *scriptHost) ordinals(path, refs string) string {
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	mn := m.menus[path]
	parts := strings.Split(refs, ",")
	for i, ref := range parts {
		n, err := strconv.ParseUint(ref, 10, 16)
		if err == nil && int(n) < len(mn.rows) && mn.byRef(ref) == nil {
			parts[i] = mn.rows[n].ref()
		}
	}
	return strings.Join(parts, ",")
}

// failure words a refusal as the command line does, which has other names for
// some arguments than the API.
func failure(err *Error, c rsc.Call) error {
	text := err.Text
	if arg, ok := strings.CutPrefix(text, "missing ="); ok {
		arg = strings.TrimSuffix(arg, "=")
		if arg == argID {
			arg = argNumbers
		}
		return &rsc.Failure{Text: "missing value(s) of argument(s) " + arg}
	}
	f := &rsc.Failure{Text: text, Placed: err.Category == ScriptFailure}
	for _, arg := range slices.Sorted(maps.Keys(c.Args)) {
		for _, about := range []string{"argument ", "value of "} {
			if strings.Contains(text+" ", about+arg+" ") {
				f.Arg = arg
			}
		}
	}
	return f
}

// rows returns the rows that refs names, or all.
func (h *scriptHost) rows(path, refs string, all bool) ([]*row, *Error) {
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.updateRows()
	mn := m.menus[path]
	if !h.u.may("read", mn.readPolicy) {
		return nil, errDenied()
	}
	switch {
	case h.boot == NoRows && !mn.singleton:
		return nil, nil
	case all:
		return slices.Clone(mn.rows), nil
	}
	return mn.targets(Command{Args: map[string]string{argNumbers: refs}})
}

// find returns the ids of the rows that match. Conditions are evaluated
// without the lock: they may contain commands.
func (h *scriptHost) find(c rsc.Call) (rsc.Value, error) {
	rows, err := h.rows(c.Path, "", true)
	if err != nil {
		return rsc.Value{}, failure(err, c)
	}
	var ids []rsc.Item
	for _, r := range rows {
		row := scriptRow{h.m, h.m.menus[c.Path], r}
		if c.Match != nil {
			ok, err := c.Match(row)
			if err != nil {
				return rsc.Value{}, err
			}
			if !ok {
				continue
			}
		}
		ids = append(ids, rsc.Item{Value: row.Get(argID)})
	}
	return rsc.ListOf(ids...), nil
}

// get returns one property of one row, or all of them.
func (h *scriptHost) get(c rsc.Call) (rsc.Value, error) {
	mn := h.m.menus[c.Path]
	refs, given := h.arguments(c)[argNumbers]
	if !given && !mn.singleton {
		return rsc.Value{}, failure(errMissing(argID), c)
	}
	rows, err := h.rows(c.Path, refs, mn.singleton)
	if err != nil {
		return rsc.Value{}, failure(err, c)
	}
	if len(rows) != 1 {
		return rsc.Value{}, failure(errNoItem(), c)
	}
	r := scriptRow{h.m, mn, rows[0]}
	if _, one := c.Args["value-name"]; !one {
		return r.all(), nil
	}
	name := c.Args["value-name"].Text()
	if f := mn.field(name); name != argID && (f == nil || f.kind == secret || f.kind == argument) {
		return rsc.Value{}, failure(errNoMatch("value-name"), c)
	}
	return r.Get(name), nil
}

// scriptRow is a row as scripts see it: with numbers, times and truth values.
type scriptRow struct {
	m    *Router
	menu *menu
	row  *row
}

var _ rsc.Row = scriptRow{}

// Get computes only the property asked for: counters can be expensive.
func (r scriptRow) Get(name string) rsc.Value {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if name == argID {
		return rsc.Scalar(rsc.ID, r.row.ref())
	}
	f := r.menu.field(name)
	if f == nil {
		return rsc.Scalar(rsc.Nil, "")
	}
	if f.kind != setting && r.menu.refresh != nil {
		r.menu.refresh(r.m, r.row, func(p string) bool { return p == name })
	}
	if !r.m.shows(r.menu, f, r.row) {
		return rsc.Scalar(rsc.Nil, "")
	}
	return f.typ.Script(r.row.values[name])
}

// Parse reads text as a value of a property.
func (r scriptRow) Parse(name, text string) rsc.Value {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if f := r.menu.field(name); f != nil {
		if v, err := f.typ.parse(r.m, name, text); err == nil {
			return f.typ.Script(v)
		}
	}
	return rsc.Scalar(rsc.Str, text)
}

func (r scriptRow) all() rsc.Value {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	var items []rsc.Item
	for name, v := range r.m.show(r.menu, r.row, nil) {
		value := rsc.Scalar(rsc.ID, v)
		if name != argID {
			value = r.menu.field(name).typ.Script(v)
		}
		items = append(items, rsc.Item{Key: name, Value: value})
	}
	return rsc.ListOf(items...)
}
