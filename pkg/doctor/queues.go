package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
	"github.com/wanctl/wanctl/pkg/router/survey"
	"github.com/wanctl/wanctl/pkg/router/twoway"
)

// Queues is what the router has for one WAN.
type Queues struct {
	Config, Command string // as of Device
	Simple          string // name of the simple queue that both directions are; "" for the tree
	Directions      [2]Direction
	Marks           []string // packet marks that the queues of the tree have

	Side    string // why one number of the simple queue is the download
	SideErr error  // why it is not known

	WAN        string // interface of the WAN; "" where it is not known
	Interfaces []router.Interface
	Defaults   []string // interfaces of default routes
	Tree       []row
	SimpleAll  []router.SimpleQueue
	Types      []router.QueueType
	Own        []row // of /queue/interface: the queues that interfaces have themselves
	Causes     []survey.Cause
	IPv6       bool // the router has a global address

	Traffic *Traffic      // nil where it was not read
	Base    time.Duration // idle RTT of the nearest reflector; 0 where it is not known
}

type row = map[string]string

// Direction is the queue of one direction.
type Direction struct {
	Controlled bool
	Name       string // of the queue
	Err        error  // of reading it
	router.Queue
	Above     []router.Queue
	Overrides []string
	Set       string // queue type that the configuration writes; "" leaves it
}

// Traffic is what passed in a while, by direction.
type Traffic struct {
	Queues, WAN [2]uint64 // bytes
	Since       [2]uint64 // bytes of the queues since the router booted
	Known       bool      // the interface was read
}

// readQueues reads what surrounds the queues of a WAN.
func readQueues(ctx context.Context, cfg *config.WAN, client router.Client) *Queues {
	q := &Queues{Config: cfg.Path, Command: "wanctl router export --config " + cfg.Path, Simple: cfg.Queues.Simple}
	names, around := q.names(cfg)
	if q.Simple != "" {
		client = twoway.New(client, twoway.Queue{Name: q.Simple, Target: string(cfg.Queues.Target)})
	}
	bounds := actuate.LawBounds(shape.LawConfig(cfg))
	highest := [2]bitrate.Rate{max(1, bounds[0].Max), max(1, bounds[1].Max)}
	controlled := cfg.Controlled()
	for d := range q.Directions {
		own := &q.Directions[d]
		own.Controlled, own.Set = controlled[d], []string{cfg.Queues.DownloadType, cfg.Queues.UploadType}[d]
		if own.Name = orElse(q.Simple, names[d]); !own.Controlled {
			continue
		}
		var total router.SimpleQueue
		own.Queue, own.Above, total, own.Err = around.Read(ctx, client, d)
		own.Overrides = append(own.Queue.Overrides("", bounds[d].Min, bounds[d].Max, own.Above...), total.TotalOverrides(highest)...)
	}
	// What cannot be read is not judged.
	q.Interfaces, _ = client.Interfaces(ctx)
	q.Types, _ = client.QueueTypes(ctx)
	q.Tree, _ = client.Rows(ctx, "/queue/tree")
	q.SimpleAll, _ = client.SimpleQueues(ctx)
	q.Own, _ = client.Rows(ctx, "/queue/interface")
	q.Marks, _ = around.Marks(ctx, client)
	q.WAN = around.WANInterface(ctx, client)
	q.Causes = around.Causes(ctx, client, q.WAN)
	q.readRoutes(ctx, client, cfg)
	addresses, _ := client.Rows(ctx, "/ipv6/address")
	q.IPv6 = slices.ContainsFunc(addresses, func(r row) bool {
		return !strings.HasPrefix(r["address"], "fe80") && !rosdata.Bool(r["disabled"])
	})
	return q
}

// names returns the names of the queues, and what is read around them.
func (q *Queues) names(cfg *config.WAN) ([2]string, survey.Queues) {
	names := [2]string{cfg.Queues.Download, cfg.Queues.Upload}
	if q.Simple != "" {
		names = twoway.Names(q.Simple)
	}
	for d, controlled := range cfg.Controlled() {
		if !controlled {
			names[d] = ""
		}
	}
	return names, survey.Queues{Names: names, Simple: q.Simple}
}

