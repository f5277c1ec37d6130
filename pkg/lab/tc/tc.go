//go:build linux

package tc

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Handle names a qdisc or a class, as "1:10" does for tc(8).
type Handle uint32

// NewHandle is the handle major:minor; a qdisc has minor 0.
func NewHandle(major, minor uint16) Handle { return Handle(major)<<16 | Handle(minor) }

// Root is the parent of a device's root qdisc.
const Root Handle = 0xFFFFFFFF

func (h Handle) String() string { return fmt.Sprintf("%x:%x", uint32(h)>>16, uint32(h)&0xffff) }

// Stats of one class or qdisc.
type Stats struct {
	Bytes          uint64 // sent
	Packets        uint64 // sent
	Dropped        uint64 // packets
	BacklogBytes   uint64 // waiting now
	BacklogPackets uint64
}

// From linux/pkt_sched.h and linux/gen_stats.h.
const (
	tcaStats2      = 7
	tcaStatsBasic  = 1
	tcaStatsQueue  = 3
	tcaHTBParms    = 1
	tcaTBFParms    = 1
	tcaTBFBurst    = 6
	linkEthernet   = 1 // TC_LINKLAYER_ETHERNET: the kernel needs no rate table
	nsPerTick      = 64
	tcmsgLen       = 20
	tcmsgIfindex   = 4
	tcmsgHandle    = 8
	bitsPerByte    = 8
	nsPerSecond    = 1e9
	htbBulkQuantum = 1514
)

// SetHTBClass changes rate and ceiling of an HTB class to the same rate. The
// burst is in bytes.
func (c *Conn) SetHTBClass(ifindex int, class, parent Handle, rate bitrate.Rate, burst int) error {
	spec, ticks := rateSpec(rate, 0), burstTicks(rate, burst)
	opt := append(append([]byte{}, spec...), spec...)
	opt = native.AppendUint32(opt, ticks)          // buffer
	opt = native.AppendUint32(opt, ticks)          // cbuffer
	opt = native.AppendUint32(opt, htbBulkQuantum) // quantum
	opt = native.AppendUint32(opt, 0)              // level
	opt = native.AppendUint32(opt, 0)              // prio
	err := c.change(request{
		typ: unix.RTM_NEWTCLASS, ifindex: ifindex, handle: class, parent: parent,
		attrs: append(kind("htb"), attr(unix.TCA_OPTIONS, attr(tcaHTBParms, opt))...),
	})
	if err != nil {
		return fmt.Errorf("changing class %v: %w", class, err)
	}
	return nil
}

// SetTBF changes rate, burst and queue depth, both in bytes, of a root TBF and
// keeps what waits in it. Overhead is added to the length of every packet.
func (c *Conn) SetTBF(ifindex int, handle Handle, rate bitrate.Rate, burst, depth int, overhead uint16) error {
	opt := append(rateSpec(rate, overhead), make([]byte, 12)...) // no peak rate
	opt = native.AppendUint32(opt, uint32(depth))
	opt = native.AppendUint32(opt, burstTicks(rate, burst))
	opt = native.AppendUint32(opt, 0) // mtu of the peak bucket
	params := attr(tcaTBFParms, opt)
	params = append(params, attr(tcaTBFBurst, native.AppendUint32(nil, uint32(burst)))...)
	err := c.change(request{
		typ: unix.RTM_NEWQDISC, ifindex: ifindex, handle: handle, parent: Root,
		attrs: append(kind("tbf"), attr(unix.TCA_OPTIONS, params)...),
	})
	if err != nil {
		return fmt.Errorf("changing tbf %v: %w", handle, err)
	}
	return nil
}

// SetFIFO changes the depth of a byte FIFO. What waits in it stays, even where
// it is more than the new depth.
func (c *Conn) SetFIFO(ifindex int, handle, parent Handle, depth int) error {
	err := c.change(request{
		typ: unix.RTM_NEWQDISC, ifindex: ifindex, handle: handle, parent: parent,
		attrs: append(kind("bfifo"), attr(unix.TCA_OPTIONS, native.AppendUint32(nil, uint32(depth)))...),
	})
	if err != nil {
		return fmt.Errorf("changing bfifo %v: %w", handle, err)
	}
	return nil
}

// Classes reads all classes of a device.
func (c *Conn) Classes(ifindex int) (map[Handle]Stats, error) {
	return c.stats(request{typ: unix.RTM_GETTCLASS, ifindex: ifindex})
}

// Qdiscs reads all qdiscs of a device.
func (c *Conn) Qdiscs(ifindex int) (map[Handle]Stats, error) {
	return c.stats(request{typ: unix.RTM_GETQDISC, ifindex: ifindex})
}

func (c *Conn) stats(r request) (map[Handle]Stats, error) {
	found := make(map[Handle]Stats)
	err := c.dump(r, func(body []byte) {
		// Qdiscs of other devices come along: that dump has no filter.
		if len(body) < tcmsgLen || int(native.Uint32(body[tcmsgIfindex:])) != r.ifindex {
			return
		}
		var s Stats
		eachAttr(body[tcmsgLen:], func(typ uint16, value []byte) {
			if typ == tcaStats2 {
				eachAttr(value, s.read)
			}
		})
		found[Handle(native.Uint32(body[tcmsgHandle:]))] = s
	})
	if err != nil {
		return nil, fmt.Errorf("reading traffic control counters: %w", err)
	}
	return found, nil
}

func (s *Stats) read(typ uint16, b []byte) {
	switch {
	case typ == tcaStatsBasic && len(b) >= 12: // struct gnet_stats_basic
		s.Bytes, s.Packets = native.Uint64(b), uint64(native.Uint32(b[8:]))
	case typ == tcaStatsQueue && len(b) >= 12: // struct gnet_stats_queue
		s.BacklogPackets = uint64(native.Uint32(b))
		s.BacklogBytes = uint64(native.Uint32(b[4:]))
		s.Dropped = uint64(native.Uint32(b[8:]))
	}
}

func kind(name string) []byte { return attr(unix.TCA_KIND, append([]byte(name), 0)) }

// rateSpec encodes struct tc_ratespec; its rate is in bytes per second.
func rateSpec(rate bitrate.Rate, overhead uint16) []byte {
	b := make([]byte, 12)
	b[1] = linkEthernet
	native.PutUint16(b[2:], overhead)
	native.PutUint32(b[8:], uint32(rate/bitsPerByte))
	return b
}

// burstTicks is the time a burst takes at a rate, in the kernel's ticks.
func burstTicks(rate bitrate.Rate, burst int) uint32 {
	return uint32(float64(burst) * bitsPerByte * nsPerSecond / float64(rate) / nsPerTick)
}
