package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// File is one state file holding a T. Its methods may be called from several
// goroutines and processes at once. Nothing is touched before the first call.
type File[T any] struct {
	// configuration
	path   string
	kind   Kind
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

// BackupPath is where the state before is kept.
func (f *File[T]) BackupPath() string { return f.path + ".backup" }

func (f *File[T]) backupPath() string { return f.BackupPath() }

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

// Look is Load that changes nothing, for people: it needs no lock and sets
// nothing aside. Lost says why the file could not be used; it is fs.ErrNotExist
// where there is none. Of a damaged file without a good backup, State is what
// is readable of it.
func (f *File[T]) Look() Loaded[T] {
	text, lost := readText(f.path)
	if lost == nil {
		v, _, err := f.parse(text)
		if err == nil {
			return Loaded[T]{State: v, Found: true, Path: f.path}
		}
		lost = err
	}
	if v, _, err := f.read(f.backupPath()); err == nil {
		return Loaded[T]{State: v, Found: true, Path: f.backupPath(), Lost: plain(lost)}
	}
	l := Loaded[T]{Lost: plain(lost)}
	if doc, _ := f.mend(text, nil, nil); len(doc) > 0 {
		l.State, l.Found, l.Path = f.decode(newFields(doc)), true, f.path
	}
	return l
}

// read parses the file at path.
func (f *File[T]) read(path string) (T, object, error) {
	var zero T
	data, err := readText(path)
	if err != nil {
		return zero, nil, err
	}
	return f.parse(data)
}

// readText reads a file, as much of it as maxSize allows. The rest is damage.
func readText(path string) ([]byte, error) {
	// A pipe in the place of the file must not stop us until somebody writes.
	in, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	st, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSize {
		return data[:maxSize], damagef("larger than %d bytes", maxSize)
	}
	return data, nil
}

func (f *File[T]) parse(data []byte) (T, object, error) {
	v, doc, a, err := f.inspect(data)
	if err == nil && len(a.bad) > 0 {
		var zero T
		return zero, nil, damagef("%s", tell(a.bad))
	}
	return v, doc, err
}

// inspect parses data and finds all that is wrong in it. An error is one of the
// document as a whole.
func (f *File[T]) inspect(data []byte) (T, object, *audit, error) {
	doc, twice, err := splitObject(data)
	if err != nil {
		var zero T
		return zero, nil, nil, err
	}
	in := newFields(doc)
	in.note(twice)
	v := f.decode(in)
	return v, doc, in.audit, nil
}

// tell is the first of several problems, and how many more there are.
func tell(bad []Bad) string {
	if n := len(bad) - 1; n > 0 {
		return fmt.Sprintf("%s (and %d more)", bad[0], n)
	}
	return bad[0].String()
}

// Reset begins afresh: the file holds v and nothing else, fields of other
// programs included. What it held is the backup then, but for a damaged file,
// which is set aside.
func (f *File[T]) Reset(v T) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return explain("creating the directory of state", f.path, "state_file", err)
	}
	unlock, err := lockState(f.path)
	if err != nil {
		return explain("resetting state", f.path, "state_file", err)
	}
	defer unlock()
	keep := f.backUp
	switch _, _, err := f.read(f.path); {
	case err == nil:
	case errors.Is(err, ErrDamaged):
		keep = f.keepCorrupt
	case errors.Is(err, fs.ErrNotExist):
		keep = nil
	default:
		return explain("resetting state", f.path, "state_file", err)
	}
	doc, data, err := f.document(nil, v)
	if err != nil {
		return fmt.Errorf("resetting state %s: %w", f.path, err)
	}
	// The file is not just removed: the backup would be used in its place.
	if err := f.replace(data, keep); err != nil {
		return explain("resetting state", f.path, "state_file", err)
	}
	f.seen = doc
	return nil
}

// lockState takes the flock of the file at path itself, which is what the
// earlier system locks too. Since every save puts another file under that
// name, the lock counts only when it is on the file that has the name now.
// A file that does not exist needs no lock: there is nothing to lose in it.
func lockState(path string) (unlock func(), err error) {
	for give := time.Now().Add(lockWait); ; time.Sleep(lockPause) {
		fl := flock.New(path, flock.SetFlag(os.O_RDONLY|syscall.O_NONBLOCK))
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

// leftovers are the temporary files of savers that were killed: ours, and those
// that other programs usually name so.
func leftovers(path string) []string {
	dir, base := globQuote(filepath.Dir(path)), globQuote(filepath.Base(path))
	var all []string
	for _, pattern := range []string{"." + base + "[0-9]*", "." + base + ".*.tmp", base + ".tmp", base + ".*.tmp"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// old leaves out what somebody may be writing at this moment.
func old(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool {
		st, err := os.Lstat(path)
		return err != nil || !st.Mode().IsRegular() || time.Since(st.ModTime()) <= sweepAge
	})
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