// readRoutes reads the interfaces of default routes, and which side of a simple queue is
// the download.
func (q *Queues) readRoutes(ctx context.Context, client router.Client, cfg *config.WAN) {
	routes, _ := client.DefaultRoutes(ctx)
	for _, r := range routes {
		if !r.Disabled && !r.Blackhole && r.Interface != "" && !slices.Contains(q.Defaults, r.Interface) {
			q.Defaults = append(q.Defaults, r.Interface)
		}
	}
	if q.Simple == "" {
		return
	}
	if cfg.Queues.Target != "" {
		q.Side = "queues.target says " + string(cfg.Queues.Target)
		return
	}
	if i := slices.IndexFunc(q.SimpleAll, func(s router.SimpleQueue) bool { return s.Name == q.Simple }); i >= 0 {
		_, q.Side, q.SideErr = q.SimpleAll[i].DownloadSide(routes, q.Interfaces)
	}
}

// counters of the queues and of the interface of the WAN.
type counters struct{ queues, wan [2]uint64 }

// readCounters reads the counters; known is false where the interface cannot be read.
func (q *Queues) readCounters(ctx context.Context, cfg *config.WAN, client router.Client) (c counters, known bool, err error) {
	if q.Simple != "" {
		client = twoway.New(client, twoway.Queue{Name: q.Simple, Target: string(cfg.Queues.Target)})
	}
	names, _ := q.names(cfg)
	for d, name := range names {
		if name == "" {
			continue
		}
		read, err := client.Counters(ctx, name)
		if err != nil {
			return c, false, err
		}
		c.queues[d] = read[0].Bytes
	}
	interfaces, _ := client.Interfaces(ctx)
	for _, i := range interfaces {
		if i.Name == q.WAN && q.WAN != "" {
			c.wan, known = [2]uint64{i.Received, i.Sent}, true
		}
	}
	return c, known, nil
}

// passed returns the traffic between two readings.
func passed(before, after counters, known bool) *Traffic {
	t := &Traffic{Known: known, Since: after.queues}
	for d := range t.Queues {
		t.Queues[d] = after.queues[d] - min(before.queues[d], after.queues[d])
		t.WAN[d] = after.wan[d] - min(before.wan[d], after.wan[d])
	}
	return t
}

var queueChecks = []Check[Queues]{
	{"queues", checkQueues},
	{"queue type", checkQueueType},
	{"cake-rtt", checkCakeRTT},
	{"place", checkPlace},
	{"limits", checkOverrides},
	{"counters", checkCounters},
	{"bypass", checkBypass},
	{"other queues", checkOthers},
}

// menu is where the queues are.
func (q *Queues) menu() string {
	if q.Simple != "" {
		return "/queue simple"
	}
	return "/queue tree"
}

// each returns the results about the queues that can be used, once for a simple queue.
func (q *Queues) each(check func(autorate.Direction, *Direction) []Result) (results []Result) {
	for d := range q.Directions {
		own := &q.Directions[d]
		if !own.Controlled || own.Err != nil {
			continue
		}
		for _, r := range check(autorate.Direction(d), own) {
			if !slices.Contains(results, r) {
				results = append(results, r)
			}
		}
	}
	return results
}

func checkQueues(q *Queues) (results []Result) {
	for d := range q.Directions {
		own := &q.Directions[d]
		row := q.menu() + " " + "%s [find name=" + rosdata.QuoteRSC(own.Name) + "]"
		r := ok("%v: %q exists, enabled and valid, at %s", autorate.Direction(d), own.Name, own.MaxLimit.Human())
		switch {
		case !own.Controlled:
			r = ok("%v: not limited, as configured", autorate.Direction(d))
		case errors.Is(own.Err, router.ErrNotFound):
			r = failure(q.Command+" --diff, or name one of: wanctl router queue get --config "+q.Config, "the router has no queue %q for the %v", own.Name, autorate.Direction(d))
		case errors.Is(own.Err, router.ErrAmbiguous):
			r = failure("rename all but one: wanctl router queue get --config "+q.Config, "the router has several queues %q", own.Name)
		case q.SideErr != nil:
			r = failure("set queues.target in "+q.Config+": lan if the target is your network, wan if it is the port to the provider", "%v", q.SideErr)
		case own.Err != nil:
			r = failure("wanctl router queue get --config "+q.Config, "the queue %q cannot be read: %v", own.Name, own.Err)
		case own.Disabled:
			r = failure(onRouter(fmt.Sprintf(row, "enable")), "queue %q is disabled: the %v is not limited", own.Name, autorate.Direction(d))
		case own.Invalid:
			r = failure(onRouter(q.menu()+" print where invalid"), "queue %q is invalid, its parent or its type is gone: the %v is not limited", own.Name, autorate.Direction(d))
		case own.MaxLimit == 0:
			r = warning("wanctl shape --once --config "+q.Config, "queue %q has no limit until the loop sets one", own.Name)
		}
		if !slices.Contains(results, r) {
			results = append(results, r)
		}
	}
	if q.SideErr == nil && q.Side != "" {
		results = append(results, ok("%s", q.Side))
	}
	return results
}

