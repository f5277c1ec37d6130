package routeros

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Command is one request, independent of its protocol.
type Command struct {
	Path string            // "/queue/tree"
	Name string            // "print", "set", ...
	Args map[string]string // without a leading dot or equals sign, except ".id"

	Proplist []string // print: the properties wanted, none means all
	Query    []string // print: query words of the API without the question mark
}

// Result is the answer of a command.
type Result struct {
	Rows   []map[string]string // print
	Single bool                // the menu has one row and no ids
	Ret    string              // the value of add, get, find, execute
	HasRet bool
}

// Arguments that every command may have beside the fields of its menu.
const (
	argID      = ".id"
	argNumbers = "numbers"
)

// Run executes c for a user. The nil user is the router itself and may do
// anything. Errors are *Error.
func (m *Router) Run(u *User, c Command) (Result, error) {
	if c.isScript() {
		res, err := m.runText(u, c)
		if err != nil {
			return Result{}, err
		}
		return res, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	res, err := m.run(u, c)
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// IsMenu reports whether path is a menu.
func (m *Router) IsMenu(path string) bool { return m.menus[path] != nil }

// HasCommand reports whether the menu at path has a command of that name.
func (m *Router) HasCommand(path, name string) bool { return m.IsMenu(path) && m.menus[path].has(name) }

// IsSingle reports whether path is a menu of one row without an id.
func (m *Router) IsSingle(path string) bool { return m.IsMenu(path) && m.menus[path].singleton }

// Unsafe reports whether a command of that name changes something.
func Unsafe(name string) bool {
	return !slices.Contains([]string{"print", "get", "find", "export"}, name)
}

func (m *Router) run(u *User, c Command) (Result, *Error) {
	m.updateRows()
	mn := m.menus[c.Path]
	if mn == nil {
		return Result{}, errNoPath()
	}
	if !mn.has(c.Name) {
		return Result{}, errNoCommand(c.Name)
	}
	need := []string{"read", mn.readPolicy}
	if c.Name == "reboot" {
		need = []string{"reboot"}
	} else if Unsafe(c.Name) {
		need = []string{"write", mn.writePolicy}
		m.writes++
	}
	if !u.may(need...) {
		return Result{}, errDenied()
	}
	res, err := m.carryOut(u, mn, c)
	if err == nil && u != nil && mn.logged != "" && Unsafe(c.Name) && m.version.AtLeast(7, 16) {
		m.logLine("system,info", mn.logged+" changed by "+u.Name)
	}
	return res, err
}

func (m *Router) carryOut(u *User, mn *menu, c Command) (Result, *Error) {
	switch c.Name {
	case "print":
		return m.print(mn, c)
	case "get":
		return m.get(mn, c)
	case "find":
		return m.findIDs(mn, c)
	case "add":
		return m.add(u, mn, c)
	case "move":
		return Result{}, m.move(mn, c)
	case "reboot":
		if m.reboot != nil {
			m.reboot()
		}
		return Result{}, nil
	case "reset-counters-all":
		for _, r := range mn.rows {
			m.clearCounters(mn, r)
		}
		return Result{}, nil
	}
	targets, err := mn.targets(c)
	if err != nil {
		return Result{}, err
	}
	switch c.Name {
	case "set", "comment":
		return Result{}, m.set(mn, targets, c.Args)
	case "enable":
		return Result{}, m.set(mn, targets, map[string]string{"disabled": "false"})
	case "disable":
		return Result{}, m.set(mn, targets, map[string]string{"disabled": "true"})
	case "unset":
		return Result{}, m.unset(mn, targets, c)
	case "remove":
		return Result{}, m.remove(mn, targets)
	case "reset-counters":
		for _, r := range targets {
			m.clearCounters(mn, r)
		}
	}
	return Result{}, nil
}

// has reports whether the menu has that command.
func (mn *menu) has(command string) bool {
	switch command {
	case "print", "get":
		return mn.path != "/system"
	case "reboot":
		return mn.path == "/system"
	case "set":
		return mn.path != "/log" && mn.path != "/system" && mn.path != "/system/resource"
	case "find":
		return !mn.singleton
	case "add", "remove", "unset":
		return !mn.fixed
	case "enable", "disable":
		return mn.field("disabled") != nil
	case "comment":
		return mn.field("comment") != nil
	case "move":
		return mn.ordered
	case "reset-counters", "reset-counters-all":
		return mn.field("bytes") != nil
	case "run":
		return mn.path == "/system/script"
	}
	return false
}

// targets returns the rows that a command names: a list of ids or, where rows
// have names, of names. All must exist.
func (mn *menu) targets(c Command) ([]*row, *Error) {
	if mn.singleton {
		return mn.rows, nil
	}
	ids, given := c.Args[argID]
	if numbers, ok := c.Args[argNumbers]; ok {
		ids, given = numbers, true
	}
	if !given {
		return nil, errMissing(argID)
	}
	var rows []*row
	if ids == "" {
		return nil, nil // an empty [find], which is no error
	}
	for ref := range strings.SplitSeq(ids, ",") {
		r := mn.byRef(ref)
		if r == nil {
			return nil, errNoItem()
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// byRef finds a row by *HEX or by name.
func (mn *menu) byRef(ref string) *row {
	if hex, ok := strings.CutPrefix(ref, "*"); ok {
		id, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			return nil
		}
		for _, r := range mn.rows {
			if r.id == uint32(id) {
				return r
			}
		}
		return nil
	}
	if mn.field(mn.rowName()) == nil {
		return nil
	}
	return mn.find(ref)
}

// assign parses args into values of r.
func (m *Router) assign(mn *menu, r *row, args map[string]string, adding bool) *Error {
	for _, arg := range slices.Sorted(maps.Keys(args)) {
		if arg == argID || arg == argNumbers {
			continue
		}
		f := mn.field(arg)
		if f == nil || !f.settable(adding) {
			return errUnknownParameter(arg)
		}
		if f.kind == argument {
			continue
		}
		if args[arg] == "" && f.kind == optional && (!adding || !f.bare) {
			delete(r.values, arg)
			continue
		}
		v, err := f.typ.parse(m, arg, args[arg])
		if err != nil {
			return err
		}
		r.values[arg] = v
	}
	return nil
}

func (m *Router) add(u *User, mn *menu, c Command) (Result, *Error) {
	r := mn.newRow()
	if err := m.assign(mn, r, c.Args, true); err != nil {
		return Result{}, err
	}
	for _, f := range mn.fields {
		if f.required && r.values[f.name] == "" {
			return Result{}, errMissing(f.name)
		}
	}
	if mn.path == "/system/script" && u != nil {
		r.values["owner"] = u.Name
	}
	at := len(mn.rows)
	if ref, ok := c.Args["place-before"]; ok && mn.ordered {
		before := mn.byRef(ref)
		if before == nil {
			return Result{}, errNoItem()
		}
		at = mn.index(before)
	}
	if mn.path == treePath || mn.path == simplePath {
		r.queue = &realQueue{name: r.values["name"]}
	}
	if err := m.validate(mn, nil, r); err != nil {
		return Result{}, err
	}
	r.id = mn.newID()
	m.startCounters(mn, r)
	mn.rows = slices.Insert(mn.rows, at, r)
	if mn.byKey != nil {
		mn.byKey[mn.key(r)] = r
	}
	m.saved(mn, r)
	return Result{Ret: r.ref(), HasRet: true}, nil
}

// validate checks the row as a whole and against the other rows.
func (m *Router) validate(mn *menu, old, now *row) *Error {
	duplicates := m.quirks.DuplicateQueueNames && (mn.path == treePath || mn.path == simplePath) || m.quirks.DuplicateAddresses && mn.expires
	if mn.unique != nil && !duplicates {
		if r := mn.sameKey(now); r != nil && r != old {
			return errFailure(mn.duplicate)
		}
	}
	if mn.check != nil {
		return mn.check(m, old, now)
	}
	return nil
}

// saved counts the flash sector of a changed row.
func (m *Router) saved(mn *menu, r *row) {
	if !r.dynamic {
		m.sectors++
	}
	if mn.afterChange != nil {
		mn.afterChange(m)
	}
	if strings.HasPrefix(mn.path, ipv4+"/firewall/") {
		m.applyRules()
	}
}

func (m *Router) set(mn *menu, targets []*row, args map[string]string) *Error {
	for _, r := range targets {
		if r.values["dynamic"] == "true" && (r.origin != nil || !mn.expires) {
			return errDynamic()
		}
		now := r.clone()
		if _, given := args["timeout"]; given {
			now.expires = time.Time{} // check sets it
		}
		if err := m.assign(mn, now, args, false); err != nil {
			return err
		}
		if err := m.validate(mn, r, now); err != nil {
			return err
		}
		changed := !maps.Equal(mn.config(r), mn.config(now))
		*r = *now
		mn.byKey = nil
		if changed || m.quirks.EqualWritesFlash {
			m.saved(mn, r)
		}
	}
	return nil
}

func (m *Router) unset(mn *menu, targets []*row, c Command) *Error {
	f := mn.field(c.Args["value-name"])
	if f == nil {
		return errNoMatch("value-name")
	}
	if f.kind != optional {
		return errFailure("value cannot be unset")
	}
	return m.set(mn, targets, map[string]string{f.name: ""})
}

func (m *Router) remove(mn *menu, targets []*row) *Error {
	for _, r := range targets {
		if r.origin != nil {
			return errDynamic()
		}
		if mn.beforeRemove != nil {
			if err := mn.beforeRemove(m, r); err != nil {
				return err
			}
		}
	}
	for _, r := range targets {
		mn.rows = slices.DeleteFunc(mn.rows, func(x *row) bool { return x == r })
		mn.byKey = nil
		m.saved(mn, r)
	}
	return nil
}

// move puts rows before the destination, at the end without one.
func (m *Router) move(mn *menu, c Command) *Error {
	targets, err := mn.targets(c)
	if err != nil {
		return err
	}
	var before *row
	if ref := c.Args["destination"]; ref != "" {
		if before = mn.byRef(ref); before == nil {
			return errNoItem()
		}
	}
	was := slices.Clone(mn.rows)
	for _, r := range targets {
		if r == before {
			continue
		}
		mn.rows = slices.DeleteFunc(mn.rows, func(x *row) bool { return x == r })
		at := len(mn.rows)
		if before != nil {
			at = mn.index(before)
		}
		mn.rows = slices.Insert(mn.rows, at, r)
	}
	if !slices.Equal(was, mn.rows) {
		m.sectors++
	}
	return nil
}
