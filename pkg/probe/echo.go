package probe

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"time"

	probing "github.com/prometheus-community/pro-bing"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// maxEchoes is the most probes that one pinger sends: its 16-bit sequence numbers
// never wrap, and its memory of lost probes stays bounded.
const maxEchoes = 1 << 16

// echo is one uninterrupted series of ICMP echo requests to one address. The
// callbacks all run on one goroutine.
type echo struct {
	addr     netip.Addr
	interval time.Duration
	binding  hostnet.Binding
	raw      bool // raw socket; false: ping socket

	sent     func(seq int) (more bool) // false: stop sending, keep receiving
	received func(seq int) (news bool) // false: that was answered before
	failed   func(error)               // a request could not be sent
}

// echoFunc sends until e.sent returns false and then receives until all probes are
// answered or ctx ends. It returns an error when it could not start or continue;
// failures to send after the first go to e.failed only.
type echoFunc func(ctx context.Context, e echo) error

var _ echoFunc = proBing

// proBing is the echoFunc over real sockets.
//
// Sending, parsing and the callbacks happen on one goroutine of the library;
// a second one reads the socket and hands packets over. So a reply is time
// stamped one channel hop after the read, and a request just after its send:
// over loopback that shows as a median of 20 to 50 µs, as much as ping(8) has,
// with 0.1 to 0.5 ms at the 99th percentile. Where all processors are busy it
// is 2 ms, since these are not the kernel's time stamps. The library's read
// deadlines, of up to 100 ms, only bound how fast it notices the end; a packet
// ends the read at once. Its own RTT is not used, as it is the difference of
// two wall clock readings.
func proBing(ctx context.Context, e echo) error {
	p := probing.New(e.addr.String())
	p.SetIPAddr(&net.IPAddr{IP: e.addr.AsSlice(), Zone: e.addr.Zone()})
	p.SetPrivileged(e.raw)
	p.Interval = e.interval
	if e.binding.Source.IsValid() {
		p.Source = e.binding.Source.String()
	}
	p.InterfaceName = e.binding.Interface
	p.SetMark(uint(e.binding.Mark))
	p.RecordRtts = false
	p.RecordTTLs = false

	guard := &sendGuard{ctx: ctx, failed: e.failed}
	p.SetLogger(guard)
	p.OnSend = func(pkt *probing.Packet) {
		guard.refusals = 0
		if !e.sent(pkt.Seq) {
			// The library counts this packet after the callback returns, and
			// sends no more once it has sent Count.
			p.Count = p.PacketsSent + 1
		}
	}
	p.OnRecv = func(pkt *probing.Packet) { _ = e.received(pkt.Seq) } // it drops duplicates itself
	p.OnSendError = func(_ *probing.Packet, err error) { e.failed(err) }
	return p.RunWithContext(ctx)
}

// sendGuard is the library's logger. It logs nothing, but it is the only place from
// which one of the library's loops can be ended: when the kernel refuses a packet
// with EACCES, as it does for a prohibited route, the library assumes a broadcast
// address and retries for ever without a pause, logging each time.
type sendGuard struct {
	probing.NoopLogger
	ctx      context.Context // of the run; a logger has no other way to get it
	failed   func(error)
	refusals int // in a row
}

// refusedPause keeps the loop of refused sends slow.
const refusedPause = 100 * time.Millisecond

// Infof and Warnf are called once for each refused packet.
func (g *sendGuard) Infof(string, ...any) {
	g.refusals++
	if g.refusals == 1 {
		return // the library may now be allowed to broadcast
	}
	g.failed(errRefused)
	select {
	case <-g.ctx.Done():
		runtime.Goexit() // ends the library's goroutine through its deferred calls
	case <-time.After(refusedPause):
	}
}
