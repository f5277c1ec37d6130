package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// File is one state file holding a T. Its methods may be called from several
// goroutines and processes at once. Nothing is touched before the first call.
type File[T any] struct {
	// configuration
	path   string
	decode func(fields) T
	encode func(object, T) error

	// mu protects what follows and serialises this process; flock(2) on the
	// file serialises processes.
	mu    sync.Mutex
	seen  object // newest document: keeps foreign fields when the file vanishes
	swept bool   // leftovers were removed
}

const (
	// maxSize bounds what is read: ten times the longest steering history.
	maxSize = 4 << 20
	// lockWait bounds how long another process may keep the file locked.
	lockWait = 2 * time.Second
)

// Path is where the state is kept.
func (f *File[T]) Path() string { return f.path }

func (f *File[T]) backupPath() string  { return f.path + ".backup" }
func (f *File[T]) corruptPath() string { return f.path + ".corrupt" }

// Loaded is what Load found.
type Loaded[T any] struct {
	State T
	Found bool   // false: nothing usable, State is zero
	Path  string // where State was read: the file or its backup

	// Lost says which state could not be used and where it went. It is nil on
	// a clean load and worth a warning otherwise; the daemon goes on.
	Lost error
}

// Load reads the state. A damaged file is set aside and the backup used in its
// place. A file that never existed is no error: Found is false. An error means
// that the file could not be read (permissions, I/O, ErrBusy), so that its
// content, good or bad, is still there.
func (f *File[T]) Load() (Loaded[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lockState(f.path)
	if err != nil {
		return Loaded[T]{}, explain("reading state", f.path, "state_file", err)
	}
	defer unlock()

	v, doc, err := f.read(f.path)
	var lost error
	switch {
	case err == nil:
		f.seen = doc
		return Loaded[T]{State: v, Found: true, Path: f.path}, nil
	case errors.Is(err, ErrDamaged):
		lost = f.setAside(err)
	case !errors.Is(err, fs.ErrNotExist):
		return Loaded[T]{}, explain("reading state", f.path, "state_file", err)
	}

	v, doc, err = f.read(f.backupPath())
	switch {
	case err == nil:
		if lost == nil {
			lost = fmt.Errorf("state %s is missing", f.path)
		}
		f.seen = doc
		lost = fmt.Errorf("%w; using %s", lost, f.backupPath())
		return Loaded[T]{State: v, Found: true, Path: f.backupPath(), Lost: lost}, nil
	case errors.Is(err, ErrDamaged):
		lost = errors.Join(lost, fmt.Errorf("backup %s is %w", f.backupPath(), err))
	case !errors.Is(err, fs.ErrNotExist):
		lost = errors.Join(lost, explain("reading backup", f.backupPath(), "state_file", err))
	}
	return Loaded[T]{Lost: lost}, nil
}

// Peek reads the file and changes nothing: for other processes that look on.
// It needs no lock, since the file is only ever replaced as a whole. Errors
// are fs.ErrNotExist, ErrDamaged, or those of reading.
func (f *File[T]) Peek() (T, error) {
	v, _, err := f.read(f.path)
	if errors.Is(err, ErrDamaged) {
		return v, fmt.Errorf("state %s is %w; see: wanctl state check", f.path, err)
	}
	if err != nil {
		return v, explain("reading state", f.path, "state_file", err)
	}
	return v, nil
}

// read parses the file at path.
func (f *File[T]) read(path string) (T, object, error) {
	var zero T
	in, err := os.Open(path)
	if err != nil {
		return zero, nil, err
	}
	defer func() { _ = in.Close() }()
	data, err := io.ReadAll(io.LimitReader(in, maxSize+1))
	if err != nil {
		return zero, nil, err
	}
	if len(data) > maxSize {
		return zero, nil, damagef("larger than %d bytes", maxSize)
	}
	return f.parse(data)
}

func (f *File[T]) parse(data []byte) (T, object, error) {
	var zero T
	doc, err := parseObject(data)
	if err != nil {
		return zero, nil, err
	}
	var bad error
	v := f.decode(fields{obj: doc, err: &bad})
	if bad != nil {
		return zero, nil, bad
	}
	return v, doc, nil
}

// setAside moves the damaged file out of the way and says so.
func (f *File[T]) setAside(damage error) error {
	lost := fmt.Errorf("state %s is %w", f.path, damage)
	if err := os.Rename(f.path, f.corruptPath()); err != nil {
		return fmt.Errorf("%w; setting it aside: %w", lost, err)
	}
	return fmt.Errorf("%w; kept as %s", lost, f.corruptPath())
}

// Reset removes the state and its backup, so that the next start begins
// afresh. A damaged file that was set aside stays.
func (f *File[T]) Reset() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lockState(f.path)
	if err != nil {
		return explain("resetting state", f.path, "state_file", err)
	}
	defer unlock()
	f.seen = nil
	// The backup goes first: were it last, a kill between the two would bring
	// the old state back.
	for _, path := range []string{f.backupPath(), f.path} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("resetting state", path, "state_file", err)
		}
	}
	return nil
}

// lockState takes the flock of the file at path itself, which is what the
// earlier system locks too. Since every save puts another file under that
// name, the lock counts only when it is on the file that has the name now.
// A file that does not exist needs no lock: there is nothing to lose in it.
func lockState(path string) (unlock func(), err error) {
	for give := time.Now().Add(lockWait); ; time.Sleep(lockPause) {
		fl := flock.New(path, flock.SetFlag(os.O_RDONLY))
		ok, err := lockNamed(fl, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return func() {}, nil
		case err != nil && !errors.Is(err, errReplaced):
			return nil, err
		case ok:
			return func() { _ = fl.Close() }, nil
		}
		if time.Now().After(give) {
			return nil, fmt.Errorf("%w for %v; see who: fuser -v %s", ErrBusy, lockWait, path)
		}
	}
}

// leftovers are the temporary files of savers that were killed.
func leftovers(path string) []string {
	found, _ := filepath.Glob(filepath.Join(globQuote(filepath.Dir(path)), "."+globQuote(filepath.Base(path))+"[0-9]*"))
	return found
}

// globQuote makes s match itself.
func globQuote(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, s[i])
	}
	return string(out)
}
