package export

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// State is how a row of the router compares with an Item.
type State string

// The states.
const (
	OK         State = "ok"
	Tuned      State = "tuned"     // works, with other settings than those exported
	Different  State = "different" // does not do what wanctl needs
	Missing    State = "missing"
	Unreadable State = "unreadable" // the router did not show the menu
)

// Finding is the comparison of one row.
type Finding struct {
	Item
	State       State
	Differences []Difference
	Cure        string // command that makes the row as exported; "" without one
	Err         error  // why it is Unreadable
}

// Difference is one property that the router has otherwise.
type Difference struct {
	Property string
	Want     string
	Have     string // "" when not set
}

// Needed reports whether the router has to be changed before wanctl works as planned.
func (f Finding) Needed() bool { return f.State == Missing || f.State == Different }

// Diff compares the router with the plan. Read returns the rows of a menu such as
// "/queue/tree" and is called once for each. Rows of a menu that the router refuses to
// show, or does not have, are Unreadable, as long as it shows others; another error
// ends the comparison.
func (p *Plan) Diff(read func(menu string) ([]rosdata.Row, error)) ([]Finding, error) {
	menus := menus{read: read, known: map[string]menu{}}
	var findings []Finding
	for _, u := range p.interfaces() {
		if u.given {
			f, err := menus.compare(Item{Section: Interfaces, Menu: "/interface", Key: "name", Props: []Prop{named("name", u.name)}})
			if err != nil {
				return nil, err
			}
			f.Cure = "" // what it is, export does not know
			findings = append(findings, f)
		}
	}
	for _, i := range p.Items() {
		f, err := menus.compare(i)
		if err != nil {
			return nil, err
		}
		findings = append(findings, f)
	}
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.State != Unreadable }) && len(findings) > 0 {
		return nil, findings[0].Err
	}
	if p.Style == Marks || p.Style == Simple {
		fastTrack, err := menus.fastTrack()
		if err != nil {
			return nil, err
		}
		findings = append(findings, fastTrack...)
	}
	return findings, nil
}

// menus are the menus that were read.
type menus struct {
	read  func(menu string) ([]rosdata.Row, error)
	known map[string]menu
}

type menu struct {
	rows []rosdata.Row
	err  error // of a menu that the router does not show
}

// rows reads a menu once.
func (m menus) rows(path string) (menu, error) {
	known, ok := m.known[path]
	if ok {
		return known, nil
	}
	known.rows, known.err = m.read(path)
	if known.err != nil && !errors.Is(known.err, router.ErrDenied) && !errors.Is(known.err, router.ErrUnsupported) {
		return known, known.err
	}
	m.known[path] = known
	return known, nil
}

// compare returns the finding about an item.
func (m menus) compare(i Item) (Finding, error) {
	all, err := m.rows(i.Path())
	if err != nil {
		return Finding{}, err
	}
	if all.err != nil {
		return Finding{Item: i, State: Unreadable, Err: all.err}, nil
	}
	key, _ := i.prop(i.Key)
	return i.compare(slices.DeleteFunc(slices.Clone(all.rows), func(r rosdata.Row) bool {
		return r[i.Key] != key.Value || rosdata.Bool(r["dynamic"]) && i.Section != Interfaces
	})), nil
}

// fastTrack returns the rules that let connections pass by marks and simple queues.
func (m menus) fastTrack() ([]Finding, error) {
	var findings []Finding
	for _, command := range []string{"/ip firewall filter", "/ipv6 firewall filter"} {
		i := Item{Section: MarkRules, Menu: command, Key: "action", Props: []Prop{fixed("action", "fasttrack-connection")}}
		all, err := m.rows(i.Path())
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all.rows, func(r rosdata.Row) bool {
			return r["action"] == "fasttrack-connection" && !rosdata.Bool(r["disabled"]) && !rosdata.Bool(r["dynamic"])
		}) {
			findings = append(findings, Finding{Item: i, State: Different,
				Differences: []Difference{{"disabled", "yes", "no"}}, Cure: command + " disable [find action=fasttrack-connection]"})
		}
	}
	return findings, nil
}

