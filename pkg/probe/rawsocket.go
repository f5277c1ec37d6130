package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
)

// rawSocket is the timestampSocket over a raw ICMP socket.
type rawSocket struct {
	conn *net.IPConn
}

var _ timestampSocket = (*rawSocket)(nil)

// openTimestamps opens a raw socket that receives timestamp replies only: without the
// kernel's filter every echo reply would wake it up.
func (g *Group) openTimestamps(ctx context.Context, _ uint16) (timestampSocket, error) {
	from := netip.IPv4Unspecified()
	if g.binding.Source.IsValid() {
		from = g.binding.Source
	}
	lc := net.ListenConfig{Control: g.binding.Control}
	c, err := lc.ListenPacket(ctx, "ip4:icmp", from.String())
	if err != nil {
		return nil, fmt.Errorf("opening raw socket: %w", err)
	}
	var only ipv4.ICMPFilter
	only.SetAll(true)
	only.Accept(ipv4.ICMPTypeTimestampReply)
	// Without a filter, other messages are read and discarded.
	_ = ipv4.NewPacketConn(c).SetICMPFilter(&only)
	return &rawSocket{c.(*net.IPConn)}, nil
}

func (s *rawSocket) send(message []byte, to netip.Addr) error {
	_, err := s.conn.WriteToIP(message, &net.IPAddr{IP: to.AsSlice()})
	return err
}

func (s *rawSocket) receive(b []byte, wait time.Duration) (int, netip.Addr, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, netip.Addr{}, err
	}
	n, from, err := s.conn.ReadFromIP(b)
	if err != nil {
		return 0, netip.Addr{}, err
	}
	addr, _ := netip.AddrFromSlice(from.IP)
	return n, addr.Unmap(), nil
}

func (s *rawSocket) Close() error { return s.conn.Close() }
