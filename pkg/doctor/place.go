package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/router/survey"
)

// root returns what the queue, or the topmost above it, hangs on: an interface, or
// "global".
func (d *Direction) root() string {
	if n := len(d.Above); n > 0 {
		return d.Above[n-1].Parent
	}
	return d.Parent
}

// checkPlace checks the interfaces of the queues of the tree. A queue without a mark limits
// what leaves by its interface, so that the queue of the download belongs on the LAN.
func checkPlace(q *Queues) []Result {
	if q.Simple != "" || len(q.Marks) > 0 {
		return nil // the target of a simple queue is checked with the queue, marks by where they are set
	}
	results := q.each(func(d autorate.Direction, own *Direction) []Result {
		on := own.root()
		move := func(to string) string {
			return onRouter(fmt.Sprintf("/queue tree set [find name=%s] parent=%s", rosdata.QuoteRSC(own.Name), to))
		}
		known := slices.ContainsFunc(q.Interfaces, func(i router.Interface) bool { return i.Name == on })
		outward := slices.Contains(q.Defaults, on)
		switch {
		case on == "global":
			return one(failure(q.byMarks()+", or "+move("INTERFACE"), "%v: %q hangs on global and has no packet mark: it limits both directions together", d, own.Name))
		case d == autorate.Download && outward:
			return one(failure(move("LAN-INTERFACE"), "download: %q hangs on %s, the interface to the Internet, by which the upload leaves; what comes in leaves by the interface of the LAN", own.Name, on))
		case d == autorate.Upload && known && len(q.Defaults) > 0 && !outward:
			return one(warning(move(strings.Join(q.Defaults, " or ")), "upload: %q hangs on %s, and the default route leaves by %s", own.Name, on, strings.Join(q.Defaults, ", ")))
		case d == autorate.Upload && outward:
			return one(ok("upload: on %s, by which the default route leaves", on))
		}
		return one(ok("%v: on %s", d, on))
	})
	return results
}

// byMarks is the command that prints a set-up by packet marks.
func (q *Queues) byMarks() string {
	const style = " --style marks"
	return strings.TrimSuffix(q.Command, style) + style
}

// leastTraffic is the number of bytes from which the counters of an interface can be
// compared with those of a queue.
const leastTraffic = 4000

func checkCounters(q *Queues) []Result {
	t := q.Traffic
	if t == nil {
		return nil
	}
	find := "wanctl doctor names likely causes under bypass; watch: wanctl router queue get --config " + q.Config
	return q.each(func(d autorate.Direction, own *Direction) []Result {
		carried, load := t.Queues[d], t.WAN[d]
		switch {
		case own.Disabled || own.Invalid:
			return nil
		case t.Known && load >= leastTraffic && carried*10 < load:
			return one(failure(find, "%v: %q carried %d of the %d bytes that passed %s: the %v is not limited", d, own.Name, carried, load, q.WAN, d))
		case carried > 0:
			return one(ok("%v: %q carries traffic", d, own.Name))
		case t.Since[d] == 0:
			return one(skipped("%v: %q has not carried one byte yet; look again under load", d, own.Name))
		}
		return one(ok("%v: too little traffic to decide; %q has carried %d bytes so far", d, own.Name, t.Since[d]))
	})
}

// checkBypass checks what may lead traffic past the queues, as the router shows it.
func checkBypass(q *Queues) (results []Result) {
	if !q.usable() {
		return nil
	}
	byMarks := q.Simple != "" || len(q.Marks) > 0
	unknown := false
	for _, c := range q.Causes {
		next := onRouter(c.Where)
		switch {
		case c.Kind == survey.Guess || c.Kind == survey.HardwareQueue:
		case !c.Seen:
			unknown = true
		case c.Kind == survey.FastTrack && byMarks:
			results = append(results, failure(next, "%s: connections pass the queues by", c.Text))
		case c.Kind == survey.FastTrack: // on most boards it does not bypass queues without marks; the counters decide
			results = append(results, ok("%s, which bypasses queues without marks on some boards; the counters of the queues decide", c.Text))
		case c.Kind == survey.IPv6 && !q.IPv6:
		case c.Kind == survey.IPv6:
			results = append(results, failure(q.byMarks()+" prints its rules", "%s: it passes the queues by", c.Text))
		case c.Kind == survey.Marks:
			results = append(results, failure(q.byMarks()+" prints its rules", "%s", c.Text))
		default:
			results = append(results, warning(next, "%s: traffic may pass the queues by", c.Text))
		}
	}
	switch {
	case results == nil && unknown:
		return one(skipped("the router does not show to this user what may lead traffic past the queues"))
	case results == nil:
		return one(ok("nothing leads traffic past the queues"))
	}
	return results
}

