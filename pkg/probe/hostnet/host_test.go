package hostnet

import (
	"os"
	"strings"
	"testing"
)

func TestThisHost(t *testing.T) {
	if err := CheckInterface("lo"); err != nil {
		t.Logf("loopback interface: %v", err) // not everywhere is there one, or the right to bind to it
	}
	if err := CheckInterface("nosuch0"); err == nil || !strings.HasPrefix(err.Error(), `interface "nosuch0": not on this host, which has `) {
		t.Errorf("CheckInterface(nosuch0) = %v", err)
	}
	for _, tt := range []struct{ source, want string }{
		{"127.0.0.1", ""},
		{"127.1.2.3", ""},
		{"::ffff:127.0.0.1", ""},
		{"192.0.2.77", "source address 192.0.2.77: not on this host, which has "},
		{"eth0", `source address "eth0": must be an IP address`},
		{"fe80::1", "source address fe80::1: link-local; name the interface instead"},
	} {
		addr, err := CheckSource(tt.source)
		switch {
		case tt.want == "" && (err != nil || !addr.Is4() || !addr.IsLoopback()):
			t.Errorf("CheckSource(%s) = %v, %v", tt.source, addr, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("CheckSource(%s) = %v, want error %s", tt.source, err, tt.want)
		}
	}
	access, err := ICMPAccess()
	if (access == NoICMP) != (err != nil) {
		t.Errorf("ICMPAccess = %v, %v", access, err)
	}
	if os.Geteuid() == 0 && access != RawSockets {
		t.Logf("root without raw sockets: %v, %v", access, err)
	}
}

func TestDefaultGatewayOfThisHost(t *testing.T) {
	addr, err := DefaultGateway("")
	if err != nil {
		t.Skipf("needs a default route: %v", err)
	}
	if !addr.IsValid() || addr.IsUnspecified() {
		t.Errorf("gateway %v", addr)
	}
	if _, err := DefaultGateway("nosuch0"); err == nil {
		t.Error("there is a default route through an interface that is not there")
	}
}
