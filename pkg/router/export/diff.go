package export

import (
	"errors"
	"slices"
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
	tuned    bool   // the row works with it
}

// Needed reports whether the router has to be changed before wanctl works as planned.
func (f Finding) Needed() bool { return f.State == Missing || f.State == Different }

// Diff compares the router with the plan. Read returns the rows of a menu such as
// "/queue/tree" and is called once for each. Rows of a menu that the router refuses to
// show, or does not have, are Unreadable, as long as it shows others; another error
// ends the comparison.
func (p *Plan) Diff(read func(menu string) ([]rosdata.Row, error)) ([]Finding, error) {
	menus := menus{read: read, known: map[string]menu{}, policies: map[string]string{}}
	for _, u := range p.Users {
		menus.policies[u.Name] = u.Policies()
	}
	var findings []Finding
	for _, u := range p.interfaces() {
		if u.given {
			f, err := menus.compare(Item{Section: Interfaces, Menu: "/interface", Key: "name", Props: []Prop{named("name", u.name)}})
			if err != nil {
				return nil, err
			}
			f.Cure = "" // export cannot create an interface
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
	instead(findings)
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

	policies map[string]string // that each user needs
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
	rows := slices.DeleteFunc(slices.Clone(all.rows), func(r rosdata.Row) bool {
		return r[i.Key] != key.Value || rosdata.Bool(r["dynamic"]) && i.Section != Interfaces
	})
	var others menu // what the item refers to
	switch {
	case i.Section == Queues:
		others, err = m.rows("/queue/type")
	case i.Menu == "/user":
		others, err = m.rows("/user/group")
	}
	if err != nil {
		return Finding{}, err
	}
	return i.compare(rows, func(p Prop, have string) bool {
		switch p.Name {
		case "queue":
			return manageQueues(have, others.rows)
		case "group":
			return grants(have, m.policies[key.Value], others.rows)
		}
		return tunable(p, have)
	}), nil
}

// instead corrects the findings about queue types and groups that are missing, but are
// not needed either: the queue or the user has others that will do.
func instead(findings []Finding) {
	type row struct{ menu, name string }
	others := map[row]string{}
	for _, f := range findings {
		for _, d := range f.Differences {
			menu := map[string]string{"queue": "/queue type", "group": "/user group"}[d.Property]
			want, have := strings.Split(d.Want, "/"), strings.Split(d.Have, "/")
			if d.tuned && menu != "" && len(want) == len(have) {
				for n := range want {
					others[row{menu, want[n]}] = have[n]
				}
			}
		}
	}
	for n, f := range findings {
		name := f.Properties()[f.Key]
		if other := others[row{f.Menu, name}]; f.State == Missing && other != "" && other != name {
			findings[n].State, findings[n].Cure = Tuned, ""
			findings[n].Differences = []Difference{{Property: f.Key, Want: name, Have: other, tuned: true}}
		}
	}
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
				Differences: []Difference{{Property: "disabled", Want: "yes", Have: "no"}}, Cure: command + " disable [find action=fasttrack-connection]"})
		}
	}
	return findings, nil
}
