//go:build linux

package tc

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

func TestHandle(t *testing.T) {
	tests := []struct {
		name string
		h    Handle
		want string
	}{
		{"qdisc", NewHandle(1, 0), "1:0"},
		{"class", NewHandle(1, 0x10), "1:10"},
		{"hexadecimal", NewHandle(0x8001, 0xff), "8001:ff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.h.String(); got != tt.want {
				t.Errorf("%#x is %q, want %q", uint32(tt.h), got, tt.want)
			}
		})
	}
}

// TestKernelAnswers: reading works for everybody, on a device every namespace
// has; changing what is not there is refused, and says so.
func TestKernelAnswers(t *testing.T) {
	c, err := Dial()
	if err != nil {
		t.Skipf("no netlink here: %v", err)
	}
	defer c.Close()
	const loopback, absent = 1, 1 << 30
	if _, err := c.Qdiscs(loopback); err != nil {
		t.Errorf("reading qdiscs of loopback: %v", err)
	}
	if classes, err := c.Classes(loopback); err != nil || len(classes) != 0 {
		t.Errorf("classes of loopback: %v, %v, want none", classes, err)
	}
	err = c.SetTBF(absent, NewHandle(1, 0), bitrate.Mbps, 3000, 30000, 0)
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		t.Errorf("changing a device that does not exist: %v, want the kernel's refusal", err)
	}
	// The socket is still in step after a refusal.
	if _, err := c.Qdiscs(loopback); err != nil {
		t.Errorf("reading after a refusal: %v", err)
	}
}

func TestBurstTicks(t *testing.T) {
	// 1250 bytes at 10 Mbit/s take 1 ms, which is 15625 ticks of 64 ns.
	if got := burstTicks(10*bitrate.Mbps, 1250); got != 15625 {
		t.Errorf("burst of %d ticks, want 15625", got)
	}
}

// FuzzRead: whatever a datagram says of its lengths, reading it ends and stays
// inside.
func FuzzRead(f *testing.F) {
	stats := attr(tcaStats2, append(attr(tcaStatsBasic, make([]byte, 16)), attr(tcaStatsQueue, make([]byte, 20))...))
	f.Add(request{typ: unix.RTM_NEWQDISC, ifindex: 1, attrs: append(kind("tbf"), stats...)}.encode(0))
	f.Add(request{typ: unix.NLMSG_ERROR}.encode(0))
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Conn
		total := 0
		_, _ = c.read(b, func(body []byte) {
			if total += len(body); total > len(b) {
				t.Fatalf("%d bytes visited in %d", total, len(b))
			}
			if len(body) < tcmsgLen {
				return
			}
			var s Stats
			eachAttr(body[tcmsgLen:], func(_ uint16, value []byte) {
				if len(value) > len(body) {
					t.Fatalf("attribute of %d bytes in %d", len(value), len(body))
				}
				eachAttr(value, s.read)
			})
		})
	})
}
