//go:build linux

package lab

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// ICMP is what happens to ICMP between the client and the reflectors. The pinger
// always gets its answers. The zero ICMP lets everything pass.
type ICMP struct {
	Blackout        bool    // nothing passes, in either direction
	EchoesPerSecond float64 // echo replies of each reflector, at most; the others are lost. 0: all pass
}

// SetICMP sets what happens to ICMP from now on.
func (l *Lab) SetICMP(icmp ICMP) {
	if icmp == (ICMP{}) {
		l.line.SetFilter(nil)
		return
	}
	pinger := netip.MustParseAddr(PingerAddr).As4()
	sent := map[[4]byte]*bucket{}
	l.line.SetFilter(func(p []byte) bool {
		const protocol, source, destination, header, echoReply = 9, 12, 16, 20, 0
		if len(p) <= header || p[0]>>4 != 4 || p[protocol] != unix.IPPROTO_ICMP ||
			[4]byte(p[source:]) == pinger || [4]byte(p[destination:]) == pinger {
			return false
		}
		if icmp.Blackout || p[header] != echoReply {
			return icmp.Blackout
		}
		reflector := [4]byte(p[source:])
		if sent[reflector] == nil {
			sent[reflector] = &bucket{}
		}
		return !sent[reflector].take(icmp.EchoesPerSecond, l.Now())
	})
}

// bucket is a token bucket that holds at most one token: what a host that limits
// its rate of ICMP sends.
type bucket struct {
	used bool
	last time.Duration // when the last token was taken
}

// take says whether there is a token at a time, and takes it.
func (b *bucket) take(perSecond float64, now time.Duration) bool {
	if b.used && now-b.last < time.Duration(float64(time.Second)/perSecond) {
		return false
	}
	b.used, b.last = true, now
	return true
}
