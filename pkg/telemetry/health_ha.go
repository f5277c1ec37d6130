package telemetry

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// HA is how one of several nodes stands with the routers of its configurations.
type HA struct {
	Node    string        `json:"node"`
	Routers []RouterOwner `json:"routers"`
}

// RouterOwner says who owns a router, and what this node is for it.
type RouterOwner struct {
	Router       string         `json:"router"`
	Node         string         `json:"node"`             // this one
	Role         string         `json:"role"`             // of this node: owner, standby, blocked or cut_off
	SinceSeconds float64        `json:"since_seconds"`    // in this role
	Why          string         `json:"why"`              // for people: why it has this role
	Owner        string         `json:"owner"`            // node; "" none or not known
	Epoch        uint64         `json:"epoch"`            // of the owner's claim
	Rules        bool           `json:"rules"`            // whether the rules were there when last looked
	Takeovers    map[string]int `json:"takeovers"`        // by this node, by reason
	Fenced       []FencedNode   `json:"fenced,omitempty"` // by this node
	Error        string         `json:"last_error,omitempty"`
}

// FencedNode is a node whose packets a router drops.
type FencedNode struct {
	Node        string  `json:"node"`
	Address     string  `json:"address"`
	LeftSeconds float64 `json:"left_seconds"`
}

// The roles of a node.
const (
	RoleOwner   = "owner"
	RoleStandby = "standby"
	RoleBlocked = "blocked" // it must not take the router over
	RoleCutOff  = "cut_off" // the router does not answer it, or drops what it sends
)

// Elsewhere reports whether the loops of the router do not run on this node. A loop without
// nodes has no RouterOwner, and runs here.
func (r *RouterOwner) Elsewhere() bool { return r != nil && r.Role != RoleOwner }

// status returns that of a loop that runs elsewhere, if anywhere: only a node that could take
// it over is in order.
func (r *RouterOwner) status() (Status, []string) {
	if r.Role == RoleStandby {
		return Standby, nil
	}
	return Degraded, []string{OneLine(r.Why)}
}

// Warnings returns what is doubtful about a router that this node owns.
func (r *RouterOwner) Warnings() []string {
	if r == nil || r.Role != RoleOwner || r.Rules {
		return nil
	}
	return []string{"no node could take router " + r.Router + " over: the rules that count and fence nodes are absent or disabled: wanctl router export --ha"}
}

// Text describes the role for people: "owner for 2m3s, epoch 4: no packet from pop1-a for 2.1 s".
// It is "" without nodes.
func (r *RouterOwner) Text() string {
	if r == nil {
		return ""
	}
	text := r.Role
	if r.Role != RoleOwner && r.Owner != "" {
		text += " of " + r.Owner
	}
	text += fmt.Sprintf(" for %v", time.Duration(r.SinceSeconds)*time.Second)
	if r.Epoch > 0 {
		text += fmt.Sprintf(", epoch %d", r.Epoch)
	}
	if r.Why != "" && r.Role != RoleBlocked && r.Role != RoleCutOff { // those are reasons
		text += ": " + r.Why
	}
	for _, f := range r.Fenced {
		text += fmt.Sprintf("; %s (%s) is fenced for another %.0f s", f.Node, f.Address, f.LeftSeconds)
	}
	return OneLine(text)
}

// NodeMetrics returns a Gatherer of how a node stands with its routers at the time it is asked;
// of nothing while nodes returns nil.
func NodeMetrics(nodes func() *HA) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		ha := nodes()
		if ha == nil {
			return nil, nil
		}
		reg := prometheus.NewRegistry()
		gauge := func(name, help string) func(r *RouterOwner, value float64) {
			v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"router", "node"})
			reg.MustRegister(v)
			return func(r *RouterOwner, value float64) { v.WithLabelValues(r.Router, ha.Node).Set(value) }
		}
		owner := gauge("wanctl_ha_owner", "Whether the node owns the router (1) or not (0).")
		ready := gauge("wanctl_ha_standby_ready", "Whether the node stands by and could take the router over (1) or not (0).")
		epoch := gauge("wanctl_ha_epoch", "Epoch of the owner's claim on the router, 0 without one.")
		rules := gauge("wanctl_ha_rules_present", "Whether the router has the rules that count and fence nodes (1) or not (0).")
		takeovers := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wanctl_ha_takeovers_total", Help: "Times the node has become the owner of the router, by reason."}, []string{"router", "node", "reason"})
		reg.MustRegister(takeovers)
		for i := range ha.Routers {
			r := &ha.Routers[i]
			owner(r, oneIf(r.Role == RoleOwner))
			ready(r, oneIf(r.Role == RoleStandby))
			epoch(r, float64(r.Epoch))
			if r.Role != RoleCutOff { // which does not see them
				rules(r, oneIf(r.Rules))
			}
			for reason, n := range r.Takeovers {
				takeovers.WithLabelValues(r.Router, ha.Node, reason).Add(float64(n))
			}
		}
		return reg.Gather()
	})
}
