package probe

import (
	"encoding/hex"
	"testing"
)

func TestTimestampMessages(t *testing.T) {
	s := stamp{id: 0x1234, seq: 7, originate: 0x01020304}
	got := s.appendRequest(nil)
	const want = "0d00dcbe" + "12340007" + "01020304" + "00000000" + "00000000"
	if hex.EncodeToString(got) != want {
		t.Errorf("request %x, want %s", got, want)
	}
	valid := func() []byte {
		b := append([]byte(nil), got...)
		b[0], b[2], b[3] = timestampReply, 0, 0
		copy(b[12:], []byte{0, 0, 0, 9, 0, 0, 0, 10})
		sum := checksum(b)
		b[2], b[3] = byte(sum>>8), byte(sum)
		return b
	}
	for _, tt := range []struct {
		name string
		edit func(b []byte) []byte
		ok   bool
	}{
		{"valid", func(b []byte) []byte { return b }, true},
		{"padded", func(b []byte) []byte { return append(b, 0, 0) }, true},
		{"short", func(b []byte) []byte { return b[:19] }, false},
		{"empty", func([]byte) []byte { return nil }, false},
		{"damaged", func(b []byte) []byte { b[13] ^= 1; return b }, false},
		{"the request itself", func([]byte) []byte { return got }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := parseReply(tt.edit(valid()))
			if ok != tt.ok {
				t.Fatalf("accepted: %v", ok)
			}
			if want := (stamp{s.id, s.seq, s.originate, 9, 10}); ok && p != want {
				t.Errorf("%+v, want %+v", p, want)
			}
		})
	}
}

// What parses says the same when written again, but for the answer's own fields.
func FuzzTimestamp(f *testing.F) {
	f.Add(stamp{id: 1, seq: 2, originate: 3}.appendRequest(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := parseReply(b)
		if !ok {
			return
		}
		again := s.appendRequest(nil)
		if string(again[4:12]) != string(b[4:12]) || checksum(again) != 0 {
			t.Errorf("%x became %x", b, again)
		}
	})
}
