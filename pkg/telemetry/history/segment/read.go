package segment

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Read passes the payload of every valid record in those segments in dir that may hold
// records of the time from up to to, the oldest segment first, to yield until that
// returns false. The payload is valid during the call only. A directory or a file that
// is absent has no records.
func (s *Spec) Read(dir string, from, to time.Time, yield func(payload []byte) bool) error {
	files, err := s.files(dir)
	if err != nil {
		return err
	}
	more := true
	for _, f := range files {
		if !f.start.Before(to) || !f.start.Add(s.Period).After(from) {
			continue
		}
		body, err := readFile(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
			continue
		case err != nil:
			return err
		}
		scan(body, func(payload []byte) bool {
			more = yield(payload)
			return more
		})
		if !more {
			break
		}
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
