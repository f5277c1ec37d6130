package telemetry

import (
	"cmp"
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Origin is the origin of the values in a health document.
type Origin string

// Origins.
const (
	FromLoop Origin = "loop" // the running loop
	FromFile Origin = "file" // the state file of a loop that does not run
)

// Health is the health document of the autorate loops. Unknown numbers are
// null. Nothing in it is secret: no error text may hold a password.
type Health struct {
	Status              Status      `json:"status"`
	UptimeSeconds       float64     `json:"uptime_seconds"`
	Version             string      `json:"version"`
	ConsecutiveFailures int         `json:"consecutive_failures"` // the worst of the WANs
	WANCount            int         `json:"wan_count"`
	WANs                []WANHealth `json:"wans"`
}

// Problems returns a text for each WAN that is degraded: its name and why.
func (h Health) Problems() []string {
	var list []string
	for _, w := range h.WANs {
		if w.Status == Degraded {
			list = append(list, w.Name+" degraded: "+strings.Join(w.Reasons, ", "))
		}
	}
	return list
}

// WANHealth is one WAN in it.
type WANHealth struct {
	Name          string          `json:"name"`
	BaselineRTTMs *float64        `json:"baseline_rtt_ms"`
	LoadRTTMs     *float64        `json:"load_rtt_ms"`
	Download      DirectionHealth `json:"download,omitzero"`
	Upload        DirectionHealth `json:"upload,omitzero"`

	Status              Status       `json:"status"`
	Reasons             []string     `json:"reasons,omitempty"`  // why it is not healthy, for people
	Warnings            []string     `json:"warnings,omitempty"` // what is doubtful though it may be healthy, for people
	Source              Origin       `json:"source,omitempty"`
	At                  *time.Time   `json:"at,omitempty"`
	AgeSeconds          *float64     `json:"age_seconds"` // of these values
	ExcessMs            *float64     `json:"excess_ms"`
	ConsecutiveFailures int          `json:"consecutive_failures"`
	Faults              []string     `json:"-"` // of the queues: reasons for being degraded
	Started             time.Time    `json:"-"` // when the loop was started; zero: with the process
	DryRun              bool         `json:"dry_run"`
	Probe               ProbeHealth  `json:"probe"`
	Router              RouterHealth `json:"router"`
	HA                  *RouterOwner `json:"ha,omitempty"` // of one of several nodes
}

// DirectionHealth is one direction of a WAN.
type DirectionHealth struct {
	CurrentRateMbps *float64 `json:"current_rate_mbps"`
	State           string   `json:"state"`

	Reason         string   `json:"reason,omitempty"`
	AppliedMbps    *float64 `json:"applied_rate_mbps"`
	FloorMbps      *float64 `json:"floor_mbps"`
	CeilingMbps    *float64 `json:"ceiling_mbps"`
	ThroughputMbps *float64 `json:"throughput_mbps"`
	CapacityMbps   *float64 `json:"capacity_mbps"`
	// Refused is the answer of the router to the last write of the limit, if that
	// was a refusal; writes are repeated after minutes then.
	Refused string `json:"refused,omitempty"`
	// QueueFault is why the queue limits nothing, or not as its limit says: absent,
	// ambiguous, invalid, disabled, bypassed or overridden.
	QueueFault string `json:"queue_fault,omitempty"`
	// NotControlled is set for a direction that has no queue. It is absent from the
	// document then.
	NotControlled bool `json:"-"`
}

// IsZero reports whether the direction is absent from the document.
func (h DirectionHealth) IsZero() bool { return h.NotControlled }

// UnmarshalJSON reads a WAN of a document. Directions that it does not have are not
// controlled.
func (h *WANHealth) UnmarshalJSON(text []byte) error {
	type plain WANHealth
	if err := json.Unmarshal(text, (*plain)(h)); err != nil {
		return err
	}
	for _, d := range autorate.Directions {
		h.Direction(d).NotControlled = h.Direction(d).State == ""
	}
	return nil
}

// ProbeHealth describes the measurement of the round-trip time.
type ProbeHealth struct {
	Mode                string   `json:"mode,omitempty"` // such as "icmp" or "tcp"
	ReflectorsAlive     int      `json:"reflectors_alive"`
	Reflectors          int      `json:"reflectors"`        // in use
	Samples             int      `json:"samples,omitempty"` // that an excess has to last to count
	LastReplyAgeSeconds *float64 `json:"last_reply_age_seconds"`
	// Hosts are the ICMP reflectors, spares included.
	Hosts []Reflector `json:"hosts,omitempty"`
	// Routes are those by which probes leave the host, each once.
	Routes []ProbeRoute `json:"routes,omitempty"`
}

// ProbeRoute is the route of probes as the kernel has it.
type ProbeRoute struct {
	Source    string `json:"source"` // address
	Interface string `json:"interface"`
	Gateway   string `json:"gateway,omitempty"` // absent where reflectors are on the link, as on a PPP line
}

// String returns such as "192.168.88.10 by eth0 through 192.168.88.1".
func (r ProbeRoute) String() string {
	text := r.Source + " by " + r.Interface
	if r.Gateway != "" {
		text += " through " + r.Gateway
	}
	return text
}

// Local reports whether the route ends on the host itself, as in a trial.
func (r ProbeRoute) Local() bool {
	source, err := netip.ParseAddr(r.Source)
	return err == nil && source.IsLoopback()
}

// RouterHealth is the connection to the router.
type RouterHealth struct {
	Transport            string   `json:"transport,omitempty"` // in use
	Address              string   `json:"address,omitempty"`   // "host:port" in use
	Failovers            int      `json:"failovers"`           // switches to another endpoint, including those back
	LatencyMs            *float64 `json:"latency_ms"`          // of a recent request
	Reachable            bool     `json:"reachable"`
	LastAnswerAgeSeconds *float64 `json:"last_answer_age_seconds"`
	LastError            string   `json:"last_error,omitempty"` // of the last request; empty when it succeeded
}

// NewWANHealth returns the health of a WAN according to a decision of its loop,
// made at the moment at; the zero time is unknown. The bounds, the probes and
// the router are left to the caller.
func NewWANHealth(name string, at time.Time, dec autorate.Decision) WANHealth {
	h := WANHealth{
		Name: name, At: known(at),
		BaselineRTTMs: Milliseconds(dec.Baseline),
		LoadRTTMs:     Milliseconds(dec.RTT),
		Probe:         ProbeHealth{ReflectorsAlive: dec.Alive, Samples: dec.Samples},
	}
	if dec.RTT > 0 {
		h.ExcessMs = new(round(millis(dec.Excess)))
	}
	for _, d := range autorate.Directions {
		x := &dec.Directions[d]
		*h.Direction(d) = DirectionHealth{
			CurrentRateMbps: Mbps(x.Limit), State: x.State.String(),
			ThroughputMbps: Mbps(x.Throughput), CapacityMbps: Mbps(x.Capacity),
		}
		if x.Reason != 0 {
			h.Direction(d).Reason = x.Reason.String()
		}
	}
	return h
}

// Direction returns the part of h for one direction.
func (h *WANHealth) Direction(d autorate.Direction) *DirectionHealth {
	if d == autorate.Upload {
		return &h.Upload
	}
	return &h.Download
}

func (h *DirectionHealth) limitUnknown() bool { return h.AppliedMbps == nil && !h.NotControlled }

// SetLimits sets the limit that the router has confirmed, and the configured
// bounds.
func (h *DirectionHealth) SetLimits(applied, floor, ceiling bitrate.Rate) {
	h.AppliedMbps, h.FloorMbps, h.CeilingMbps = Mbps(applied), Mbps(floor), Mbps(ceiling)
}

// complete sets everything that follows from other values and the time.
func (h *WANHealth) complete(now time.Time) {
	if h.At != nil {
		h.AgeSeconds = Age(now, *h.At)
	}
	for _, d := range autorate.Directions {
		x := h.Direction(d)
		if x.NotControlled {
			*x = DirectionHealth{NotControlled: true}
			continue
		}
		x.State = cmp.Or(x.State, autorate.State(0).String())
		x.Refused = OneLine(x.Refused)
	}
	h.Router.Reachable = h.Router.LastAnswerAgeSeconds != nil && h.Router.LastError == ""
	h.Router.LastError = OneLine(h.Router.LastError)
}

// Milliseconds returns d for a health document, nil unless it is positive.
func Milliseconds(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return new(round(millis(d)))
}

// Mbps returns r for a health document, nil unless it is positive.
func Mbps(r bitrate.Rate) *float64 {
	if r <= 0 {
		return nil
	}
	return new(round(r.Mbps()))
}

// Age returns the seconds from then to now for a health document, nil for the
// zero time.
func Age(now, then time.Time) *float64 {
	if then.IsZero() {
		return nil
	}
	return new(round(max(now.Sub(then), 0).Seconds()))
}

// known returns nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// round keeps three decimals: microseconds, or kbit/s.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// OneLine returns an error text as one short line.
func OneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "..."
}
