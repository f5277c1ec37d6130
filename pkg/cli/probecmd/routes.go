package probecmd

import (
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/units"
)

const (
	routeEvent    = "route"     // of a sample that is a route
	routeInterval = time.Second // between two look-ups
)

// observeRoutes returns a sample for each route that was not in use at the last look-up.
func (st *stats) observeRoutes(lookup func() []hostnet.Route, now time.Time) (fresh []sample) {
	if now.Sub(st.routesAt) < routeInterval {
		return nil
	}
	routes := lookup()
	if routes == nil {
		return nil // nothing is resolved yet, or the network is gone
	}
	for _, r := range routes {
		if slices.Contains(st.routes, r) {
			continue
		}
		fresh = append(fresh, newRouteSample(r, now, st.epoch))
	}
	st.routes, st.routesAt = routes, now
	return fresh
}

// routeText describes the routes in use, "" when none is known.
func (st *stats) routeText() string {
	if st.routes == nil {
		return ""
	}
	var texts []string
	for _, r := range st.routes {
		texts = append(texts, r.String())
	}
	return "measured from " + strings.Join(texts, " and ")
}

func newRouteSample(r hostnet.Route, now, epoch time.Time) sample {
	s := sample{Time: now.UTC(), TimeMS: units.Millis(now.Sub(epoch)), Event: routeEvent, Source: r.Source.String(), Interface: r.Interface}
	if r.Gateway.IsValid() {
		s.Gateway = r.Gateway.WithZone("").String()
	}
	return s
}

// routeText describes the route that the sample is.
func (s sample) routeText() string {
	text := "measured from " + s.Source + " by " + s.Interface
	if s.Gateway != "" {
		text += " through " + s.Gateway
	}
	return text
}
