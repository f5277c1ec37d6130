package console

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/eval"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// CLIQuirks are points of the command line where RouterOS's behaviour is not
// known or varies.
type CLIQuirks struct {
	// JSON is how :serialize types values.
	JSON value.JSONTypes
	// OtherErrors: errors of commands end in their place, as in
	// "no such item (/queue/tree/get; line 1)", below 7.16 and not from then on.
	OtherErrors bool
	// StatsNeedAsking: print as-value has counters only with "stats".
	StatsNeedAsking bool
}

// scriptHost is the machine as scripts see it. It locks the machine for one
// command at a time.
type scriptHost struct {
	m         *Machine
	u         *User // nil is the machine itself
	depth     int   // of scripts that run scripts
	width     int   // where detailed printing wraps; 0 never
	uncounted bool  // what is written does not count as written

	pretend Pretence
	gone    <-chan struct{} // closed when the session ends; nil: nobody can interrupt
}

var _ eval.Host = (*scriptHost)(nil)

var errInterrupted = errors.New("interrupted")

func (h *scriptHost) HasMenu(path string) bool { return h.m.isPrefix(path) }

func (h *scriptHost) AtLeast(major, minor int) bool { return h.m.version.AtLeast(major, minor) }

func (h *scriptHost) Log(topics, message string) { h.m.Log(topics, message) }

func (h *scriptHost) Wait(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-h.gone:
		return errInterrupted
	}
}

// isPrefix reports whether path is a menu or leads to one.
func (m *Machine) isPrefix(path string) bool {
	if path == "/" || m.menus[path] != nil {
		return true
	}
	for p := range m.menus {
		if strings.HasPrefix(p, path+"/") {
			return true
		}
	}
	return false
}

// logCommands write to /log.
var logCommands = []string{"debug", "info", "warning", "error"}

var printFlags = []string{
	"as-value", "brief", "count-only", "detail", "show-ids", "stats", "terse", "without-paging",
}

// Command describes a command of a menu to scripts.
func (h *scriptHost) Command(path, name string) (eval.Signature, bool) {
	mn := h.m.menus[path]
	if path == "/log" && slices.Contains(logCommands, name) {
		return signature([]string{"message"}, nil), true
	}
	if mn == nil || !mn.has(name) {
		return eval.Signature{}, false
	}
	settable := func(adding bool) func(string) bool {
		return func(arg string) bool {
			f := mn.field(arg)
			return f != nil && f.parse != nil && (adding || f.kind != argument)
		}
	}
	numbers := []string{argNumbers}
	if mn.singleton {
		numbers = nil
	}
	switch name {
	case "print":
		s := signature(nil, func(arg string) bool {
			return arg == "from" || arg == "proplist" && h.m.version.Major >= 7
		})
		s.Flag = func(word string) bool { return slices.Contains(printFlags, word) }
		return s, true
	case "get", "unset":
		return signature(append(slices.Clip(numbers), "value-name"), nil), true
	case "set", "add":
		if name == "add" {
			numbers = nil
		}
		s := signature(numbers, settable(name == "add"))
		s.Flag = func(word string) bool {
			f := mn.field(word)
			return f != nil && f.bare
		}
		return s, true
	case "comment":
		return signature(append(numbers, "comment"), nil), true
	case "move":
		return signature(append(numbers, "destination"), nil), true
	case "run":
		return signature([]string{"number"}, func(arg string) bool {
			return arg == "use-script-permissions" && h.m.version.AtLeast(7, 15)
		}), true
	case "remove", "enable", "disable", "reset-counters":
		return signature(numbers, nil), true
	}
	return signature(nil, nil), true
}

func signature(unnamed []string, has func(string) bool) eval.Signature {
	if has == nil {
		has = func(string) bool { return false }
	}
	return eval.Signature{Unnamed: unnamed, Has: has}
}

// Run carries out a command of a script.
func (h *scriptHost) Run(c eval.Call) (value.Value, error) {
	select {
	case <-h.gone:
		return value.Value{}, errInterrupted
	default:
	}
	switch h.pretend {
	case NoRows:
		if Unsafe(c.Name) {
			return h.changeNothing(c)
		}
	case WrongMenu:
		if Unsafe(c.Name) {
			return h.changeNothing(c)
		}
		c.Path, c.Match = "/system/resource", nil
		delete(c.Args, "proplist")
	case Truth:
	}
	switch c.Name {
	case "find":
		return h.find(c)
	case "get":
		return h.get(c)
	case "print":
		return h.print(c)
	case "run":
		call := Command{Path: c.Path, Name: c.Name, Args: h.arguments(c)}
		if err := h.m.runScript(h, call); err != nil {
			return value.Value{}, failure(err, c)
		}
		return value.Value{}, nil
	}
	if c.Path == "/log" && slices.Contains(logCommands, c.Name) {
		h.m.Log("script,"+c.Name, c.Args["message"].Text())
		return value.Value{}, nil
	}
	res, err := h.change(c)
	if err != nil {
		return value.Value{}, failure(err, c)
	}
	if res.HasRet {
		return value.OfID(res.Ret), nil
	}
	return value.Value{}, nil
}

// changeNothing refuses to change what does not exist.
func (h *scriptHost) changeNothing(c eval.Call) (value.Value, error) {
	if c.Name == "add" || h.arguments(c)[argNumbers] == "" {
		return value.Value{}, nil
	}
	return value.Value{}, failure(errNoItem(), c)
}

