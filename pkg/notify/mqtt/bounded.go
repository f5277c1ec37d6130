package mqtt

import (
	"fmt"
	"net"
	"sync/atomic"
)

// maxPacket is the size of the largest packet that is read, in bytes: a broker only
// acknowledges what this client publishes.
const maxPacket = 1024

// boundedConn fails at a packet that is larger than any that is expected. The library
// would make room for all that a broker announces, up to 256 MB.
type boundedConn struct {
	net.Conn
	left   int // of the packet that is being read; 0: a header is
	header int // bytes of the header read so far
	length int // its remaining length so far

	excess atomic.Bool // there was such a packet
}

var errExcess = fmt.Errorf("the broker sends a packet of more than %d bytes, which is no acknowledgement", maxPacket)

// Read implements net.Conn. One goroutine reads at a time.
func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for _, b := range p[:n] {
		if c.left > 0 {
			c.left--
			continue
		}
		c.header++
		if c.header == 1 { // type and flags
			continue
		}
		// Remaining length: seven bits a byte, the lowest first (MQTT 3.1.1, 2.2.3).
		c.length |= int(b&0x7f) << (7 * (c.header - 2))
		if c.header > 5 || c.length > maxPacket {
			c.excess.Store(true)
			return 0, errExcess
		}
		if b&0x80 == 0 {
			c.left, c.header, c.length = c.length, 0, 0
		}
	}
	return n, err
}
