package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Log appends records to the segments of one Spec. It is for one goroutine. After an
// error it can be used on: what was not written is lost, what was is not.
type Log struct {
	// Aside, unless nil, is called after a file with the name of a segment that is none was
	// given another name.
	Aside func(path, to string)

	spec Spec
	dir  string

	f       *os.File // nil until the first Append, and after an error
	start   time.Time
	end     int64  // offset behind what Flush has written
	pending []byte // records that Flush will write
}

// NewLog returns the log of spec in dir, which is made when it is needed.
func NewLog(dir string, spec Spec) *Log { return &Log{spec: spec, dir: dir} }

// Append adds a record of the moment at. It is in the file after Flush.
func (l *Log) Append(at time.Time, payload []byte) error {
	if len(payload) == 0 || len(payload) > MaxRecord {
		return fmt.Errorf("a record of %d bytes; 1 to %d can be kept", len(payload), MaxRecord)
	}
	start := at.UTC().Truncate(l.spec.Period)
	if l.f == nil || !start.Equal(l.start) {
		flushErr := l.Flush()
		if err := errors.Join(flushErr, l.open(start)); err != nil {
			return err
		}
	}
	l.pending = frame(l.pending, payload)
	return nil
}

// Flush writes the records that were added. Those that cannot be written are dropped.
func (l *Log) Flush() error {
	if l.f == nil || len(l.pending) == 0 {
		return nil
	}
	n := int64(len(l.pending))
	_, err := l.f.WriteAt(l.pending, l.end)
	l.pending = l.pending[:0]
	if err == nil {
		l.end += n
		if l.spec.Sync {
			err = l.f.Sync()
		}
	}
	if err != nil {
		// A torn record must not come before whole ones: open cuts it off.
		return errors.Join(err, l.closeFile())
	}
	return nil
}

// Close writes what was added, to the disk itself, and closes the file.
func (l *Log) Close() error {
	err := l.Flush()
	if l.f == nil {
		return err
	}
	return errors.Join(err, l.f.Sync(), l.closeFile())
}

func (l *Log) closeFile() error {
	err := l.f.Close()
	l.f, l.pending = nil, l.pending[:0]
	return err
}

// open makes the segment that begins at start the one in use, without the torn record
// that a crash may have left at its end, and deletes old segments.
func (l *Log) open(start time.Time) (err error) {
	if l.f != nil {
		if l.spec.Sync {
			err = l.f.Sync()
		}
		if err = errors.Join(err, l.closeFile()); err != nil {
			return err
		}
	}
	if err := makeDir(l.dir); err != nil {
		return err
	}
	path := l.spec.path(l.dir, start)
	body, err := readFile(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if isForeign(body) {
		if err := l.moveAside(path); err != nil {
			return err
		}
		body, isNew = nil, true
	}
	end := int64(scan(body, func([]byte) bool { return true }))
	// Root writes to directories of others, and follows no link that they make.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if isNew {
		regfile.ChownLikeDir(f, l.dir)
	}
	if end == 0 {
		end = int64(len(magic))
		_, err = f.WriteAt([]byte(magic), 0)
	}
	if err = errors.Join(err, f.Truncate(end)); err == nil && l.spec.Sync {
		err = errors.Join(f.Sync(), regfile.SyncDir(l.dir))
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	l.f, l.start, l.end = f, start, end
	return l.prune(start)
}

// moveAside gives the file at path a name that no other file has.
func (l *Log) moveAside(path string) error {
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s.unknown-%d", path, n)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(path, to); err != nil {
			return err
		}
		if l.Aside != nil {
			l.Aside(path, to)
		}
		return nil
	}
}

// makeDir makes dir, for the owner of the one it is in, and has it outlive a power cut.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return err
	default:
		if d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NOFOLLOW, 0); err == nil {
			regfile.ChownLikeDir(d, parent)
			_ = d.Close() // only read
		}
	}
	return regfile.SyncDir(parent)
}

// prune deletes the oldest of the segments that began before now, but for the newest
// ones that Keep takes, and what MaxBytes does not leave room for. Files are counted
// rather than compared with now, for a clock that is wrong may not delete what a right
// one has written. Those that began after now are kept, but they are
// the first to go when there are too many bytes.
func (l *Log) prune(now time.Time) error {
	files, err := l.spec.files(l.dir)
	if err != nil {
		return err
	}
	slices.Reverse(files)
	ahead := 0
	for ahead < len(files) && files[ahead].start.After(now) {
		ahead++
	}
	past := files[ahead:]
	var errs []error
	var total int64
	for i, f := range slices.Concat(past, files[:ahead]) {
		if st, err := os.Stat(f.path); err == nil {
			total += st.Size()
		}
		tooOld := i < len(past) && i >= l.spec.most()
		if !f.start.Equal(l.start) && (tooOld || total > l.spec.MaxBytes) {
			if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
