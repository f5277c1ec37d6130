package router

import (
	"strings"
	"testing"
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
