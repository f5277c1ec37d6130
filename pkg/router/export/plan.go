package export

import (
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Plan describes the setup of a router for one WAN.
type Plan struct {
	Name     string // of the WAN
	Host     string // of the router, for its certificate; "" when not known
	Users    []User
	From     []string // addresses and prefixes that the users may log in from; none: from anywhere
	Download Queue
	Upload   Queue

	WANInterface string // where the Internet is; "" leaves a placeholder
	LANInterface string // parent of the download queue, or "global"; "" leaves a placeholder

	Steering *Steering // nil without
}

// User is a user of the router that wanctl logs in as.
type User struct {
	Name     string
	Password string // "": the user stays disabled until it has one
	Services []Service
}

// Admin is the user that every router ships with. It has all policies and is never
// added.
const Admin = "admin"

// Service is a service of the router that a user logs in to.
type Service struct {
	Transport string // rest, api or ssh
	TLS       bool
	Port      int
	Key       bool // ssh: by a key
}

// Queue is one of the two queues of a WAN.
type Queue struct {
	Name    string
	Type    string
	Ceiling bitrate.Rate
}

// Steering describes the rules that send new connections out of another WAN.
type Steering struct {
	Alternate string // name of the other WAN
	Comment   string // of the rule that wanctl switches
	Table     string // routing table of the other WAN
	List      string // address list: whose new connections are steered
	ForceList string // address list: who always goes out of the other WAN
	Gateway   string // of the other WAN; "" when it has a route in Table already
}

// Placeholders for interfaces, which no configuration names.
const (
	wanPlaceholder = "WAN-INTERFACE"
	lanPlaceholder = "LAN-INTERFACE"
)

// Global as LANInterface shapes the traffic to every interface.
const Global = "global"

func (p *Plan) wan() string { return orElse(p.WANInterface, wanPlaceholder) }
func (p *Plan) lan() string { return orElse(p.LANInterface, lanPlaceholder) }

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// policies returns the policies that the user needs, and no more.
func (u User) policies() string {
	policies := []string{"read", "write"}
	for _, s := range u.Services {
		names := []string{s.Transport}
		if s.Transport == "rest" {
			names = []string{"api", "rest-api"} // RouterOS refuses REST without api
		}
		for _, name := range names {
			if !slices.Contains(policies, name) {
				policies = append(policies, name)
			}
		}
	}
	return strings.Join(policies, ",")
}

// Items returns the rows that the router needs, in an order in which they can be
// added.
func (p *Plan) Items() []Item {
	items := p.users()
	items = append(items, p.queueTypes()...)
	items = append(items, p.queues()...)
	items = append(items, p.marks()...)
	return append(items, p.steering()...)
}

func (p *Plan) users() []Item {
	var items []Item
	for _, u := range p.Users {
		if u.Name == Admin {
			continue
		}
		user := []Prop{named("name", u.Name), named("group", u.Name), named("password", u.Password)}
		if len(p.From) > 0 {
			user = append(user, named("address", strings.Join(p.From, ",")))
		}
		if u.Password == "" {
			user = append(user, fixed("disabled", "yes"))
		}
		items = append(items,
			Item{Users, "/user group", "name", []Prop{
				named("name", u.Name), fixed("policy", u.policies()), named("comment", "what wanctl needs")}},
			Item{Users, "/user", "name", append(user, named("comment", "wanctl"))})
	}
	return items
}

// ackFilterRatio is the ratio of download to upload from which on the
// acknowledgements of a download take a large part of the upload.
const ackFilterRatio = 8

// queueTypes returns CAKE types that share a direction among hosts first. CAKE
// itself has no bandwidth limit: the queue has, and wanctl sets it.
func (p *Plan) queueTypes() []Item {
	cake := func(q Queue, flowmode string, more ...Prop) Item {
		return Item{QueueTypes, "/queue type", "name", append([]Prop{
			named("name", q.Type), fixed("kind", "cake"), fixed("cake-diffserv", "diffserv4"),
			fixed("cake-flowmode", flowmode), fixed("cake-nat", "yes")}, more...)}
	}
	var up []Prop
	if p.Download.Ceiling >= ackFilterRatio*p.Upload.Ceiling {
		up = append(up, fixed("cake-ack-filter", "filter"))
	}
	return []Item{
		cake(p.Download, "dual-dsthost", fixed("cake-wash", "yes")),
		cake(p.Upload, "dual-srchost", up...),
	}
}

func (p *Plan) downloadMark() string { return p.Name + "-download" }
func (p *Plan) uploadMark() string   { return p.Name + "-upload" }

// queues returns queues that start at the ceiling. A queue that exists keeps its
// limit.
func (p *Plan) queues() []Item {
	queue := func(q Queue, parent, mark string) Item {
		return Item{Queues, "/queue tree", "name", []Prop{
			named("name", q.Name), named("parent", parent), named("packet-mark", mark), named("queue", q.Type),
			fixed("max-limit", q.Ceiling.String()), fixed("bucket-size", "0.05"), named("comment", "wanctl "+p.Name)}}
	}
	return []Item{
		queue(p.Download, p.lan(), p.downloadMark()),
		queue(p.Upload, p.wan(), p.uploadMark()),
	}
}

// marks returns the rules that mark the packets of the queues. The upload is marked
// in postrouting, which includes the router's own packets.
func (p *Plan) marks() []Item {
	mark := func(chain, side, mark, comment string) Item {
		return Item{Marks, "/ip firewall mangle", "comment", []Prop{
			fixed("chain", chain), fixed("action", "mark-packet"), named(side, p.wan()), named("new-packet-mark", mark),
			fixed("passthrough", "yes"), named("comment", "wanctl "+p.Name+": "+comment)}}
	}
	return []Item{
		mark("forward", "in-interface", p.downloadMark(), "mark download"),
		mark("postrouting", "out-interface", p.uploadMark(), "mark upload"),
	}
}

// steering returns rules that mark a connection once, when it begins: connections
// that are open when the rule is switched stay on their WAN. Later packets from the
// LAN follow the mark; those from the Internet must not.
func (p *Plan) steering() []Item {
	s := p.Steering
	if s == nil {
		return nil
	}
	from := named("in-interface", p.lan())
	if p.LANInterface == Global {
		from = named("in-interface-list", "LAN")
	}
	rule := func(comment string, props ...Prop) Item {
		props = append([]Prop{fixed("chain", "prerouting"), from, fixed("dst-address-type", "!local")}, props...)
		return Item{Steer, "/ip firewall mangle", "comment", append(props, named("comment", comment))}
	}
	mark := "steer-" + s.Alternate
	items := []Item{{Steer, "/routing table", "name", []Prop{named("name", s.Table), fixed("fib", "")}}}
	if s.Gateway != "" {
		items = append(items, Item{Steer, "/ip route", "routing-table", []Prop{
			fixed("dst-address", "0.0.0.0/0"), named("gateway", s.Gateway), named("routing-table", s.Table),
			named("comment", "wanctl: way out of "+s.Alternate)}})
	}
	return append(items,
		rule("wanctl: always out of "+s.Alternate,
			named("src-address-list", s.ForceList), fixed("action", "mark-routing"), named("new-routing-mark", s.Table), fixed("passthrough", "no")),
		rule(s.Comment,
			named("src-address-list", s.List), fixed("connection-state", "new"), fixed("action", "mark-connection"),
			named("new-connection-mark", mark), fixed("passthrough", "yes"), fixed("disabled", "yes")),
		rule("wanctl: follow what was steered to "+s.Alternate,
			named("connection-mark", mark), fixed("action", "mark-routing"), named("new-routing-mark", s.Table), fixed("passthrough", "no")))
}
