package telemetry

// HA is how one of several nodes stands with the routers of its configurations.
type HA struct {
	Node    string        `json:"node"`
	Routers []RouterOwner `json:"routers"`
}

// RouterOwner says who owns a router.
type RouterOwner struct {
	Router       string  `json:"router"`
	Role         string  `json:"role"`                 // owner, standby, or blocked: it cannot take the router over
	Owner        string  `json:"owner"`                // node; "" none or not known
	Epoch        uint64  `json:"epoch"`                // of the owner's claim
	SinceSeconds float64 `json:"since_seconds"`        // in this role
	Takeovers    int     `json:"takeovers"`            // by this node, from an owner that had fallen silent
	Blocked      string  `json:"blocked,omitempty"`    // why it cannot take the router over
	Lost         string  `json:"last_loss,omitempty"`  // why it last ceased to be the owner
	Error        string  `json:"last_error,omitempty"` // of the last request to the router
}

// The roles of a node.
const (
	Owner   = "owner"
	Standby = "standby"
	Blocked = "blocked"
)

// SetHA adds how the node stands. One that is no standby where it ought to be one is degraded; one
// without loops because others own all routers is as healthy as those with loops.
func (h *Host) SetHA(ha *HA) {
	h.HA = ha
	if len(h.WANs)+len(h.Steering) == 0 && len(ha.Routers) > 0 {
		h.Status = Healthy
	}
	for _, r := range ha.Routers {
		if r.Role == Blocked || r.Error != "" {
			h.Status = worse(h.Status, Degraded)
		}
	}
}

// problems returns a text for each router that this node is no standby of.
func (ha *HA) problems() (list []string) {
	if ha == nil {
		return nil
	}
	for _, r := range ha.Routers {
		switch {
		case r.Role == Blocked:
			list = append(list, "router "+r.Router+" cannot be taken over: "+r.Blocked)
		case r.Error != "":
			list = append(list, "router "+r.Router+": its claims cannot be read: "+r.Error)
		}
	}
	return list
}