// kind returns a queue type of the router.
func (q *Queues) queueType(name string) (router.QueueType, bool) {
	i := slices.IndexFunc(q.Types, func(t router.QueueType) bool { return t.Name == name })
	if i < 0 {
		return router.QueueType{}, false
	}
	return q.Types[i], true
}

func checkQueueType(q *Queues) []Result {
	return q.each(func(d autorate.Direction, own *Direction) []Result {
		if own.Set != "" {
			if _, known := q.queueType(own.Set); !known && q.Types != nil {
				return one(failure(q.Command+" --diff", "queues.%v_type: the router has no queue type %q", d, own.Set))
			}
		}
		name := orElse(own.Set, own.Type)
		switch t, known := q.queueType(name); {
		case !known:
			return one(skipped("%v: the type %q of the queue is not shown", d, name))
		case t.Kind == "cake":
			return one(ok("%v: CAKE, by the type %q", d, name))
		case t.Kind == "fq-codel":
			return one(warning(q.Command+" --diff", "%v: the type %q is fq-codel, which shares a line less fairly than CAKE", d, name))
		default:
			return one(failure(q.Command+" --diff", "%v: the type %q is %s, which lets the queue grow: the delay moves from the line to the router", d, name, t.Kind))
		}
	})
}

// cakeSchemes are the values of cake-rtt that have names.
var cakeSchemes = map[string]time.Duration{
	"datacentre": 100 * time.Microsecond, "lan": time.Millisecond, "metro": 10 * time.Millisecond, "regional": 30 * time.Millisecond,
	"internet": 100 * time.Millisecond, "oceanic": 300 * time.Millisecond, "satellite": time.Second, "interplanetary": time.Hour,
}

// cakeRTT returns what CAKE takes for the round-trip time.
func cakeRTT(t router.QueueType) time.Duration {
	if d, known := cakeSchemes[t.Params["cake-rtt-scheme"]]; known {
		return d
	}
	if d, err := rosdata.Duration(t.Params["cake-rtt"]); err == nil && d > 0 {
		return d
	}
	return cakeSchemes["internet"]
}

func checkCakeRTT(q *Queues) []Result {
	if q.Base == 0 {
		return nil
	}
	return q.each(func(d autorate.Direction, own *Direction) []Result {
		t, known := q.queueType(orElse(own.Set, own.Type))
		if !known || t.Kind != "cake" {
			return nil
		}
		have := cakeRTT(t)
		// The nearest reflector is nearer than most servers.
		want := max(100*time.Millisecond, (2 * q.Base).Round(50*time.Millisecond))
		set := onRouter(fmt.Sprintf("/queue type set [find name=%s] cake-rtt-scheme=none cake-rtt=%s", rosdata.QuoteRSC(t.Name), want))
		switch {
		case have < q.Base:
			return one(warning(set, "%v: cake-rtt is %s, below the %s of the nearest reflector: CAKE drops before connections can react, and the line is not used", d, have, ms(q.Base)))
		case have > 10*want:
			return one(warning(set, "%v: cake-rtt is %s with %s to the nearest reflector: CAKE lets queues stand for long", d, have, ms(q.Base)))
		}
		return one(ok("%v: cake-rtt is %s, with %s to the nearest reflector", d, have, ms(q.Base)))
	})
}

func checkOverrides(q *Queues) []Result {
	results := q.each(func(d autorate.Direction, own *Direction) (results []Result) {
		for _, text := range own.Overrides {
			results = append(results, failure(onRouter(q.menu()+" print detail where name="+rosdata.QuoteRSC(own.Name)), "%v: %q: %s", d, own.Name, text))
		}
		return results
	})
	if results == nil && q.usable() {
		results = one(ok("the limits are what holds"))
	}
	return results
}

// usable reports whether any queue was read.
func (q *Queues) usable() bool {
	return slices.ContainsFunc(q.Directions[:], func(d Direction) bool { return d.Controlled && d.Err == nil })
}
