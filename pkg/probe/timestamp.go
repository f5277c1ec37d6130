package probe

import (
	"encoding/binary"
)

// ICMP timestamp request and reply, RFC 792.
const (
	timestampRequest = 13
	timestampReply   = 14
	timestampLen     = 20
)

// stamp is what matters of a timestamp message.
type stamp struct {
	id, seq   uint16
	originate uint32 // of the asker; comes back as it was
	receive   uint32 // of the reflector, when it was asked
	transmit  uint32 // and when it answered
}

// appendRequest appends the request that s is, without an IP header. What to
// answer is left 0.
func (s stamp) appendRequest(b []byte) []byte {
	start := len(b)
	b = append(b, timestampRequest, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, s.id)
	b = binary.BigEndian.AppendUint16(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.originate)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(b[start+2:], checksum(b[start:]))
	return b
}

// parseReply reads a timestamp reply. Trailing bytes are ignored, but count for
// the checksum.
func parseReply(b []byte) (s stamp, ok bool) {
	if len(b) < timestampLen || b[0] != timestampReply || b[1] != 0 || checksum(b) != 0 {
		return s, false
	}
	return stamp{
		id: binary.BigEndian.Uint16(b[4:]), seq: binary.BigEndian.Uint16(b[6:]),
		originate: binary.BigEndian.Uint32(b[8:]),
		receive:   binary.BigEndian.Uint32(b[12:]), transmit: binary.BigEndian.Uint32(b[16:]),
	}, true
}

// checksum is that of RFC 1071; over a message with its checksum it is 0.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
