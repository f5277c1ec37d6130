// Package segment is an append-only log of small records in files, one file per period
// of time. A record has its length and a checksum, so that a file that a crash or a
// power cut has torn yields every record before the tear, and nothing else. Whole files
// are deleted when they are too old or when there are too many bytes. One process
// appends; any number may read at the same time. The package knows nothing of what
// the records hold.
package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	magic = "wanctl-segment-1\n"
	// header is the length of a record and the CRC-32C of its payload, 4 bytes each,
	// little endian.
	header = 8
	// MaxRecord bounds a payload in bytes.
	MaxRecord = 1 << 16
	// maxFile bounds what is read of one file.
	maxFile = 64 << 20

	suffix = ".seg"
	layout = "20060102T150405Z"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Spec describes one log of a directory.
type Spec struct {
	Name     string        // of its files: letters and digits
	Period   time.Duration // that one file covers
	Keep     time.Duration // that the newest files cover at least; older ones are deleted
	MaxBytes int64         // of all files: the oldest ones are deleted beyond it
	Sync     bool          // have every Flush wait for the disk
}

// most is how many files cover Keep: one is not full yet, and one more may be that of a
// record with a wrong time.
func (s *Spec) most() int { return int(s.Keep/s.Period) + 2 }

// file is one segment by its name.
type file struct {
	path  string
	start time.Time
}

func (s *Spec) path(dir string, start time.Time) string {
	return filepath.Join(dir, s.Name+"-"+start.UTC().Format(layout)+suffix)
}

// files lists the segments of the log in dir, the oldest first. A directory that is absent
// has none.
func (s *Spec) files(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []file
	for _, e := range entries {
		text, isOurs := strings.CutPrefix(e.Name(), s.Name+"-")
		text, isSegment := strings.CutSuffix(text, suffix)
		if !isOurs || !isSegment {
			continue
		}
		if start, err := time.Parse(layout, text); err == nil {
			list = append(list, file{filepath.Join(dir, e.Name()), start})
		}
	}
	slices.SortFunc(list, func(a, b file) int { return a.start.Compare(b.start) })
	return list, nil
}

// isForeign reports whether body, the content of a file, is something else than a segment:
// of another version, perhaps. What a power cut leaves of a new segment, a part of its
// first line and zeros, is not.
func isForeign(body []byte) bool {
	first := string(bytes.TrimRight(body[:min(len(body), len(magic))], "\x00"))
	return !strings.HasPrefix(magic, first)
}

// frame appends the record of payload to buf.
func frame(buf, payload []byte) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	buf = binary.LittleEndian.AppendUint32(buf, crc32.Checksum(payload, castagnoli))
	return append(buf, payload...)
}

// scan passes the payload of every valid record of body, the content of a file, to
// yield until that returns false. A record with a wrong checksum is left out; a length
// that cannot be ends the scan. end is the offset behind the last valid record: 0 for a
// body that is not a segment.
func scan(body []byte, yield func(payload []byte) bool) (end int) {
	if !strings.HasPrefix(string(body[:min(len(body), len(magic))]), magic) {
		return 0
	}
	end = len(magic)
	for at := end; at+header <= len(body); {
		n := int(binary.LittleEndian.Uint32(body[at:]))
		sum := binary.LittleEndian.Uint32(body[at+4:])
		if n == 0 || n > MaxRecord || at+header+n > len(body) {
			break
		}
		payload := body[at+header : at+header+n]
		at += header + n
		if crc32.Checksum(payload, castagnoli) != sum {
			continue
		}
		end = at
		if !yield(payload) {
			break
		}
	}
	return end
}
