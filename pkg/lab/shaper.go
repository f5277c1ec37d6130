//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab/tc"
	"github.com/wanctl/wanctl/pkg/router"
)

// All rates count Ethernet frames. The modem's uplink leaves on a device
// without Ethernet header, where its length is added.
const (
	ethernetHeader = 14
	fullFrame      = 1514
)

// bulkDelay is the queue that the router lets bulk build at the limit.
const bulkDelay = 20 * time.Millisecond

// unlimited stands in for a max-limit of 0.
const unlimited = bitrate.Gbps

// The router's classes: all traffic that crosses the WAN in limitClass, in it
// what is small or ICMP before the rest, and outside of it what the router
// itself says to its manager.
const (
	htbRoot     tc.Handle = 1 << 16
	limitClass            = htbRoot | 0x1
	sparseClass           = htbRoot | 0x10
	bulkClass             = htbRoot | 0x20
	bulkFIFO    tc.Handle = 0x20 << 16
	modemTBF    tc.Handle = 1 << 16
)

const shaperScript = `
qdisc add dev %[1]s root handle 1: htb default 20
class add dev %[1]s parent 1: classid 1:1 htb rate 1gbit ceil 1gbit
class add dev %[1]s parent 1:1 classid 1:10 htb prio 0 quantum 1514 rate 64kbit ceil 10gbit burst 3k cburst 15k
class add dev %[1]s parent 1:1 classid 1:20 htb prio 1 quantum 1514 rate 64kbit ceil 10gbit burst 3k cburst 15k
class add dev %[1]s parent 1: classid 1:30 htb quantum 1514 rate 1gbit ceil 1gbit
qdisc add dev %[1]s parent 1:10 handle 10: bfifo limit 200000
qdisc add dev %[1]s parent 1:20 handle 20: bfifo limit 2500000
filter add dev %[1]s parent 1: protocol ip prio 1 u32 match ip src ` + RouterAddr + `/32 match ip protocol 6 0xff flowid 1:30
filter add dev %[1]s parent 1: protocol ip prio 2 u32 match ip protocol 1 0xff flowid 1:10
filter add dev %[1]s parent 1: protocol ip prio 3 u32 match u16 0x0000 0xff00 at 2 flowid 1:10
`

// shaper is the queues of one direction.
type shaper struct {
	router, modem       *tc.Conn
	limitDev, linkDev   int // interface indexes
	limitName, linkName string
	overhead            uint16 // that the link's counters lack
}

func (s *shaper) close() error {
	var errs []error
	for _, conn := range []*tc.Conn{s.router, s.modem} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	return errors.Join(errs...)
}

func (l *Lab) buildShapers(ctx context.Context) error {
	l.shapers[autorate.Download] = shaper{limitName: routerLAN, linkName: modemLAN}
	l.shapers[autorate.Upload] = shaper{limitName: routerWAN, linkName: tunName, overhead: ethernetHeader}
	for d := range l.shapers {
		s := &l.shapers[d]
		var err error
		if s.router, err = l.dialTC(Router); err != nil {
			return err
		}
		if s.modem, err = l.dialTC(Modem); err != nil {
			return err
		}
		if s.limitDev, err = l.interfaceIndex(Router, s.limitName); err != nil {
			return err
		}
		if s.linkDev, err = l.interfaceIndex(Modem, s.linkName); err != nil {
			return err
		}
		if err := l.batch(ctx, Router, "tc", fmt.Sprintf(shaperScript, s.limitName)); err != nil {
			return fmt.Errorf("building the router's queues: %w", err)
		}
		tbf := fmt.Sprintf("qdisc add dev %s root handle 1: tbf rate %dbit burst %d limit %d overhead %d\n",
			s.linkName, l.cfg.Capacity[d], burst(l.cfg.Capacity[d]), l.cfg.Depth[d], s.overhead)
		if err := l.batch(ctx, Modem, "tc", tbf); err != nil {
			return fmt.Errorf("building the modem's queues: %w", err)
		}
	}
	return nil
}

func (l *Lab) interfaceIndex(ns Namespace, name string) (int, error) {
	var index int
	err := l.Do(ns, func() error {
		dev, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("finding %s in namespace %v: %w", name, ns, err)
		}
		index = dev.Index
		return nil
	})
	return index, err
}

// SetLimit sets the limit of the router, 0 for none. Like max-limit of a CAKE
// queue it takes effect at once and keeps what is queued.
func (l *Lab) SetLimit(d autorate.Direction, limit bitrate.Rate) error {
	s, rate := &l.shapers[d], limit
	if rate == 0 {
		rate = unlimited
	}
	depth := max(bytesIn(rate, bulkDelay), 6*fullFrame)
	err := errors.Join(
		s.router.SetHTBClass(s.limitDev, limitClass, htbRoot, rate, burst(rate)),
		s.router.SetFIFO(s.limitDev, bulkFIFO, bulkClass, depth),
	)
	if err != nil {
		return fmt.Errorf("setting %v limit to %v: %w", d, limit, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = append(l.limits, Change{l.Now(), d, limit})
	return nil
}

// SetCapacity sets what the link can carry. Packets queued in the modem stay.
func (l *Lab) SetCapacity(d autorate.Direction, capacity bitrate.Rate) error {
	s := &l.shapers[d]
	if err := s.modem.SetTBF(s.linkDev, modemTBF, capacity, burst(capacity), l.cfg.Depth[d], s.overhead); err != nil {
		return fmt.Errorf("setting %v capacity to %v: %w", d, capacity, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.capacity = append(l.capacity, Change{l.Now(), d, capacity})
	return nil
}

// Counters reads the router's queue of a direction: what it sent, dropped and
// holds. Rate is left to those who poll.
func (l *Lab) Counters(d autorate.Direction) (router.Counters, error) {
	classes, err := l.shapers[d].router.Classes(l.shapers[d].limitDev)
	if err != nil {
		return router.Counters{}, err
	}
	sum := classes[limitClass]
	c := router.Counters{Bytes: sum.Bytes, Packets: sum.Packets}
	for _, h := range []tc.Handle{sparseClass, bulkClass} { // drops and backlog are counted where they happen
		c.Dropped += classes[h].Dropped
		c.QueuedBytes += classes[h].BacklogBytes
		c.QueuedPackets += classes[h].BacklogPackets
	}
	return c, nil
}

// Link reads the modem's queue of a direction: the bufferbloat itself.
func (l *Lab) Link(d autorate.Direction) (tc.Stats, error) {
	s := &l.shapers[d]
	qdiscs, err := s.modem.Qdiscs(s.linkDev)
	if err != nil {
		return tc.Stats{}, err
	}
	link := qdiscs[modemTBF]
	link.Bytes += link.Packets * uint64(s.overhead)
	return link, nil
}

// Delivered counts the bytes that reached the far end of a direction's two
// queues: those that left the router downwards or the modem upwards.
func (l *Lab) Delivered(d autorate.Direction) (uint64, error) {
	if d == autorate.Download {
		c, err := l.Counters(d)
		return c.Bytes, err
	}
	link, err := l.Link(d)
	return link.Bytes, err
}

// Limits lists the limits set since the lab was built, in order.
func (l *Lab) Limits() []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Change(nil), l.limits...)
}

// Capacities lists the capacities set since the lab was built, in order.
func (l *Lab) Capacities() []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Change(nil), l.capacity...)
}

// burst is what a token bucket may send at once: 2 ms, so that a late timer of
// a busy machine costs no throughput, and two frames at least.
func burst(r bitrate.Rate) int { return max(bytesIn(r, 2*time.Millisecond), 2*fullFrame) }
