package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// File is one state file holding a T. Its methods may be called from several
// goroutines and processes at once. Nothing is touched before the first call.
type File[T any] struct {
	// configuration
	path string
	kind Kind
	bind func(*T) binding

	// mu protects what follows and serialises this process; flock(2) on the
	// file serialises processes.
	mu    sync.Mutex
	seen  object // newest document: keeps foreign fields when the file disappears
	swept bool   // leftovers were removed
}

const (
	// maxSize bounds what is read: ten times the longest steering history.
	maxSize = 4 << 20
	// lockWait bounds how long another process may keep the file locked.
	lockWait = 2 * time.Second
)

// Path is the path of the file.
func (f *File[T]) Path() string { return f.path }

// BackupPath is the path of the state before.
func (f *File[T]) BackupPath() string { return f.path + ".backup" }

// Loaded is a state that was read.
type Loaded[T any] struct {
	State T
	Found bool   // false: nothing usable, State is zero
	Path  string // of the file State is from: the file itself or its backup

	// Lost says which state, or part of it, could not be used and where it went.
	// It is nil on a clean load and worth a warning otherwise; the daemon goes on.
	Lost error
}

// Load reads the state. A damaged file is set aside, and the backup is used in
// its place; where only single values are invalid, the rest of the file is used.
// A file that never existed is no error: Found is false. An error means that the
// file could not be read (permissions, I/O, ErrBusy), so that its content, good
// or bad, is still there.
func (f *File[T]) Load() (Loaded[T], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lockState(f.path)
	if err != nil {
		return Loaded[T]{}, withHint("reading state", f.path, "state_file", err)
	}
	defer unlock()

	var lost error
	text, v, doc, err := f.read(f.path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil:
		f.seen = doc
		return Loaded[T]{State: v, Found: true, Path: f.path}, nil
	case errors.Is(err, ErrDamaged):
		lost = f.setAside(err)
	case !missing:
		return Loaded[T]{}, withHint("reading state", f.path, "state_file", err)
	}
	backup, _, _, err := f.read(f.BackupPath())
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, ErrDamaged):
		err = fmt.Errorf("backup %s is %w", f.BackupPath(), err)
	default:
		err = withHint("reading backup", f.BackupPath(), "state_file", err)
	}
	r := f.recover(text, backup, nil)
	if r.path != "" {
		f.seen = r.doc
	}
	l := Loaded[T]{State: r.state, Found: r.path != "", Path: r.path, Lost: lost}
	switch {
	case r.path == f.path:
		l.Lost = fmt.Errorf("%w; %d of its values reset", lost, len(r.reset))
		return l, nil
	case l.Found && missing:
		l.Lost = fmt.Errorf("state %s is missing", f.path)
	}
	if l.Found {
		l.Lost = fmt.Errorf("%w; using %s", l.Lost, f.BackupPath())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		l.Lost = errors.Join(l.Lost, err)
	}
	return l, nil
}

// ReadOnly reads the file and changes nothing, for other processes. It needs no
// lock, since the file is only ever replaced as a whole. Errors are
// fs.ErrNotExist, ErrDamaged, or those of reading.
func (f *File[T]) ReadOnly() (T, error) {
	_, v, _, err := f.read(f.path)
	if errors.Is(err, ErrDamaged) {
		return v, fmt.Errorf("state %s is %w; see: wanctl state check", f.path, err)
	}
	if err != nil {
		return v, withHint("reading state", f.path, "state_file", err)
	}
	return v, nil
}

// ReadBest returns what Load would, for people: it needs no lock and sets nothing
// aside. Lost says why the file could not be used; it is fs.ErrNotExist where
// there is none.
func (f *File[T]) ReadBest() Loaded[T] {
	text, v, _, err := f.read(f.path)
	if err == nil {
		return Loaded[T]{State: v, Found: true, Path: f.path}
	}
	backup, _ := readText(f.BackupPath())
	r := f.recover(text, backup, nil)
	return Loaded[T]{State: r.state, Found: r.path != "", Path: r.path, Lost: withoutPath(err)}
}

// read reads and parses the file at path. With ErrDamaged it returns the text.
func (f *File[T]) read(path string) (text []byte, v T, doc object, err error) {
	if text, err = readText(path); err == nil {
		v, doc, err = f.parse(text)
	}
	return text, v, doc, err
}

// readText reads a regular file. One larger than maxSize is damaged.
func readText(path string) ([]byte, error) {
	data, err := regfile.Read(path, maxSize)
	if errors.Is(err, regfile.ErrTooLarge) {
		return nil, damagef("larger than %d bytes", maxSize)
	}
	return data, err
}

// parse reads a state in which every value is valid.
func (f *File[T]) parse(text []byte) (T, object, error) {
	var zero T
	doc, err := parseObject(text)
	if err != nil {
		return zero, nil, err
	}
	v, invalid := f.decode(doc)
	if len(invalid) > 0 {
		return zero, nil, damageOf(invalid)
	}
	return v, doc, nil
}

// decode reads the valid values of doc and returns the invalid ones.
func (f *File[T]) decode(doc object) (T, []Invalid) {
	var v T
	invalid := f.bind(&v).decode(doc)
	return v, invalid
}

// Reset replaces the file by v, without the fields of other programs. The former
// file becomes the backup; a damaged one is set aside.
func (f *File[T]) Reset(v T) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := makeDir(filepath.Dir(f.path)); err != nil {
		return withHint("creating the directory of state", f.path, "state_file", err)
	}
	unlock, err := lockState(f.path)
	if err != nil {
		return withHint("resetting state", f.path, "state_file", err)
	}
	defer unlock()
	keep := f.backUp
	switch _, _, _, err := f.read(f.path); {
	case err == nil:
	case errors.Is(err, ErrDamaged):
		keep = f.linkAside
	case errors.Is(err, fs.ErrNotExist):
		keep = nil
	default:
		return withHint("resetting state", f.path, "state_file", err)
	}
	doc, data, err := f.document(nil, v)
	if err != nil {
		return fmt.Errorf("resetting state %s: %w", f.path, err)
	}
	// The file is not just removed: the backup would be used in its place.
	if err := f.replace(data, keep); err != nil {
		return withHint("resetting state", f.path, "state_file", err)
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
		if err := regfile.Check(path); errors.Is(err, regfile.ErrNotRegular) {
			return nil, err
		}
		fl := flock.New(path, flock.SetFlag(readNow))
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
