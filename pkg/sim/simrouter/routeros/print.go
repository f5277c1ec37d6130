package routeros

import (
	"slices"
	"strconv"
	"strings"
)

// print returns rows in the router's order.
func (m *Router) print(mn *menu, c Command) (Result, *Error) {
	for arg := range c.Args {
		switch arg {
		case argID, argNumbers, "detail", "stats", "without-paging", "count-only":
		default:
			return Result{}, errUnknownParameter(arg)
		}
	}
	rows := mn.rows
	_, id := c.Args[argID]
	_, numbers := c.Args[argNumbers]
	if id || numbers {
		var err *Error
		if rows, err = mn.targets(c); err != nil {
			return Result{}, err
		}
	}
	// Only properties that are printed or compared are refreshed: asking a backend
	// for the counters of every queue is expensive.
	wanted := func(p string) bool {
		return len(c.Proplist) == 0 || slices.Contains(c.Proplist, p) ||
			slices.ContainsFunc(c.Query, func(w string) bool { return strings.Contains(w, p) })
	}
	res := Result{Single: mn.singleton, Rows: []map[string]string{}}
	for _, r := range rows {
		if !m.staticMatch(mn, r, c.Query) {
			continue
		}
		shown := m.show(mn, r, wanted)
		ok, err := matches(shown, c.Query)
		if err != nil {
			return Result{}, err
		}
		if ok {
			res.Rows = append(res.Rows, project(shown, c.Proplist))
		}
	}
	if _, count := c.Args["count-only"]; count {
		return Result{Ret: strconv.Itoa(len(res.Rows)), HasRet: true}, nil
	}
	return res, nil
}

// staticMatch reports whether r can match by its configuration, so that counters
// of other queues are not fetched for nothing.
func (m *Router) staticMatch(mn *menu, r *row, query []string) bool {
	if mn.refresh == nil {
		return true
	}
	for _, w := range query {
		if strings.HasPrefix(w, "#") {
			continue
		}
		name, _, equal := strings.Cut(strings.TrimPrefix(w, "="), "=")
		f := mn.field(name)
		if !equal || f == nil || f.kind != setting {
			return true
		}
	}
	ok, err := matches(r.values, query)
	return ok || err != nil
}

// show returns the printed values of a row.
func (m *Router) show(mn *menu, r *row, wanted func(string) bool) map[string]string {
	if mn.refresh != nil {
		if wanted == nil {
			wanted = func(string) bool { return true }
		}
		mn.refresh(m, r, wanted)
	}
	shown := make(map[string]string, len(mn.fields)+1)
	if !mn.singleton {
		shown[argID] = r.ref()
	}
	for i := range mn.fields {
		if f := &mn.fields[i]; m.shows(mn, f, r) {
			shown[f.name] = r.values[f.name]
		}
	}
	return shown
}

// shows reports whether a field is printed for r.
func (m *Router) shows(mn *menu, f *field, r *row) bool {
	return f.shows(r) && (mn.shows == nil || mn.shows(m, r, f.name))
}

func project(shown map[string]string, proplist []string) map[string]string {
	if len(proplist) == 0 {
		return shown
	}
	out := make(map[string]string, len(proplist))
	for _, p := range proplist {
		if v, ok := shown[p]; ok {
			out[p] = v
		}
	}
	return out
}

// matches evaluates an API query: operands push onto a stack, #-words combine
// its top, and the values left at the end must all be true.
func matches(shown map[string]string, query []string) (bool, *Error) {
	var stack []bool
	for _, w := range query {
		if ops, ok := strings.CutPrefix(w, "#"); ok {
			var err *Error
			if stack, err = combine(stack, ops); err != nil {
				return false, err
			}
			continue
		}
		stack = append(stack, operand(shown, w))
	}
	return !slices.Contains(stack, false), nil
}

func operand(shown map[string]string, w string) bool {
	if absent, ok := strings.CutPrefix(w, "-"); ok {
		_, present := shown[absent]
		return !present
	}
	compare := byte('=')
	switch {
	case strings.HasPrefix(w, "<"), strings.HasPrefix(w, ">"):
		compare = w[0]
		w = w[1:]
	case strings.HasPrefix(w, "="):
		w = w[1:]
	}
	prop, want, valued := strings.Cut(w, "=")
	got, present := shown[prop]
	if !valued {
		return present
	}
	if !present {
		return false
	}
	switch compare {
	case '<':
		return less(got, want)
	case '>':
		return less(want, got)
	}
	return got == want || got == truth(want)
}

// truth translates the truth values that people write to those of the API.
func truth(word string) string {
	switch word {
	case "yes":
		return "true"
	case "no":
		return "false"
	}
	return word
}

// less compares numbers as numbers and everything else as text.
func less(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 == nil && err2 == nil {
		return x < y
	}
	return a < b
}

func combine(stack []bool, ops string) ([]bool, *Error) {
	for _, op := range ops {
		n := len(stack)
		switch {
		case op == '!' && n >= 1:
			stack[n-1] = !stack[n-1]
		case op == '|' && n >= 2:
			stack = append(stack[:n-2], stack[n-2] || stack[n-1])
		case op == '&' && n >= 2:
			stack = append(stack[:n-2], stack[n-2] && stack[n-1])
		default:
			return nil, errValue("query")
		}
	}
	return stack, nil
}

// get returns one value of one row.
func (m *Router) get(mn *menu, c Command) (Result, *Error) {
	rows, err := mn.targets(c)
	if err != nil {
		return Result{}, err
	}
	if len(rows) != 1 {
		return Result{}, errNoItem()
	}
	v, ok := m.show(mn, rows[0], nil)[c.Args["value-name"]]
	if !ok && mn.field(c.Args["value-name"]) == nil {
		return Result{}, errNoMatch("value-name")
	}
	return Result{Ret: v, HasRet: true}, nil
}

// findIDs returns the ids of the rows that match, separated by commas.
func (m *Router) findIDs(mn *menu, c Command) (Result, *Error) {
	c.Proplist, c.Args = []string{argID}, nil
	res, err := m.print(mn, c)
	if err != nil {
		return Result{}, err
	}
	ids := make([]string, len(res.Rows))
	for i, r := range res.Rows {
		ids[i] = r[argID]
	}
	return Result{Ret: strings.Join(ids, ","), HasRet: true}, nil
}