// compare returns the finding about the rows that have the key of the item. Of
// several routes in one table the one that is nearest counts.
func (i Item) compare(rows []rosdata.Row) Finding {
	switch {
	case len(rows) == 0:
		return Finding{Item: i, State: Missing, Cure: i.Add()}
	case len(rows) > 1 && i.Key != "routing-table":
		return Finding{Item: i, State: Different, Differences: []Difference{{i.Key, "one row", strconv.Itoa(len(rows)) + " rows"}}}
	}
	best := i.compareRow(rows[0])
	for _, r := range rows[1:] {
		if f := i.compareRow(r); len(f.Differences) < len(best.Differences) {
			best = f
		}
	}
	return best
}

func (i Item) compareRow(r rosdata.Row) Finding {
	f := Finding{Item: i, State: OK}
	var cure []string
	note := func(state State, p Prop, have string) {
		if f.State != Different {
			f.State = state
		}
		f.Differences = append(f.Differences, Difference{p.Name, i.Properties()[p.Name], have})
		cure = append(cure, p.String())
	}
	for _, p := range i.Props {
		have := r[p.Name]
		switch {
		case p.Name == i.Key, ignored(p):
		case p.Name == "policy":
			i.comparePolicies(p, have, note)
		case p.isFlag():
			if have == "false" || have == "no" { // not all services show one that is set
				note(Different, p, have)
			}
		case !sameValue(p.Value, have):
			state := Different
			if tunable(p.Name) {
				state = Tuned
			}
			note(state, p, have)
		}
	}
	_, switched := i.prop("disabled")
	if rosdata.Bool(r["disabled"]) && (!switched || i.Menu == "/user") {
		f.State = Different
		f.Differences = append(f.Differences, Difference{"disabled", "no", "yes"})
		cure = append(cure, "disabled=no")
	}
	if len(cure) > 0 {
		f.Cure = i.Menu + " set [find" + i.conditions(i.Key) + "] " + strings.Join(cure, " ")
	}
	if rosdata.Bool(r["invalid"]) {
		f.State = Different
		f.Differences = append(f.Differences, Difference{"invalid", "no", "yes"})
	}
	return f
}

// comparePolicies notes policies that the group lacks, or has beyond need.
func (i Item) comparePolicies(p Prop, have string, note func(State, Prop, string)) {
	want, has := list(p.Value), slices.DeleteFunc(list(have), func(s string) bool { return strings.HasPrefix(s, "!") })
	without := func(a, b []string) bool {
		return slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
	}
	switch {
	case without(want, has):
		note(Different, p, strings.Join(has, ","))
	case without(has, want):
		note(Tuned, p, strings.Join(has, ","))
	}
}

// ignored reports whether a property is not compared: it cannot be read, it changes
// while wanctl runs, it names nothing yet, or it is only text for people.
func ignored(p Prop) bool {
	switch p.Name {
	case "password", "comment", "max-limit", "disabled":
		return true
	}
	return p.Value == wanPlaceholder || p.Value == lanPlaceholder
}

// tunable reports whether wanctl works with other values of the property.
func tunable(name string) bool {
	return strings.HasPrefix(name, "cake-") || name == "bucket-size" || name == "address"
}

// sameValue compares values in all forms that RouterOS has for them: lists have any
// order, a host may be a prefix, numbers have zeros at their end.
func sameValue(want, have string) bool {
	if rosdata.Same(want, have) {
		return true
	}
	if a, b := list(want), list(have); len(a) > 1 && len(a) == len(b) {
		slices.Sort(a)
		slices.Sort(b)
		return slices.EqualFunc(a, b, sameValue)
	}
	if a, ok := prefix(want); ok {
		b, ok := prefix(have)
		return ok && a == b
	}
	if a, b := strings.Split(want, "/"), strings.Split(have, "/"); len(a) > 1 {
		return slices.EqualFunc(a, b, sameValue)
	}
	x, err1 := strconv.ParseFloat(want, 64)
	y, err2 := strconv.ParseFloat(have, 64)
	return err1 == nil && err2 == nil && x == y
}

// list splits a value at the commas of REST and the API, or the semicolons of a
// console.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' })
}

func prefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}
