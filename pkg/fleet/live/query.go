package live

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errTooMany = fmt.Errorf("more than %d WANs: this host is left out", maxKept)

// Query says which WANs are wanted, and in which order.
type Query struct {
	Search string // words that all occur in site, node, name, status or a state
	Site   string // "" all
	Sort   string // one of Sorts
	From   int
	Count  int
}

// Sorts are the orders there are, the usual one first: degraded, silent, then the highest
// excess.
var Sorts = []string{"worst", "site", "wan", "node", "excess", "download", "upload"}

// ParseQuery reads the parameters of a request.
func ParseQuery(values url.Values) (Query, error) {
	q := Query{Search: values.Get("search"), Site: values.Get("site"), Sort: cmp.Or(values.Get("sort"), Sorts[0]), Count: 100}
	if !slices.Contains(Sorts, q.Sort) {
		return q, fmt.Errorf("sort: one of %s", strings.Join(Sorts, ", "))
	}
	if len(q.Search) > maxText {
		return q, errors.New("search: too long")
	}
	for name, n := range map[string]*int{"from": &q.From, "count": &q.Count} {
		if text := values.Get(name); text != "" {
			var err error
			if *n, err = strconv.Atoi(text); err != nil || *n < 0 || *n > maxKept {
				return q, fmt.Errorf("%s: a number from 0 to %d", name, maxKept)
			}
		}
	}
	return q, nil
}

// Fleet is the answer to a Query.
type Fleet struct {
	At       time.Time `json:"at"`
	Nodes    int       `json:"nodes"`
	Count    int       `json:"wan_count"`      // of the fleet
	Matching int       `json:"matching_count"` // of the query
	Silent   int       `json:"silent_count"`   // of the fleet: not heard of for 5 s
	Degraded int       `json:"degraded_count"` // of the fleet
	Sites    []Site    `json:"sites"`
	From     int       `json:"from"` // of the first row
	WANs     []Row     `json:"wans"`
}

// Site is what the hosts of one site have.
type Site struct {
	Name     string `json:"site"`
	Count    int    `json:"wan_count"`
	Degraded int    `json:"degraded_count"`
	Silent   int    `json:"silent_count"`
}

// Row is one WAN of a fleet.
type Row struct {
	Site  string `json:"site"`
	Node  string `json:"node"`
	Stage string `json:"stage,omitempty"`
	WAN
	AgeSeconds float64 `json:"age_seconds"` // since the last batch
	Silent     bool    `json:"silent"`      // for more than 5 s
	// Excess and Throughput are the highest of each ten seconds of the last ten minutes,
	// oldest first; null where nothing is known.
	Excess     []*float32 `json:"excess_ms_10s"`
	Throughput []*float32 `json:"throughput_mbps_10s"`
}

// order is the WANs that match a query, for as long as it holds: pages that scroll ask
// several times a second, and are not to see rows jump meanwhile.
type order struct {
	until time.Time
	fleet Fleet // without rows
	wans  []*kept
}

const (
	orderHolds = 900 * time.Millisecond
	maxOrders  = 32
)

// Query returns the WANs that q asks for.
func (v *View) Query(q Query) Fleet {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	key := Query{Search: q.Search, Site: q.Site, Sort: q.Sort}
	o, known := v.orders[key]
	if !known || now.After(o.until) || now.Before(o.until.Add(-orderHolds)) {
		o = v.order(key, now)
		for k, other := range v.orders {
			if now.After(other.until) || len(v.orders) >= maxOrders {
				delete(v.orders, k)
			}
		}
		v.orders[key] = o
	}
	f := o.fleet
	f.From = min(q.From, len(o.wans))
	rows := o.wans[f.From:min(f.From+q.Count, len(o.wans))]
	f.WANs = make([]Row, len(rows))
	for i, w := range rows {
		f.WANs[i] = w.row(now)
	}
	return f
}