// change runs a command that changes something.
func (h *scriptHost) change(c eval.Call) (Result, *Error) {
	m := h.m
	call := Command{Path: c.Path, Name: c.Name, Args: h.arguments(c)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if h.uncounted {
		sectors, writes := m.sectors, m.writes
		defer func() { m.sectors, m.writes = sectors, writes }()
	}
	return m.run(h.u, call)
}

// arguments are the arguments of c in the terms of the machine.
func (h *scriptHost) arguments(c eval.Call) map[string]string {
	args := make(map[string]string, len(c.Args))
	for name, v := range c.Args {
		args[name] = v.Argument()
	}
	for _, name := range c.Unset {
		args[name] = ""
	}
	for _, name := range c.Flags {
		args[name] = "yes"
	}
	for _, name := range []string{argNumbers, "destination", "place-before", "number"} {
		if refs, ok := args[name]; ok {
			args[name] = h.ordinals(c.Path, refs)
		}
	}
	return args
}

// ordinals replaces the numbers that print shows by ids.
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

// failure words an error of the machine as the console does, which knows
// arguments by other names than the API.
func failure(err *Error, c eval.Call) error {
	text := err.Text
	if arg, ok := strings.CutPrefix(text, "missing ="); ok {
		arg = strings.TrimSuffix(arg, "=")
		if arg == argID {
			arg = argNumbers
		}
		return &eval.Failure{Text: "missing value(s) of argument(s) " + arg}
	}
	f := &eval.Failure{Text: text, Placed: err.Category == ScriptFailure}
	for _, arg := range slices.Sorted(maps.Keys(c.Args)) {
		for _, about := range []string{"argument ", "value of "} {
			if strings.Contains(text+" ", about+arg+" ") {
				f.Arg = arg
			}
		}
	}
	return f
}

// rows returns the rows of a menu that a call is about.
func (h *scriptHost) rows(c eval.Call, refs string, chosen bool) ([]*row, error) {
	rows, err := h.allRows(c.Path, refs, chosen)
	if err != nil {
		return nil, failure(err, c)
	}
	if c.Match == nil {
		return rows, nil
	}
	// Conditions run without the lock: they may contain commands.
	var kept []*row
	for _, r := range rows {
		ok, err := c.Match(func(name string) value.Value { return h.property(c.Path, r, name) })
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

func (h *scriptHost) allRows(path, refs string, chosen bool) ([]*row, *Error) {
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	mn := m.menus[path]
	if !h.u.may("read", mn.readPolicy) {
		return nil, errDenied()
	}
	switch {
	case h.pretend == NoRows && !mn.singleton:
		return nil, nil
	case !chosen:
		return slices.Clone(mn.rows), nil
	}
	return mn.targets(Command{Args: map[string]string{argNumbers: refs}})
}

// property is a property of a row, for conditions. Only what is asked for is
// computed: counters can be expensive.
func (h *scriptHost) property(path string, r *row, name string) value.Value {
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if name == argID {
		return value.OfID(r.ref())
	}
	mn := m.menus[path]
	f := mn.field(name)
	if f == nil {
		return value.NilValue()
	}
	if f.kind != setting && mn.refresh != nil {
		mn.refresh(m, r, func(p string) bool { return p == name })
	}
	if !f.shows(r) {
		return value.NilValue()
	}
	return typed(name, r.values[name])
}

func (h *scriptHost) find(c eval.Call) (value.Value, error) {
	rows, err := h.rows(c, "", false)
	if err != nil {
		return value.Value{}, err
	}
	ids := make([]value.Value, len(rows))
	for i, r := range rows {
		ids[i] = value.OfID(r.ref())
	}
	return value.OfList(ids...), nil
}

// get is one property of one row, or all of them.
func (h *scriptHost) get(c eval.Call) (value.Value, error) {
	mn := h.m.menus[c.Path]
	refs, given := h.arguments(c)[argNumbers]
	if !given && !mn.singleton {
		return value.Value{}, failure(errMissing(argID), c)
	}
	rows, err := h.rows(c, refs, !mn.singleton)
	if err != nil {
		return value.Value{}, err
	}
	if len(rows) != 1 {
		return value.Value{}, failure(errNoItem(), c)
	}
	if _, one := c.Args["value-name"]; !one {
		return typedRow(h.shown(c.Path, rows[0], nil)), nil
	}
	name := c.Args["value-name"].Text()
	if f := mn.field(name); name != argID && (f == nil || f.kind == secret || f.kind == argument) {
		return value.Value{}, failure(errNoMatch("value-name"), c)
	}
	return h.property(c.Path, rows[0], name), nil
}

// shown is what a row shows of the properties wanted; nil wants all.
func (h *scriptHost) shown(path string, r *row, wanted func(string) bool) map[string]string {
	m := h.m
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.show(m.menus[path], r, wanted)
}

// print is print in all its forms.
func (h *scriptHost) print(c eval.Call) (value.Value, error) {
	mn := h.m.menus[c.Path]
	_, chosen := c.Args["from"]
	rows, err := h.rows(c, h.ordinals(c.Path, c.Args["from"].Argument()), chosen)
	if err != nil {
		return value.Value{}, err
	}
	if slices.Contains(c.Flags, "count-only") {
		if !c.Captured {
			fmt.Fprintf(c.Out, "%d\r\n", len(rows))
		}
		return value.OfNum(int64(len(rows))), nil
	}
	p := listing{h: h, mn: mn, flags: c.Flags, width: h.width}
	if list := c.Args["proplist"].Argument(); list != "" {
		p.proplist = strings.Split(list, ",")
	}
	for _, name := range p.proplist {
		if name != argID && mn.field(name) == nil {
			return value.Value{}, failure(errNoMatch("proplist"), c)
		}
	}
	if p.has("as-value") {
		return p.values(rows), nil
	}
	_, err = c.Out.Write([]byte(p.text(rows)))
	return value.Value{}, err
}
