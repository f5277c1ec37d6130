package sentence

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLengths(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{
		{0, "\x00"}, {1, "\x01"}, {0x7F, "\x7F"}, {0x80, "\x80\x80"}, {0x3FFF, "\xBF\xFF"}, {0x4000, "\xC0\x40\x00"},
		{0x1FFFFF, "\xDF\xFF\xFF"}, {0x200000, "\xE0\x20\x00\x00"}, {0xFFFFFFF, "\xEF\xFF\xFF\xFF"},
		{0x10000000, "\xF0\x10\x00\x00\x00"}, {1 << 30, "\xF0\x40\x00\x00\x00"},
	} {
		prefix := AppendLength(nil, tt.n)
		if string(prefix) != tt.want {
			t.Errorf("%#x is %q, want %q", tt.n, prefix, tt.want)
		}
		if tt.n == 0 || tt.n > MaxBytes {
			continue
		}
		word := strings.Repeat("x", tt.n)
		got, err := NewReader(bytes.NewReader(Append(nil, word))).Read()
		if err != nil || len(got) != 1 || got[0] != word {
			t.Errorf("a word of %#x bytes: %d words, %v", tt.n, len(got), err)
		}
	}
}

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
		err      error
	}{
		{"two words", "\x02ab\x01c\x00", []string{"ab", "c"}, nil},
		{"any bytes", "\x05=a\x00\n\xFF\x00", []string{"=a\x00\n\xFF"}, nil},
		{"nothing, then something", "\x00\x00\x01a\x00", []string{"a"}, nil},
		{"longer prefix than needed", "\x80\x01a\x00", []string{"a"}, nil},
		{"nothing", "", nil, io.EOF},
		{"ends between words", "\x01a", nil, io.ErrUnexpectedEOF},
		{"ends in a word", "\x02a", nil, io.ErrUnexpectedEOF},
		{"ends in a length", "\xC0\x40", nil, io.ErrUnexpectedEOF},
		{"control byte", "\x01a\xF8", nil, ErrControl},
		{"huge word", "\xF0\x40\x00\x00\x00", nil, ErrTooLong},
		{"many words", strings.Repeat("\x01a", MaxWords+1) + "\x00", nil, ErrTooLong},
		{"many bytes", string(Append(nil, strings.Repeat("a", MaxBytes), "b")), nil, ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewReader(strings.NewReader(tt.in)).Read()
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v; words -want +got\n%s", err, tt.err, diff)
			}
		})
	}
}

// FuzzRead: whatever arrives, what is read keeps the bounds, and written again
// it is the same sentence.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x06/login\x0A=name=admin\x00"))
	f.Add([]byte("\x80\x01a\x00\xF0\x00\x00\x00\x01b\x00"))
	f.Add([]byte("\xF8\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		for {
			words, err := r.Read()
			if err != nil {
				if words != nil {
					t.Errorf("words %q with error %v", words, err)
				}
				return
			}
			size := 0
			for _, w := range words {
				size += len(w)
			}
			if len(words) == 0 || len(words) > MaxWords || size > MaxBytes {
				t.Errorf("%d words of %d bytes", len(words), size)
			}
			again, err := NewReader(bytes.NewReader(Append(nil, words...))).Read()
			if diff := cmp.Diff(words, again); diff != "" || err != nil {
				t.Errorf("written and read again: %v\n%s", err, diff)
			}
		}
	})
}
