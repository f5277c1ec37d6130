package export

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// State is how a row of the router compares with an Item.
type State string

// The states.
const (
	OK        State = "ok"
	Tuned     State = "tuned"     // works, with other settings than those exported
	Different State = "different" // does not do what wanctl needs
	Missing   State = "missing"
)

// Finding is the comparison of one row.
type Finding struct {
	Item
	State       State
	Differences []Difference
	Cure        string // command that makes the row as exported; "" without one
}

// Difference is one property that the router has otherwise.
type Difference struct {
	Property string
	Want     string
	Have     string // "" when not set
}

// Needed reports whether the router has to be changed before wanctl works as planned.
func (f Finding) Needed() bool { return f.State == Missing || f.State == Different }

// Diff compares the router with the plan. Rows returns the rows of a menu such as
// "/queue/tree" and is called once for each. The first error of it ends the
// comparison.
func (p *Plan) Diff(rows func(menu string) ([]rosdata.Row, error)) ([]Finding, error) {
	read := map[string][]rosdata.Row{}
	of := func(i Item) ([]rosdata.Row, error) {
		path := i.Path()
		if _, ok := read[path]; !ok {
			all, err := rows(path)
			if err != nil {
				return nil, err
			}
			read[path] = all
		}
		return slices.DeleteFunc(slices.Clone(read[path]), func(r rosdata.Row) bool {
			key, _ := i.prop(i.Key)
			return r[i.Key] != key.Value || rosdata.Bool(r["dynamic"]) && i.Menu != "/interface"
		}), nil
	}
	var findings []Finding
	for _, u := range p.interfaces() {
		if !u.given {
			continue
		}
		i := Item{Section: Interfaces, Menu: "/interface", Key: "name", Props: []Prop{named("name", u.name)}}
		found, err := of(i)
		if err != nil {
			return nil, err
		}
		f := Finding{Item: i, State: OK}
		if len(found) == 0 {
			f.State = Missing
		}
		findings = append(findings, f)
	}
	for _, i := range p.Items() {
		found, err := of(i)
		if err != nil {
			return nil, err
		}
		findings = append(findings, i.compare(found))
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
			if _, set := r[p.Name]; !set || have == "false" || have == "no" {
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
