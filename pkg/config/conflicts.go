package config

import (
	"fmt"
	"slices"
	"strings"
)

// CheckConflicts reports, as an *Error, what keeps several loops from running beside
// each other: each WAN needs its own name and queues, each steering its own rule, and
// all of them their own files, and clients and topics at a broker.
func CheckConflicts(wans []*WAN, steering ...*Steering) error {
	var claims Claims
	var problems []Problem
	for _, w := range wans {
		problems = append(problems, claims.add(claimsOfWAN(w))...)
	}
	for _, s := range steering {
		problems = append(problems, claims.add(claimsOfSteering(s))...)
	}
	if len(problems) > 0 {
		return &Error{Problems: problems}
	}
	return nil
}

// Claims are what loops that run beside each other have for themselves. The zero value
// has none.
type Claims struct {
	owners map[claimID][]claim
}

// claimID identifies what only one loop may have.
type claimID struct{ kind, value string }

type claim struct {
	path, key string // of the configuration
	id        claimID
	name      string  // of what is claimed, in messages
	router    *Router // of a row; nil for others
}

// conflicts reports whether c and x are of the same thing. Behind one address there may
// be two routers, at two ports of the same service.
func (c claim) conflicts(x claim) bool {
	a, b := c.router, x.router
	twoRouters := a != nil && b != nil && a.Transport == b.Transport && a.TLS == b.TLS && a.Port != b.Port
	return c.id == x.id && !twoRouters
}

// WAN claims what a WAN needs. Where another loop has some of it, nothing is claimed
// and the error is an *Error.
func (c *Claims) WAN(w *WAN) error { return c.all(claimsOfWAN(w)) }

// Steering is WAN for steering.
func (c *Claims) Steering(s *Steering) error { return c.all(claimsOfSteering(s)) }

func (c *Claims) all(list []claim) error {
	if problems := c.taken(list); len(problems) > 0 {
		return &Error{Problems: problems}
	}
	c.add(list)
	return nil
}

// taken returns a problem for each claim that another loop has.
func (c *Claims) taken(list []claim) (problems []Problem) {
	for _, x := range list {
		if i := slices.IndexFunc(c.owners[x.id], x.conflicts); i >= 0 {
			problems = append(problems, Problem{File: x.path, Key: x.key,
				Text: fmt.Sprintf("%s is used by %s too; two loops must not share it", x.name, c.owners[x.id][i].path)})
		}
	}
	return problems
}

// add claims what is free, and returns a problem for each of the others.
func (c *Claims) add(list []claim) (problems []Problem) {
	if c.owners == nil {
		c.owners = map[claimID][]claim{}
	}
	for _, x := range list {
		if taken := c.taken([]claim{x}); len(taken) > 0 {
			problems = append(problems, taken...)
			continue
		}
		c.owners[x.id] = append(c.owners[x.id], x)
	}
	return problems
}

func newClaim(path, key, kind, value string) claim {
	x := claim{path: path, key: key, id: claimID{kind, value}, name: value}
	if kind == "name" {
		x.id.value = strings.ToLower(value) // as it is in the metrics
	}
	return x
}

func (c claim) at(r *Router) claim {
	c.router = r
	return c
}

func claimsOfWAN(w *WAN) []claim {
	list := []claim{
		newClaim(w.Path, "wan_name", "name", w.Name),
		newClaim(w.Path, "lock_file", "file", w.LockFile),
		newClaim(w.Path, "state_file", "file", w.StateFile),
	}
	for _, q := range []struct{ key, kind, name string }{
		{"queues.download", "queue", w.Queues.Download}, {"queues.upload", "queue", w.Queues.Upload}, {"queues.simple", "simple queue", w.Queues.Simple},
	} {
		if q.name != "" {
			list = append(list, newClaim(w.Path, q.key, q.kind, q.name+" on "+w.Router.Host).at(&w.Router))
		}
	}
	return append(list, claimsOfNotify(&w.Base)...)
}

func claimsOfSteering(s *Steering) []claim {
	list := []claim{
		newClaim(s.Path, "lock_file", "file", s.LockFile),
		newClaim(s.Path, "state_file", "file", s.StateFile),
		newClaim(s.Path, "mangle_rule.comment", "rule", fmt.Sprintf("%q on %s", s.Rule, s.Router.Host)).at(&s.Router),
	}
	return append(list, claimsOfNotify(&s.Base)...)
}

// claimsOfNotify are what a loop has for itself at its MQTT broker.
func claimsOfNotify(b *Base) (list []claim) {
	m := &b.Notify.MQTT
	if m.Broker == "" {
		return nil
	}
	if m.ClientID != "" {
		list = append(list, newClaim(b.Path, "notify.mqtt.client_id", "MQTT client", m.ClientID+" at "+m.Broker))
	}
	return append(list, newClaim(b.Path, "notify.mqtt.topic_prefix", "MQTT topic", m.TopicPrefix+"/"+b.Name+" at "+m.Broker))
}
