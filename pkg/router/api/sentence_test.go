package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

func read(b []byte) *reader {
	return &reader{src: bufio.NewReader(bytes.NewReader(b)), left: rosconn.NewBudget(rosconn.MaxAnswer)}
}

func TestSentenceRoundTrip(t *testing.T) {
	for _, n := range []int{1, 0x7F, 0x80, 0x3FFF, 0x4000, maxWord - 1, maxWord} {
		want := []string{"!re", strings.Repeat("\x00\xff", n)[:n], "=a="}
		encoded := appendSentence([]byte{0, 0}, want...)
		r := &reader{src: bufio.NewReader(iotest.HalfReader(bytes.NewReader(encoded))), left: rosconn.NewBudget(rosconn.MaxAnswer)}
		got, err := r.sentence()
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if !cmp.Equal(want, got) {
			t.Errorf("%d bytes: read back as something else", n)
		}
		if _, err := r.sentence(); err != io.EOF {
			t.Errorf("%d bytes: then %v", n, err)
		}
		if theirs := sentence.Append([]byte{0, 0}, want...); !bytes.Equal(theirs, encoded) {
			t.Errorf("%d bytes: encoded unlike the simulated router does", n)
		}
	}
	for _, n := range []int{0x1FFFFF, 0x200000, 0xFFFFFFF, 0x10000000} {
		if got, want := appendLength(nil, n), sentence.AppendLength(nil, n); !bytes.Equal(got, want) {
			t.Errorf("length %#x is % x, want % x", n, got, want)
		}
	}
}

func TestSentenceRefuses(t *testing.T) {
	var junk protocolError
	for _, tt := range []struct {
		name string
		in   string
		want func(error) bool
	}{
		{"end", "", func(err error) bool { return err == io.EOF }},
		{"end in a length", "\x80", func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"end in a word", "\x05!do", func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"end behind a word", "\x05!done", func(err error) bool { return err == io.ErrUnexpectedEOF }},
		{"control byte", "\x05!done\xf8", func(err error) bool { return errors.As(err, &junk) }},
		{"huge word", "\xf0\x40\x00\x00\x00=", func(err error) bool { return errors.Is(err, rosconn.ErrTooLarge) }},
		{"word beyond the bound", "\xd0\x00\x01=", func(err error) bool { return errors.Is(err, rosconn.ErrTooLarge) }},
		{"more than 32 bits", "\xf7\xff\xff\xff\xff", func(err error) bool { return errors.Is(err, rosconn.ErrTooLarge) }},
		{"endless sentence", strings.Repeat("\x01=", rosconn.MaxAnswer/2+1), func(err error) bool { return errors.Is(err, rosconn.ErrTooLarge) }},
		{"endless nothing", strings.Repeat("\x00", rosconn.MaxAnswer+1), func(err error) bool { return errors.Is(err, rosconn.ErrTooLarge) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if words, err := read([]byte(tt.in)).sentence(); !tt.want(err) {
				t.Errorf("%d words, %v", len(words), err)
			}
		})
	}
}

// FuzzAnswer: whatever comes is read without a panic and within bounds; what is
// understood encodes to sentences that are understood the same way; and the
// simulated router's codec agrees on what is a sentence.
func FuzzAnswer(f *testing.F) {
	for _, s := range [][]string{
		{"!re", ".tag=1", "=.id=*1000001", "=name=WAN-Download", "=rate=0"}, {"!done", "=ret=*2"}, {"!trap", "=category=2", "=message=x"},
		{"!fatal", "session terminated"}, {"!empty", ".tag=9"}, {"!re"}, {"/login", "=name=a"},
	} {
		f.Add(append(appendSentence(nil, s...), appendSentence(nil, "!done", ".tag=2")...))
	}
	f.Add([]byte("\xf8\x05!done\x00"))
	f.Add([]byte("\x81\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const first = 1
		replies := make([]reply, 2)
		r, theirs := read(in), sentence.NewReader(bytes.NewReader(in))
		for {
			words, err := r.sentence()
			if err != nil {
				break
			}
			switch want, err := theirs.Read(); {
			case errors.Is(err, sentence.ErrTooLong): // its bounds are closer
				return
			case err != nil || !cmp.Equal(want, words):
				t.Fatalf("read %q, the simulated router %q, %v", words, want, err)
			}
			again, err := read(appendSentence(nil, words...)).sentence()
			if err != nil || !cmp.Equal(words, again) {
				t.Fatalf("%q reads back as %q, %v", words, again, err)
			}
			to, err := matchTag(words, replies, first)
			if err != nil {
				if to != nil {
					t.Fatal("an matchTag beside an error")
				}
				break
			}
			if to == nil {
				continue
			}
			before := len(to.rows)
			if to.add(words) != (words[0] == "!done") && !to.done {
				t.Fatalf("%q ends the reply", words)
			}
			if len(to.rows) > before && len(to.rows[before]) == 0 {
				t.Fatal("an empty row")
			}
		}
	})
}

// BenchmarkReadBack decodes the answer to a write of two queues.
func BenchmarkReadBack(b *testing.B) {
	row := func(id string) []string {
		return re("3", "=.id="+id, "=name=WAN-Download-1", "=parent=bridge1", "=queue=cake-down-1", "=max-limit=500000000", "=limit-at=0",
			"=disabled=false", "=invalid=false", "=bytes=272603902153", "=packets=184614358", "=dropped=12", "=queued-bytes=1500", "=queued-packets=1", "=rate=480000000")
	}
	var answer []byte
	for _, s := range [][]string{done("1"), done("2"), row("*1000001"), row("*1000002"), done("3")} {
		answer = appendSentence(answer, s...)
	}
	src := bytes.NewReader(nil)
	r := &reader{src: bufio.NewReader(src)}
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(answer)
		r.src.Reset(src)
		r.left = rosconn.NewBudget(rosconn.MaxAnswer)
		replies := make([]reply, 3)
		for range 5 {
			words, err := r.sentence()
			if err != nil {
				b.Fatal(err)
			}
			to, err := matchTag(words, replies, 1)
			if err != nil {
				b.Fatal(err)
			}
			to.add(words)
		}
		if len(replies[2].rows) != 2 || !replies[2].done {
			b.Fatal("not read")
		}
	}
}
