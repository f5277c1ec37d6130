package rosdata

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

func TestSimpleQueue(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
		want router.SimpleQueue
		bad  string
	}{
		{"numbers", Row{"name": "q", "max-limit": "500000000/40000000", "queue": "a/b", "parent": "none", "bytes": "1/2", "rate": "3/4", "burst-time": "0s/0s"}, router.SimpleQueue{
			Name: "q", MaxLimit: [2]bitrate.Rate{500 * bitrate.Mbps, 40 * bitrate.Mbps}, Type: [2]string{"a", "b"},
			Counters: [2]router.Counters{{Bytes: 1, Rate: 3}, {Bytes: 2, Rate: 4}},
		}, ""},
		{"as a console writes it", Row{"name": "q", "max-limit": "0.5G/480500k", "limit-at": "1M", "total-max-limit": "1G", "target": "ether1,10.0.0.0/8", "burst-time": "8s/00:01:00", "invalid": "yes", "parent": "top"}, router.SimpleQueue{
			Name: "q", MaxLimit: [2]bitrate.Rate{500 * bitrate.Mbps, 480_500 * bitrate.Kbps}, LimitAt: [2]bitrate.Rate{bitrate.Mbps, bitrate.Mbps},
			TotalMaxLimit: bitrate.Gbps, Target: []string{"ether1", "10.0.0.0/8"}, BurstTime: [2]time.Duration{8 * time.Second, time.Minute}, Invalid: true, Parent: "top",
		}, ""},
		{"no limit", Row{"name": "q"}, router.SimpleQueue{}, `answer has no "max-limit"`},
		{"half a limit", Row{"name": "q", "max-limit": "1M/x"}, router.SimpleQueue{}, `max-limit is "x", not a rate`},
		{"no number", Row{"name": "q", "max-limit": "1M/1M", "bytes": "1/-2"}, router.SimpleQueue{}, `bytes is "-2", not a number`},
		{"no time", Row{"name": "q", "max-limit": "1M/1M", "burst-time": "1s/soon"}, router.SimpleQueue{}, `burst-time: "soon" is not a duration`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := SimpleQueue(tt.row)
			if tt.bad != "" {
				if err == nil || err.Error() != tt.bad {
					t.Errorf("error is %v, want %s", err, tt.bad)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v -want +got\n%s", err, diff)
			}
		})
	}
}

func TestEqualOnBothSides(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"480M/40M", "480000000/40000000", true},
		{"480M/40M", "40M/480M", false},
		{"480M/40M", "480M", false},
		{"a/b", "a/b", true},
		{"a/b", "a/c", false},
	} {
		if got := Same(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: %t", tt.a, tt.b, got)
		}
	}
}

func TestGatewayInterface(t *testing.T) {
	for _, tt := range []struct {
		row  Row
		want string
	}{
		{Row{"gateway": "192.0.2.1", "immediate-gw": "192.0.2.1%ether1"}, "ether1"},
		{Row{"gateway": "pppoe-out1", "immediate-gw": "pppoe-out1"}, "pppoe-out1"},
		{Row{"gateway": "fe80::1%vlan20"}, "vlan20"},
		{Row{"gateway": "192.0.2.1", "gateway-status": "192.0.2.1 reachable via  ether1"}, "ether1"},
		{Row{"gateway": "lte1", "gateway-status": "lte1 reachable"}, "lte1"},
		{Row{"gateway": "192.0.2.1"}, ""},
		{Row{}, ""},
	} {
		if got := gatewayInterface(tt.row); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.row, got, tt.want)
		}
	}
}
