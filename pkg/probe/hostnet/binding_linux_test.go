package hostnet

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBind(t *testing.T) {
	for _, tt := range []struct{ source, iface, want string }{
		{"", "", ""},
		{"127.0.0.1", "", ""},
		{"127.1.2.3", "", ""},
		{"::ffff:127.0.0.1", "", ""},
		{"192.0.2.77", "", "source address 192.0.2.77: not on this host, which has "},
		{"eth0", "", `source address "eth0": must be an IP address`},
		{"fe80::1", "", "source address fe80::1: link-local; name the interface instead"},
		{"", "nosuch0", `interface "nosuch0": not on this host, which has `},
	} {
		b, err := Bind(tt.source, tt.iface, 0)
		switch {
		case tt.want == "" && (err != nil || tt.source != "" && (!b.Source.Is4() || !b.Source.IsLoopback())):
			t.Errorf("Bind(%q, %q) = %v, %v", tt.source, tt.iface, b, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("Bind(%q, %q) = %v, want %s", tt.source, tt.iface, err, tt.want)
		}
	}
}

// Without capabilities a mark is refused, with the commands that permit it.
func TestMarkNeedsACapability(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective = 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
	_, err := Bind("", "", 0x14)
	if err == nil {
		t.Fatal("a mark was permitted without a capability")
	}
	for _, want := range []string{"the mark 0x14 is not permitted", "CAP_NET_ADMIN", "setcap cap_net_raw,cap_net_admin+ep /", "systemctl edit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not contain %q", err, want)
		}
	}
	if _, err := Bind("127.0.0.1", "", 0); err != nil {
		t.Errorf("without a mark: %v", err)
	}
}

func TestICMPAccess(t *testing.T) {
	access, err := ICMPAccess()
	if (access == NoICMP) != (err != nil) {
		t.Errorf("ICMPAccess = %v, %v", access, err)
	}
	if os.Geteuid() == 0 && access != RawSockets {
		t.Logf("root without raw sockets: %v, %v", access, err)
	}
}

func TestRoute(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, tt := range []struct {
		name    string
		binding Binding
		to      string
		want    Route
		err     error
	}{
		{"loopback", Binding{}, "127.0.0.1", Route{Source: loopback, Interface: "lo"}, nil},
		{"mapped", Binding{}, "::ffff:127.0.0.1", Route{Source: loopback, Interface: "lo"}, nil},
		{"from another address", Binding{Source: netip.MustParseAddr("127.0.0.9")}, "127.0.0.1", Route{Source: netip.MustParseAddr("127.0.0.9"), Interface: "lo"}, nil},
		{"no such interface", Binding{Interface: "nosuch0"}, "127.0.0.1", Route{}, syscall.ENODEV},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.binding.Route(netip.MustParseAddr(tt.to))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
	for r, want := range map[Route]string{
		{Source: loopback, Interface: "lo"}:                                               "127.0.0.1 by lo",
		{netip.MustParseAddr("2001:db8::2"), "eth0", netip.MustParseAddr("fe80::1%eth0")}: "2001:db8::2 by eth0 through fe80::1",
	} {
		if r.String() != want {
			t.Errorf("String() = %s, want %s", r, want)
		}
	}
}

// No answer may crash the parser, or give a gateway on another interface.
func FuzzParseRoute(f *testing.F) {
	request, err := Binding{Mark: 1}.request(internet4)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	if request, err = (Binding{}).request(netip.MustParseAddr("127.0.0.1")); err != nil {
		f.Fatal(err)
	}
	answer, err := exchange(request)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	short := append(binary.NativeEndian.AppendUint32(nil, unix.SizeofNlMsghdr+4), make([]byte, unix.SizeofNlMsghdr)...)
	binary.NativeEndian.PutUint16(short[4:], unix.RTM_NEWROUTE)
	f.Add(short) // a route without its header
	f.Fuzz(func(t *testing.T, answer []byte) {
		if r, err := parseRoute(answer); err == nil && r.Gateway.Zone() != "" && r.Gateway.Zone() != r.Interface {
			t.Errorf("%v: a gateway on another interface", r)
		}
	})
}
