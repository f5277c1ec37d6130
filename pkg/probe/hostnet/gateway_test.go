package hostnet

import (
	"net/netip"
	"strings"
	"testing"
)

const routes4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	FE01A8C0	0003	0	0	200	00000000	0	0	0
eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
wan2	00000000	0164A8C0	0002	0	0	10	00000000	0	0	0
ppp0	00000000	00000000	0001	0	0	5	00000000	0	0	0
tun0	00000000	0100000A	0003	0	0	0	00000080	0	0	0
eth0	0001A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
`

const routes6 = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000800 00000002 00000000 00000003     eth1
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`

func TestDefaultGateway(t *testing.T) {
	for _, tt := range []struct {
		name, table, iface, want string
		v6                       bool
	}{
		{"lowest metric that is up and has a gateway", routes4, "", "192.168.1.1", false},
		{"through an interface", routes4, "eth1", "192.168.1.254", false},
		{"interface without one", routes4, "ppp0", "", false},
		{"empty", "", "", "", false},
		{"nonsense", "eth0 00000000 xx 0003 0 0 1 00000000\n", "", "", false},
		{"IPv6 link-local has its interface", routes6, "", "fe80::1%eth0", true},
		{"IPv6 through an interface", routes6, "eth1", "2001:db8::1", true},
		{"IPv6 without", routes6, "lo", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parse := defaultGateway4
			if tt.v6 {
				parse = defaultGateway6
			}
			got, ok := parse(strings.NewReader(tt.table), tt.iface)
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			if got != want || ok != want.IsValid() {
				t.Errorf("got %v, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func FuzzDefaultGateway(f *testing.F) {
	f.Add(routes4, "")
	f.Add(routes6, "eth0")
	f.Fuzz(func(t *testing.T, table, iface string) {
		if addr, ok := defaultGateway4(strings.NewReader(table), iface); ok != addr.IsValid() || ok && !addr.Is4() {
			t.Errorf("IPv4: %v, %v", addr, ok)
		}
		if addr, ok := defaultGateway6(strings.NewReader(table), iface); ok != addr.IsValid() || ok && !addr.Is6() {
			t.Errorf("IPv6: %v, %v", addr, ok)
		}
	})
}
