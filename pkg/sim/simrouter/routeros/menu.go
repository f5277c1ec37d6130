package routeros

import (
	"cmp"
	"maps"
	"strconv"
	"strings"
	"time"
)

// kind is the role of a field.
type kind uint8

const (
	setting  kind = iota // part of the configuration, always printed
	optional             // part of the configuration, absent while empty
	secret               // part of the configuration, never printed
	status               // computed or kept by the router; read-only
	flag                 // like status, absent while false or unset
	counter              // counts traffic; reset-counters and a reboot clear it
	argument             // of add only, never stored
)

// field describes one column of a menu.
type field struct {
	name     string
	kind     kind
	typ      valueType
	value    string // of a new row
	required bool   // add fails without it
	bare     bool   // scripts may write the name alone for name=yes
	implied  string // of an optional field: what the row does while it is absent

	// only lists the values of the menu's "kind" for which the field exists.
	only []string
}

// row is one item. All values are in the API representation.
type row struct {
	id      uint32
	values  map[string]string
	dynamic bool          // not configuration: lost on reboot, costs no flash
	expires time.Time     // dynamic rows with a timeout
	timeout time.Duration // as it was given
	origin  *row          // of a dynamic row that the router made from another; it cannot be changed
	queue   *realQueue    // nil unless the row is a queue
	packets uint64        // of a firewall rule: counted and not shown yet
	counted time.Time     // when they last were
}

func (r *row) ref() string { return "*" + strings.ToUpper(strconv.FormatUint(uint64(r.id), 16)) }

func (r *row) clone() *row {
	c := *r
	c.values = maps.Clone(r.values)
	return &c
}

// menu is one menu with its rows.
type menu struct {
	path   string
	fields []field
	rows   []*row

	singleton bool   // one row without an id, such as /system/identity
	fixed     bool   // no add, no remove
	expires   bool   // rows may have a timeout; they are dynamic, but can be changed
	ordered   bool   // the order is significant: move, place-before
	named     string // the field whose value stands for a row in commands; "name"
	nextID    uint32
	issued    uint32 // ids given out, which spaces them irregularly

	// unique names the fields that no two rows may share all of; duplicate is the
	// text of the refusal.
	unique    []string
	duplicate string
	logged    string          // from 7.16, each change is a line of /log about this
	byKey     map[string]*row // rows by those fields; nil until needed and after rows changed

	// shows, when set, restricts the fields that a row is printed with.
	shows func(m *Router, r *row, field string) bool

	// Hooks, all optional. check may refuse a row and normalise it; refresh
	// fills computed fields before a print of the properties named.
	check        func(m *Router, old, now *row) *Error
	beforeRemove func(m *Router, r *row) *Error
	refresh      func(m *Router, r *row, wanted func(string) bool)
	afterChange  func(m *Router) // after rows have changed

	// policies needed beyond read to print and write to change
	readPolicy, writePolicy string
}

func (mn *menu) field(name string) *field {
	for i := range mn.fields {
		if mn.fields[i].name == name {
			return &mn.fields[i]
		}
	}
	return nil
}

// newID gives out ids as RouterOS does: rising hexadecimal, with holes.
func (mn *menu) newID() uint32 {
	id := mn.nextID
	mn.issued++
	mn.nextID += 1 + mn.issued*7%4
	return id
}

// newRow is a row with the defaults of every field, without an id.
func (mn *menu) newRow() *row {
	r := &row{values: make(map[string]string, len(mn.fields))}
	for _, f := range mn.fields {
		if f.kind != argument && f.value != "" {
			r.values[f.name] = f.value
		}
	}
	return r
}

// settable reports whether set, or add, takes the field as an argument.
func (f *field) settable(adding bool) bool {
	switch f.kind {
	case setting, optional, secret:
		return true
	case argument:
		return adding
	case status, flag, counter:
	}
	return false
}

// shows reports whether the field is printed for r.
func (f *field) shows(r *row) bool {
	if f.kind == secret || f.kind == argument {
		return false
	}
	if len(f.only) > 0 {
		found := false
		for _, k := range f.only {
			found = found || r.values["kind"] == k
		}
		if !found {
			return false
		}
	}
	switch v := r.values[f.name]; f.kind {
	case optional:
		_, set := r.values[f.name]
		return v != "" || set && f.bare
	case flag:
		return v != "" && v != "false"
	}
	return true
}

// config returns the configuration in a row: rows with equal config are equal in
// flash.
func (mn *menu) config(r *row) map[string]string {
	c := make(map[string]string, len(mn.fields))
	for _, f := range mn.fields {
		switch f.kind {
		case setting, optional, secret:
			c[f.name] = cmp.Or(r.values[f.name], f.implied)
		case status, flag, counter, argument:
		}
	}
	return c
}

// key returns the values of the unique fields as one.
func (mn *menu) key(r *row) string {
	var key strings.Builder
	for _, name := range mn.unique {
		key.WriteString(r.values[name] + "\x00")
	}
	return key.String()
}

// sameKey returns the row whose unique fields equal those of r, nil without one.
func (mn *menu) sameKey(r *row) *row {
	if mn.byKey == nil {
		mn.byKey = make(map[string]*row, len(mn.rows))
		for _, x := range mn.rows {
			mn.byKey[mn.key(x)] = x
		}
	}
	return mn.byKey[mn.key(r)]
}

// rowName is the field whose value stands for a row in commands.
func (mn *menu) rowName() string { return cmp.Or(mn.named, "name") }

func (mn *menu) find(name string) *row {
	for _, r := range mn.rows {
		if r.values[mn.rowName()] == name {
			return r
		}
	}
	return nil
}

func (mn *menu) index(r *row) int {
	for i := range mn.rows {
		if mn.rows[i] == r {
			return i
		}
	}
	return -1
}
