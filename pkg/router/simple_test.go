package router

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

func TestDownloadSide(t *testing.T) {
	routes := []Route{
		{Destination: "0.0.0.0/0", Interface: "ether1", Active: true},
		{Destination: "0.0.0.0/0", Interface: "lte1"},
		{Destination: "::/0", Interface: "pppoe-out1", Active: true},
		{Destination: "10.0.0.0/8", Interface: "ether5", Active: true},
		{Destination: "0.0.0.0/0", Active: true},
	}
	interfaces := []Interface{{Name: "ether1", Type: "ether"}, {Name: "ether5", Type: "ether"}, {Name: "home", Type: "bridge"}, {Name: "bridge", Type: "vlan"}}
	for _, tt := range []struct {
		target string
		want   int // -1: does not tell
		why    string
	}{
		{"ether1", SideA, "default route"},
		{"pppoe-out1", SideA, "default route"},
		{"ether1,pppoe-out1", SideA, "default route"},
		{"192.168.20.0/24", SideB, "LAN"},
		{"10.1.2.3", SideB, "LAN"},
		{"172.31.0.0/16,fd00::/64", SideB, "LAN"},
		{"home", SideB, "LAN"},
		{"home,192.168.0.0/16", SideB, "LAN"},
		{"lte1", -1, "queues"},                    // its route is not active
		{"ether5", -1, ""},                        // no default route
		{"bridge", -1, ""},                        // only called so
		{"0.0.0.0/0", -1, ""},                     // everything
		{"8.0.0.0/5", -1, ""},                     // holds private addresses and others
		{"203.0.113.7/32", -1, ""},                // public
		{"2001:db8::/32", -1, ""},                 // public
		{"ether1,192.168.20.0/24", -1, "neither"}, // both
		{"", -1, ""},
	} {
		q := SimpleQueue{Name: "q", Target: strings.Split(tt.target, ",")}
		if tt.target == "" {
			q.Target = nil
		}
		side, why, err := q.DownloadSide(routes, interfaces)
		if tt.want < 0 {
			if err == nil {
				t.Errorf("%s: side %d, %s", tt.target, side, why)
			}
			continue
		}
		if err != nil || side != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: side %d (%s), %v", tt.target, side, why, err)
		}
	}
}

func TestOverrides(t *testing.T) {
	pair := func(a, b bitrate.Rate) [2]bitrate.Rate { return [2]bitrate.Rate{a * bitrate.Mbps, b * bitrate.Mbps} }
	top := &SimpleQueue{Name: "top", MaxLimit: pair(100, 0)}
	for _, tt := range []struct {
		name   string
		queue  SimpleQueue
		parent *SimpleQueue
		want   []string
	}{
		{"nothing", SimpleQueue{MaxLimit: pair(50, 500)}, nil, nil},
		{"parent with room", SimpleQueue{MaxLimit: pair(50, 500)}, top, nil},
		{"parent", SimpleQueue{MaxLimit: pair(500, 500)}, top, []string{`its parent "top" has the lower limit 100M for A, which holds`}},
		{"parent of an unlimited queue", SimpleQueue{}, top, []string{`its parent "top" has the lower limit 100M for A, which holds`}},
		{"limit-at", SimpleQueue{MaxLimit: pair(50, 500), LimitAt: pair(0, 100)}, nil, []string{"limit-at=100M: no lower limit can be set for B"}},
		{"burst", SimpleQueue{MaxLimit: pair(50, 500), BurstLimit: pair(60, 400), BurstTime: [2]time.Duration{time.Second, time.Second}}, nil,
			[]string{"burst-limit=60M: lower limits for A can be exceeded for a while", "burst-limit=400M: lower limits for B can be exceeded for a while"}},
		{"burst without a time", SimpleQueue{MaxLimit: pair(50, 500), BurstLimit: pair(60, 600)}, nil, nil},
		{"total", SimpleQueue{MaxLimit: pair(50, 500), TotalMaxLimit: 400 * bitrate.Mbps}, nil, []string{"total-max-limit=400M holds for both sides together"}},
		{"total with room", SimpleQueue{MaxLimit: pair(50, 500), TotalMaxLimit: 550 * bitrate.Mbps}, nil, nil},
	} {
		if diff := cmp.Diff(tt.want, tt.queue.Overrides(tt.parent)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, diff)
		}
	}
}
