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

// stamp holds the fields of a timestamp message.
type stamp struct {
	id, seq   uint16
	originate uint32 // chosen by the requester, returned unchanged
	receive   uint32 // when the reflector received the request
	transmit  uint32 // when it sent the reply
}

// appendRequest appends s as a request, without an IP header. The fields of the
// reply are 0.
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

// parseReply parses a timestamp reply. Trailing bytes are ignored, but are part of
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

// checksum returns the checksum of RFC 1071, 0 for a message that contains its own.
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