// order is called with mu held.
func (v *View) order(q Query, now time.Time) order {
	o := order{until: now.Add(orderHolds), fleet: Fleet{At: now, Nodes: len(v.nodes), Count: v.wans, Sites: []Site{}}}
	sites := map[string]*Site{}
	words := strings.Fields(strings.ToLower(q.Search))
	for key, n := range v.nodes {
		site := sites[key.site]
		if site == nil {
			site = &Site{Name: key.site}
			sites[key.site] = site
		}
		silent := now.Sub(n.at) > stale
		for _, w := range n.wans {
			site.Count++
			switch {
			case silent:
				site.Silent++
			case w.Status == "degraded":
				site.Degraded++
			}
			if (q.Site == "" || q.Site == key.site) && w.matches(words, silent) {
				o.wans = append(o.wans, w)
			}
		}
	}
	for _, s := range sites {
		o.fleet.Sites = append(o.fleet.Sites, *s)
		o.fleet.Silent += s.Silent
		o.fleet.Degraded += s.Degraded
	}
	slices.SortFunc(o.fleet.Sites, func(a, b Site) int { return cmp.Compare(a.Name, b.Name) })
	o.fleet.Matching = len(o.wans)
	slices.SortFunc(o.wans, func(a, b *kept) int {
		return cmp.Or(compare(q.Sort, a, b, now), cmp.Compare(a.node.Site, b.node.Site), cmp.Compare(a.Name, b.Name), cmp.Compare(a.node.Node, b.node.Node))
	})
	return o
}

// matches reports whether w has all words.
func (w *kept) matches(words []string, silent bool) bool {
	if len(words) == 0 {
		return true
	}
	text := w.node.Site + " " + w.node.Node + " " + w.node.Stage + " " + w.Name + " " + w.Status
	for _, d := range []*Direction{w.Download, w.Upload} {
		if d != nil {
			text += " " + d.State
		}
	}
	if silent {
		text += " silent"
	}
	text = strings.ToLower(text)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

func compare(sort string, a, b *kept, now time.Time) int {
	switch sort {
	case "site":
		return cmp.Compare(a.node.Site, b.node.Site)
	case "wan":
		return cmp.Compare(a.Name, b.Name)
	case "node":
		return cmp.Compare(a.node.Node, b.node.Node)
	case "excess":
		return -compareNumbers(a.ExcessMs, b.ExcessMs)
	case "download":
		return -compareNumbers(a.Download.throughput(), b.Download.throughput())
	case "upload":
		return -compareNumbers(a.Upload.throughput(), b.Upload.throughput())
	}
	return cmp.Or(cmp.Compare(b.badness(now), a.badness(now)), -compareNumbers(a.ExcessMs, b.ExcessMs))
}

// badness is higher for what somebody should look at first.
func (w *kept) badness(now time.Time) int {
	switch {
	case now.Sub(w.node.at) > stale:
		return 2
	case w.Status == "degraded":
		return 3
	case w.Status != "healthy":
		return 1
	}
	return 0
}

func (d *Direction) throughput() *float64 {
	if d == nil {
		return nil
	}
	return d.ThroughputMbps
}

// compareNumbers takes an unknown one for the lowest.
func compareNumbers(a, b *float64) int {
	value := func(x *float64) float64 {
		if x == nil {
			return math.Inf(-1)
		}
		return *x
	}
	return cmp.Compare(value(a), value(b))
}

func (w *kept) row(now time.Time) Row {
	age := max(now.Sub(w.node.at), 0)
	r := Row{
		Site: w.node.Site, Node: w.node.Node, Stage: w.node.Stage, WAN: w.WAN, AgeSeconds: math.Round(age.Seconds()*10) / 10, Silent: age > stale,
		Excess: make([]*float32, points), Throughput: make([]*float32, points),
	}
	newest := now.UnixNano() / int64(step)
	for i := range int64(points) {
		bucket := newest - points + 1 + i
		if bucket > w.bucket || bucket <= w.bucket-points {
			continue
		}
		p := w.past[bucket%points]
		r.Excess[i], r.Throughput[i] = number(p.excess), number(p.throughput)
	}
	return r
}

// number returns x with one decimal, nil for one that is not known.
func number(x float32) *float32 {
	if x != x {
		return nil
	}
	return new(float32(math.Round(float64(x)*10) / 10))
}
