package export

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// compare returns the finding about the rows that have the key of the item. Of
// several routes in one table the one that is nearest counts. Works reports whether
// wanctl works with a value that is not the exported one.
func (i Item) compare(rows []rosdata.Row, works func(p Prop, have string) bool) Finding {
	switch {
	case len(rows) == 0:
		return Finding{Item: i, State: Missing, Cure: i.Add()}
	case len(rows) > 1 && i.Key != "routing-table":
		return Finding{Item: i, State: Different, Differences: []Difference{{Property: i.Key, Want: "one row", Have: strconv.Itoa(len(rows)) + " rows"}}}
	}
	best := i.compareRow(rows[0], works)
	for _, r := range rows[1:] {
		if f := i.compareRow(r, works); len(f.Differences) < len(best.Differences) {
			best = f
		}
	}
	return best
}

func (i Item) compareRow(r rosdata.Row, works func(p Prop, have string) bool) Finding {
	f := Finding{Item: i, State: OK}
	cures := map[State][]string{}
	note := func(state State, p Prop, have string) {
		if f.State != Different {
			f.State = state
		}
		f.Differences = append(f.Differences, Difference{p.Name, i.Properties()[p.Name], have, state == Tuned})
		cures[state] = append(cures[state], p.String())
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
		case sameValue(p.Value, have):
		case works(p, have):
			note(Tuned, p, have)
		default:
			note(Different, p, have)
		}
	}
	_, switched := i.prop("disabled")
	if rosdata.Bool(r["disabled"]) && (!switched || i.Menu == "/user") {
		f.State = Different
		f.Differences = append(f.Differences, Difference{Property: "disabled", Want: "no", Have: "yes"})
		cures[Different] = append(cures[Different], "disabled=no")
	}
	if cure := cures[f.State]; len(cure) > 0 {
		f.Cure = i.Menu + " set [find" + i.conditions(i.Key) + "] " + strings.Join(cure, " ")
	}
	if rosdata.Bool(r["invalid"]) {
		f.State = Different
		f.Differences = append(f.Differences, Difference{Property: "invalid", Want: "no", Have: "yes"})
	}
	return f
}

// comparePolicies notes policies that the group lacks, or has beyond need.
func (i Item) comparePolicies(p Prop, have string, note func(State, Prop, string)) {
	want, has := list(p.Value), granted(have)
	switch {
	case !contains(has, want):
		note(Different, p, strings.Join(has, ","))
	case !contains(want, has):
		note(Tuned, p, strings.Join(has, ","))
	}
}

// granted returns the policies of a group without those that it denies.
func granted(policies string) []string {
	return slices.DeleteFunc(list(policies), func(s string) bool { return strings.HasPrefix(s, "!") })
}

// grants reports whether the group has the policies.
func grants(group, policies string, groups []rosdata.Row) bool {
	return slices.ContainsFunc(groups, func(r rosdata.Row) bool {
		return r["name"] == group && contains(granted(r["policy"]), list(policies))
	})
}

// contains reports whether all has every element of some.
func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
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

// tunable reports whether wanctl works with another value of the property. A queue
// with a packet mark depends on rules of the user that set it, and a simple
// queue may be about the networks behind an interface.
func tunable(p Prop, have string) bool {
	switch p.Name {
	case "bucket-size", "address":
		return true
	case "packet-mark":
		return p.Value == noMark
	case "target":
		targets := list(have)
		return len(targets) > 0 && !slices.ContainsFunc(targets, func(s string) bool {
			_, ok := prefix(s)
			return !ok
		})
	}
	return strings.HasPrefix(p.Name, "cake-")
}

// manageQueues reports whether the queue types, one or two, are of a kind that keeps
// delay short at a limit.
func manageQueues(names string, types []rosdata.Row) bool {
	for name := range strings.SplitSeq(names, "/") {
		if !slices.ContainsFunc(types, func(r rosdata.Row) bool {
			return r["name"] == name && (r["kind"] == "cake" || r["kind"] == "fq-codel")
		}) {
			return false
		}
	}
	return true
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
