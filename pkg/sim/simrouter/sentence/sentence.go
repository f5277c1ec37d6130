// Package sentence frames what RouterOS's binary API sends and receives: words
// of any bytes, each behind its length, and sentences of words, each ended by a
// word of no length. What the words mean is not its business.
package sentence

import (
	"bufio"
	"errors"
	"io"
)

// Bounds of what a Reader takes from a peer it does not trust.
const (
	MaxBytes = 1 << 20 // of all words of a sentence together
	MaxWords = 4096
)

// Why a sentence was not read; the connection is of no use afterwards.
var (
	ErrTooLong = errors.New("sentence is too long")
	ErrControl = errors.New("reserved control byte")
)

// Reader reads sentences.
type Reader struct{ br *bufio.Reader }

// NewReader returns a Reader from r, which it reads ahead.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReader(r)} }

// Read returns the words of the next sentence that has any. The error is
// io.EOF only between sentences.
func (r *Reader) Read() ([]string, error) {
	var words []string
	size := 0
	for {
		n, err := r.length()
		if err != nil {
			if errors.Is(err, io.EOF) && len(words) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if n == 0 {
			if len(words) > 0 {
				return words, nil
			}
			continue // sentences without words are permitted, and mean nothing
		}
		if size += n; size > MaxBytes || len(words) == MaxWords {
			return nil, ErrTooLong
		}
		word := make([]byte, n)
		if _, err := io.ReadFull(r.br, word); err != nil {
			return nil, inside(err)
		}
		words = append(words, string(word))
	}
}

// length reads the prefix of a word: the number of leading ones in its first
// byte is the number of bytes that follow.
func (r *Reader) length() (int, error) {
	first, err := r.br.ReadByte()
	if err != nil {
		return 0, err
	}
	more := 0
	switch {
	case first < 0x80:
		return int(first), nil
	case first < 0xC0:
		more, first = 1, first&^0x80
	case first < 0xE0:
		more, first = 2, first&^0xC0
	case first < 0xF0:
		more, first = 3, first&^0xE0
	case first < 0xF8:
		more, first = 4, first&^0xF0
	default:
		return 0, ErrControl
	}
	n := int64(first)
	for range more {
		b, err := r.br.ReadByte()
		if err != nil {
			return 0, inside(err)
		}
		n = n<<8 | int64(b)
	}
	if n > MaxBytes {
		return 0, ErrTooLong
	}
	return int(n), nil
}

func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Append appends a sentence to b. Empty words would end it early and are left
// out.
func Append(b []byte, words ...string) []byte {
	for _, w := range words {
		if w != "" {
			b = append(AppendLength(b, len(w)), w...)
		}
	}
	return append(b, 0)
}

// AppendLength appends the prefix of a word of n bytes.
func AppendLength(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x4000:
		return append(b, byte(n>>8)|0x80, byte(n))
	case n < 0x200000:
		return append(b, byte(n>>16)|0xC0, byte(n>>8), byte(n))
	case n < 0x10000000:
		return append(b, byte(n>>24)|0xE0, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, 0xF0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