// checkOthers finds queues that limit the same traffic as well.
func checkOthers(q *Queues) (results []Result) {
	if !q.usable() {
		return nil
	}
	for _, s := range q.SimpleAll {
		if s.Name == q.Simple {
			break // later ones do not get what an earlier one has
		}
		if s.Disabled || s.Invalid || s.MaxLimit == [2]bitrate.Rate{} && s.TotalMaxLimit == 0 || s.PacketMarks != "" && s.PacketMarks != "no-mark" || q.isAbove(s.Name) || !q.overlaps(s) {
			continue
		}
		results = append(results, warning(onRouter("/queue simple disable [find name="+rosdata.QuoteRSC(s.Name)+"]"),
			"the simple queue %q, which packets meet first, limits %s as well", s.Name, strings.Join(s.Target, ",")))
	}
	if q.Simple == "" {
		results = append(results, q.otherTrees()...)
	}
	for _, r := range q.Own {
		t, _ := q.queueType(r["queue"])
		if limit := t.Params["cake-bandwidth"]; t.Kind == "cake" && limit != "" && limit != "0" && (r["interface"] == q.WAN || r["interface"] == q.Directions[0].root()) {
			results = append(results, warning(onRouter("/queue type set [find name="+rosdata.QuoteRSC(t.Name)+"] cake-bandwidth=0"),
				"%s has CAKE as its own queue, with a cake-bandwidth of %s, which holds as well", r["interface"], limit))
		}
	}
	if results == nil {
		results = one(ok("no other queue limits the same traffic"))
	}
	return results
}

// isAbove reports whether a queue is a parent of ours.
func (q *Queues) isAbove(name string) bool {
	for _, d := range q.Directions {
		if slices.ContainsFunc(d.Above, func(up router.Queue) bool { return up.Name == name }) {
			return true
		}
	}
	return false
}

// overlaps reports whether the target of a simple queue is everything: an interface of
// the WAN or of the LAN, or a whole network. Single hosts may well have a limit of their
// own.
func (q *Queues) overlaps(s router.SimpleQueue) bool {
	own := append([]string{q.WAN}, q.Directions[0].root(), q.Directions[1].root())
	return slices.ContainsFunc(s.Target, func(t string) bool {
		if p, err := netip.ParsePrefix(t); err == nil {
			return p.Bits() <= 24
		}
		return slices.Contains(own, t)
	})
}

// otherTrees finds queues of the tree beside ours, for the same packets.
func (q *Queues) otherTrees() []Result {
	marks := map[string]string{} // of our queues, by parent
	for _, r := range q.Tree {
		if q.ours(r["name"]) {
			marks[r["parent"]] += "," + r["packet-mark"] + ","
		}
	}
	var results []Result
	for _, r := range q.Tree {
		taken, beside := marks[r["parent"]]
		limited := r["max-limit"] != "" && r["max-limit"] != "0"
		if !beside || q.ours(r["name"]) || q.isAbove(r["name"]) || !limited || rosdata.Bool(r["disabled"]) {
			continue
		}
		mark := r["packet-mark"]
		if !strings.Contains(taken, ","+mark+",") {
			continue
		}
		results = append(results, warning(onRouter("/queue tree disable [find name="+rosdata.QuoteRSC(r["name"])+"]"),
			"the queue %q hangs on %s beside ours, for the same packets", r["name"], r["parent"]))
	}
	return results
}

func (q *Queues) ours(name string) bool {
	return q.Simple == "" && slices.ContainsFunc(q.Directions[:], func(d Direction) bool { return d.Controlled && d.Name == name })
}
