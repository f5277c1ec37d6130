package mqtt

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/notify"
)

// component is one value that Home Assistant shows: a sensor, or with on a binary_sensor.
type component struct {
	key, name string
	value     string // expression of Jinja for the value, in the status as value_json
	on        bool   // the value is true or false
	unit      string
	class     string   // device class
	options   []string // of a sensor that has words as values
	icon      string
	diagnosis bool // not on the first page of a device
}

var states = []string{"GREEN", "YELLOW", "SOFT_RED", "RED", "UNKNOWN"}

// components returns what a loop of this kind has; nothing while that is not known.
func components(s *notify.Status) []component {
	if s.Line == nil && s.Steering == nil {
		return nil
	}
	list := []component{
		{key: "health", name: "Health", value: "value_json.health", class: "enum", options: []string{"starting", "healthy", "degraded"}, icon: "mdi:heart-pulse"},
	}
	if s.Line != nil {
		list = append(list,
			component{key: "internet", name: "Internet", value: "not line.outage", on: true, class: "connectivity"},
			component{key: "rtt", name: "Round-trip time", value: "line.rtt_ms", unit: "ms", class: "duration"},
			component{key: "excess", name: "Excess delay", value: "line.excess_ms", unit: "ms", class: "duration"},
			component{key: "baseline", name: "Baseline round-trip time", value: "line.baseline_rtt_ms", unit: "ms", class: "duration", diagnosis: true},
			component{key: "reflectors", name: "Reflectors that answer", value: "line.reflectors_alive", icon: "mdi:access-point", diagnosis: true},
		)
	}
	for _, d := range []struct {
		key, name string
		status    *notify.DirectionStatus
	}{{"download", "Download", s.Download}, {"upload", "Upload", s.Upload}} {
		if d.status == nil {
			continue
		}
		list = append(list,
			component{key: d.key + "_state", name: d.name + " state", value: d.key + ".state", class: "enum", options: states, icon: "mdi:traffic-light"},
			component{key: d.key + "_limit", name: d.name + " limit", value: d.key + ".limit_mbps", unit: "Mbit/s", class: "data_rate"},
			component{key: d.key + "_throughput", name: d.name + " throughput", value: d.key + ".throughput_mbps", unit: "Mbit/s", class: "data_rate"},
			component{key: d.key + "_capacity", name: d.name + " capacity", value: d.key + ".capacity_mbps", unit: "Mbit/s", class: "data_rate"},
		)
	}
	if s.Steering != nil {
		list = append(list,
			component{key: "steering", name: "Steering", value: "steering.engaged", on: true, icon: "mdi:call-split"},
			component{key: "congestion", name: "Congestion", value: "steering.congestion", class: "enum", options: states, icon: "mdi:traffic-light"},
		)
	}
	return list
}

// key identifies a list of components.
func key(list []component) string {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(c.key + " ")
	}
	return b.String()
}

// template returns the template of a value. What is null or absent is unknown.
func (x component) template() string {
	expr := x.value
	section, _, found := strings.Cut(strings.TrimPrefix(expr, "not "), ".")
	if found && section != "value_json" {
		expr = strings.Replace(expr, section+".", "value_json."+section+".", 1)
		if x.on {
			return "{{ none if not value_json." + section + " else 'ON' if " + expr + " else 'OFF' }}"
		}
		return "{{ " + expr + " if value_json." + section + " else none }}"
	}
	return "{{ " + expr + " }}"
}

// platform is the kind of entity.
func (x component) platform() string {
	if x.on {
		return "binary_sensor"
	}
	return "sensor"
}

func (c *Client) discoveryTopic(x component) string {
	return c.cfg.DiscoveryPrefix + "/" + x.platform() + "/" + c.id(x.key) + "/config"
}

// discovery is the message about one component, in the words of Home Assistant.
type discovery struct {
	Name          string   `json:"name"`
	UniqueID      string   `json:"unique_id"`
	EntityID      string   `json:"default_entity_id"` // such as sensor.wanctl_NAME_rtt
	StateTopic    string   `json:"state_topic"`
	ValueTemplate string   `json:"value_template"`
	Availability  string   `json:"availability_topic"`
	ExpireAfter   int      `json:"expire_after"` // seconds
	Unit          string   `json:"unit_of_measurement,omitempty"`
	DeviceClass   string   `json:"device_class,omitempty"`
	StateClass    string   `json:"state_class,omitempty"`
	Options       []string `json:"options,omitempty"`
	Icon          string   `json:"icon,omitempty"`
	Category      string   `json:"entity_category,omitempty"`
	Device        device   `json:"device"`
	Origin        origin   `json:"origin"`
}

type device struct {
	Identifiers  []string `json:"identifiers"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	Version      string   `json:"sw_version"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw_version"`
}

func (c *Client) discovery(x component, s *notify.Status) discovery {
	d := discovery{
		Name: x.name, UniqueID: c.id(x.key), EntityID: x.platform() + "." + c.id(x.key),
		StateTopic: c.topic("state"), ValueTemplate: x.template(), Availability: c.topic("availability"),
		// Three publications may be late before the values are too old.
		ExpireAfter: max(60, 3*int(c.cfg.Interval.Seconds())),
		Unit:        x.unit, DeviceClass: x.class, Options: x.options, Icon: x.icon,
		Device: device{[]string{c.id("")}, "WAN " + c.cfg.Name, "wanctl", "bandwidth controller", c.cfg.Version},
		Origin: origin{"wanctl", c.cfg.Version},
	}
	if s.Steering != nil {
		d.Device.Name, d.Device.Model = "WAN "+c.cfg.Name+" ("+s.Steering.Primary+" to "+s.Steering.Alternate+")", "WAN steering"
	}
	if !x.on && x.options == nil {
		d.StateClass = "measurement"
	}
	if x.diagnosis {
		d.Category = "diagnostic"
	}
	return d
}
