package export

import (
	"slices"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Plan describes the setup of a router for one WAN.
type Plan struct {
	Name     string // of the WAN
	Host     string // of the router, for its certificate; "" when not known
	Users    []User
	From     []string // addresses and prefixes that the users may log in from; none: from anywhere
	Style    Style
	Download Queue // without a name: the direction is not shaped
	Upload   Queue

	Simple string // name of the simple queue, of style Simple
	Target Target // of the simple queue

	WANInterface string // where the Internet is; "" leaves a placeholder
	LANInterface string // parent of the download queue, or "global"; "" leaves a placeholder

	Probes   *Probes   // nil without
	Steering *Steering // nil without
}

// Style is how packets get into the queues.
type Style string

// The styles. The zero value is Tree.
const (
	Tree   Style = "tree"   // a queue tree on interfaces, for packets without a mark
	Marks  Style = "marks"  // a queue tree, for packets that mangle rules mark
	Simple Style = "simple" // one simple queue for both directions
)

// Target is the interface that a simple queue is about. The first number of its
// limits is what comes in by that interface.
type Target string

// The targets. The zero value is TargetWAN.
const (
	TargetWAN Target = "wan" // the first number is the download
	TargetLAN Target = "lan" // the first number is the upload
)

// Queue is one direction of a WAN.
type Queue struct {
	Name    string
	Type    string
	Ceiling bitrate.Rate
}

// Placeholders for interfaces, which no configuration names.
const (
	wanPlaceholder = "WAN-INTERFACE"
	lanPlaceholder = "LAN-INTERFACE"
)

// Global as LANInterface shapes the traffic to every interface. It needs style
// Marks: without marks it is the traffic of both directions.
const Global = "global"

func (p *Plan) wan() string { return orElse(p.WANInterface, wanPlaceholder) }
func (p *Plan) lan() string { return orElse(p.LANInterface, lanPlaceholder) }

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Items returns the rows that the router needs, in an order in which they can be
// added.
func (p *Plan) Items() []Item {
	items := p.users()
	items = append(items, p.queueTypes()...)
	switch p.Style {
	case Simple:
		items = append(items, p.simpleQueue())
	case Marks:
		items = append(items, p.queueTree()...)
		items = append(items, p.marks()...)
	default:
		items = append(items, p.queueTree()...)
	}
	if p.Probes != nil && p.Probes.Complete() {
		items = append(items, p.probeWay(*p.Probes)...)
	}
	return append(items, p.steering()...)
}

// comment is what marks the rows of this WAN.
func (p *Plan) comment() string { return commentPrefix + p.Name }

// commentPrefix begins the comment of each row of a WAN.
const commentPrefix = "wanctl "

// ackFilterRatio is the ratio of download to upload from which on the
// acknowledgements of a download take a large part of the upload.
const ackFilterRatio = 8

// queueTypes returns CAKE types that share a direction among hosts first. CAKE
// itself has no bandwidth limit: the queue has, and wanctl sets it.
func (p *Plan) queueTypes() []Item {
	cake := func(q Queue, flowmode string, more ...Prop) Item {
		return Item{QueueTypes, "/queue type", "name", append([]Prop{
			named("name", q.Type), fixed("kind", "cake"), fixed("cake-diffserv", "diffserv4"),
			fixed("cake-flowmode", flowmode), fixed("cake-nat", "yes")}, more...),
			[]string{"kind", "cake-diffserv", "cake-flowmode"}}
	}
	var up []Prop
	if p.Upload.Ceiling > 0 && p.Download.Ceiling >= ackFilterRatio*p.Upload.Ceiling {
		up = append(up, fixed("cake-ack-filter", "filter"))
	}
	if p.shapes(p.Download) && p.shapes(p.Upload) && p.Download.Type == p.Upload.Type {
		return []Item{cake(p.Download, "triple-isolate", up...)}
	}
	var items []Item
	if p.shapes(p.Download) {
		items = append(items, cake(p.Download, "dual-dsthost", fixed("cake-wash", "yes")))
	}
	if p.shapes(p.Upload) {
		items = append(items, cake(p.Upload, "dual-srchost", up...))
	}
	return items
}

func (p *Plan) shapes(q Queue) bool { return q.Name != "" }

// bucketSize is the burst of a queue that wanctl moves, in seconds at its limit.
const bucketSize = "0.05"

// noMark as packet-mark stands for packets without one.
const noMark = "no-mark"

// queueTree returns queues that start at the ceiling. A queue that exists keeps its
// limit.
func (p *Plan) queueTree() []Item {
	queue := func(q Queue, parent, mark string) Item {
		packets := fixed("packet-mark", noMark)
		if p.Style == Marks {
			packets = named("packet-mark", mark)
		}
		return Item{Queues, "/queue tree", "name", []Prop{
			named("name", q.Name), named("parent", parent), packets, named("queue", q.Type),
			fixed("max-limit", q.Ceiling.String()), fixed("bucket-size", bucketSize), named("comment", p.comment())},
			[]string{"comment"}}
	}
	var items []Item
	if p.shapes(p.Download) {
		items = append(items, queue(p.Download, p.lan(), p.downloadMark()))
	}
	if p.shapes(p.Upload) {
		items = append(items, queue(p.Upload, p.wan(), p.uploadMark()))
	}
	return items
}

func (p *Plan) downloadMark() string { return p.Name + "-download" }
func (p *Plan) uploadMark() string   { return p.Name + "-upload" }

// marks returns the rules that mark the packets of the queues, in both address
// families. The upload is marked in postrouting, which includes the router's own
// packets.
func (p *Plan) marks() []Item {
	var items []Item
	mark := func(menu, chain, side, mark, comment string) {
		items = append(items, Item{MarkRules, menu, "comment", []Prop{
			fixed("chain", chain), fixed("action", "mark-packet"), named(side, p.wan()), named("new-packet-mark", mark),
			fixed("passthrough", "yes"), named("comment", p.comment()+": "+comment)},
			[]string{"action", "new-packet-mark"}})
	}
	for _, menu := range []string{"/ip firewall mangle", "/ipv6 firewall mangle"} {
		if p.shapes(p.Download) {
			mark(menu, "forward", "in-interface", p.downloadMark(), "mark download")
		}
		if p.shapes(p.Upload) {
			mark(menu, "postrouting", "out-interface", p.uploadMark(), "mark upload")
		}
	}
	return items
}

// target returns the interface of the simple queue, and which direction comes in by
// it.
func (p *Plan) target() (name string, first, second Queue) {
	if p.Target == TargetLAN {
		return p.lan(), p.Upload, p.Download
	}
	return p.wan(), p.Download, p.Upload
}

// simpleQueue returns the queue for both directions. A direction that is not shaped
// has no limit.
func (p *Plan) simpleQueue() Item {
	target, first, second := p.target()
	kind := func(q Queue) string {
		if !p.shapes(q) {
			return "default-small"
		}
		return q.Type
	}
	limit := func(q Queue) string {
		if !p.shapes(q) {
			return "0"
		}
		return q.Ceiling.String()
	}
	return Item{Queues, "/queue simple", "name", []Prop{
		named("name", p.Simple), named("target", target), named("queue", kind(first)+"/"+kind(second)),
		fixed("max-limit", limit(first)+"/"+limit(second)), fixed("bucket-size", bucketSize+"/"+bucketSize),
		named("comment", p.comment())},
		[]string{"comment"}}
}

// interfaces returns the interfaces that the rows are about: the name, or its
// placeholder, and whether it was given.
func (p *Plan) interfaces() []usedInterface {
	all := []usedInterface{
		{p.wan(), p.WANInterface != "", "--wan-interface"},
		{p.lan(), p.LANInterface != "", "--lan-interface"},
	}
	if p.Probes != nil && p.Probes.Complete() && p.Probes.Interface != "" {
		all = append(all, usedInterface{p.Probes.Interface, true, "--probe-interface"})
	}
	items := p.Items()
	return slices.DeleteFunc(all, func(u usedInterface) bool {
		return u.name == Global || !slices.ContainsFunc(items, func(i Item) bool {
			return slices.ContainsFunc(i.Props, func(prop Prop) bool {
				return prop.Value == u.name && slices.Contains(interfaceProps, prop.Name)
			})
		})
	})
}

// usedInterface is an interface of the router.
type usedInterface struct {
	name  string
	given bool
	flag  string // by which it is given
}

// interfaceProps are the properties whose value is an interface.
var interfaceProps = []string{"parent", "target", "in-interface", "out-interface", "interface"}

// removable returns the rows that Script may have added, whatever the style was, in
// an order in which they can be removed.
func (p *Plan) removable() []Item {
	var items []Item
	seen := map[string]bool{}
	for _, style := range []Style{Tree, Marks, Simple} {
		if style == Simple && p.Simple == "" {
			continue
		}
		for _, anyGateway := range []string{"0.0.0.0", "::"} {
			full := *p
			full.Style = style
			full.Probes = &Probes{Interface: wanPlaceholder, Gateway: anyGateway}
			if full.Steering != nil && full.Steering.Gateway == "" {
				s := *full.Steering
				s.Gateway = anyGateway
				full.Steering = &s
			}
			for _, i := range full.Items() {
				if command := i.Remove(); !seen[command] {
					seen[command] = true
					items = append(items, i)
				}
			}
		}
	}
	order := []Section{Steer, ProbeWay, MarkRules, Queues, QueueTypes, Users}
	slices.Reverse(items)
	slices.SortStableFunc(items, func(a, b Item) int {
		return slices.Index(order, a.Section) - slices.Index(order, b.Section)
	})
	return items
}
