package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// A sentence is a sequence of words that ends with an empty one. A word is a
// length of one to five bytes, followed by that many bytes. Words may contain any
// byte.

// maxWord is the size limit of a word in bytes; the longest is the source of a
// script.
const maxWord = 1 << 20

// appendSentence appends the encoding of words to b.
func appendSentence(b []byte, words ...string) []byte {
	for _, w := range words {
		b = appendLength(b, len(w))
		b = append(b, w...)
	}
	return append(b, 0)
}

func appendLength(b []byte, n int) []byte {
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

// protocolError is about data that is not a sentence of the API.
type protocolError string

func (g protocolError) Error() string { return string(g) }

// reader reads sentences.
type reader struct {
	src  *bufio.Reader
	left rosconn.Budget // of the present answer

	buf   []byte // the words of a sentence, one after the other
	ends  []int  // of words in buf
	words []string
}

// sentence reads the next sentence with words. The slice is valid until the next
// call.
func (r *reader) sentence() ([]string, error) {
	r.buf, r.ends, r.words = r.buf[:0], r.ends[:0], r.words[:0]
	if err := r.left.Row(); err != nil {
		return nil, err
	}
	for {
		n, err := r.length()
		if err == nil && n > 0 {
			err = r.word(n)
		}
		switch {
		case errors.Is(err, io.EOF) && len(r.ends) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case n > 0:
			r.ends = append(r.ends, len(r.buf))
			continue
		case len(r.ends) == 0:
			continue
		}
		break
	}
	// One string for all words: a row is kept or dropped as a whole.
	text, start := string(r.buf), 0
	for _, end := range r.ends {
		r.words = append(r.words, text[start:end])
		start = end
	}
	return r.words, nil
}

// length reads the length of a word and checks it before anything is allocated.
func (r *reader) length() (int, error) {
	first, err := r.src.ReadByte()
	if err != nil {
		return 0, err
	}
	n, more := uint64(first), 0
	switch {
	case first < 0x80:
	case first < 0xC0:
		n, more = uint64(first&0x3F), 1
	case first < 0xE0:
		n, more = uint64(first&0x1F), 2
	case first < 0xF0:
		n, more = uint64(first&0x0F), 3
	case first < 0xF8:
		n, more = uint64(first&0x07), 4
	default:
		return 0, protocolError(fmt.Sprintf("control byte 0x%X where the length of a word belongs", first))
	}
	for range more {
		c, err := r.src.ReadByte()
		if err != nil {
			return 0, cutOff(err)
		}
		n = n<<8 | uint64(c)
	}
	if n > maxWord {
		return 0, fmt.Errorf("%w: it announces a word of %d bytes, 1 MiB is the most", rosconn.ErrTooLarge, n)
	}
	if err := r.left.Receive(1 + more + int(n)); err != nil {
		return 0, err
	}
	return int(n), r.left.Value(int(n))
}

// word appends n bytes to r.buf.
func (r *reader) word(n int) error {
	at := len(r.buf)
	if at+n > cap(r.buf) {
		r.buf = append(make([]byte, 0, max(512, 2*cap(r.buf), at+n)), r.buf...)
	}
	r.buf = r.buf[:at+n]
	_, err := io.ReadFull(r.src, r.buf[at:])
	return cutOff(err)
}

// cutOff returns io.ErrUnexpectedEOF for an end of the connection inside a word.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tagWord precedes the tag in a word.
const tagWord = ".tag="

// check returns the tag of a reply, and an error for a sentence that is no reply.
// The words of !fatal may be anything.
func check(words []string) (tag string, err error) {
	switch words[0] {
	case "!re", "!done", "!trap", "!empty":
	case "!fatal":
		return "", nil
	default:
		return "", protocolError("it says " + rosdata.Quote(words[0]) + ", which is no reply of the API")
	}
	for _, w := range words[1:] {
		switch {
		case strings.HasPrefix(w, "="):
		case strings.HasPrefix(w, tagWord):
			tag = w[len(tagWord):]
		case !strings.HasPrefix(w, "."): // attributes of the API itself begin like that
			return "", protocolError("its reply contains the word " + rosdata.Quote(w))
		}
	}
	return tag, nil
}

// attributes returns the words "=property=value" of a reply.
func attributes(words []string) rosdata.Row {
	row := make(rosdata.Row, len(words))
	for _, w := range words[1:] {
		if attribute, ok := strings.CutPrefix(w, "="); ok {
			key, value, _ := strings.Cut(attribute, "=")
			row[key] = value
		}
	}
	return row
}
