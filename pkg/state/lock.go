package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Lock is the lock file of one daemon, held until Close.
//
// Two kinds of program respect it. This one holds flock(2) on the file, which
// the kernel releases when the process ends. The earlier system only reads the
// PID in the file: a live PID of another process means held, a dead one means
// stale. So the file holds our PID from the moment it becomes visible (it is
// written elsewhere and linked into place), and a file of another program counts
// as held while its PID is alive, even when no process has the flock.
type Lock struct {
	path string
	fl   *flock.Flock
}

const (
	// pidGrace is how long a lock file without a PID is taken for one whose
	// writer is about to write it.
	pidGrace = 10 * time.Second
	// lockTries bounds how often the competition of several starters is looked
	// at anew; lockPause is the time between two looks.
	lockTries = 25
	lockPause = 20 * time.Millisecond
	// readNow are the flags of opening a file to lock it. O_NONBLOCK is for what took
	// the place of a regular file after the check.
	readNow = os.O_RDONLY | syscall.O_NONBLOCK
	// maxLockText bounds what is read of a lock file, in bytes.
	maxLockText = 64
)

// Acquire takes the lock file at path or says who has it (ErrLocked). The
// directory is created when it is missing.
func Acquire(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, withHint("creating the directory of lock file", path, "lock_file", err)
	}
	if err := regfile.Check(path); errors.Is(err, regfile.ErrNotRegular) { // before anything is made beside a device
		return nil, withHint("creating lock file", path, "lock_file", err)
	}
	sweepLocks(path)
	fl, tmp, err := newLockFile(path)
	if err != nil {
		return nil, withHint("creating lock file", path, "lock_file", err)
	}
	held := false
	defer func() {
		_ = os.Remove(tmp) // its inode lives on under path when the lock is held
		if !held {
			_ = fl.Close()
		}
	}()
	var last Owner
	for range lockTries {
		err := os.Link(tmp, path)
		if err == nil {
			held = true
			return &Lock{path: path, fl: fl}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			var link *os.LinkError
			if errors.As(err, &link) {
				err = link.Err
			}
			return nil, withHint("creating lock file", path, "lock_file", err)
		}
		switch verdict, owner, err := takeOver(path, tmp); {
		case err != nil:
			return nil, withHint("taking over lock file", path, "lock_file", err)
		case verdict == taken:
			held = true
			return &Lock{path: path, fl: fl}, nil
		case verdict == theirs:
			return nil, lockedBy(path, owner)
		default:
			last = owner
		}
		time.Sleep(lockPause)
	}
	return nil, lockedBy(path, last)
}

func lockedBy(path string, o Owner) error {
	what := "try again in a few seconds"
	if o.PID != 0 {
		what = fmt.Sprintf("stop it first (kill %d), or, if that is no wanctl, remove the file (rm %s)", o.PID, path)
	}
	return fmt.Errorf("%w: lock file %s is held by %s; %s", ErrLocked, path, o, what)
}

// sweepLocks removes what starters left that were killed while they took the lock.
func sweepLocks(path string) {
	found, _ := filepath.Glob(filepath.Join(globQuote(filepath.Dir(path)), newLockName(globQuote(filepath.Base(path)))))
	for _, path := range old(found) {
		_ = os.Remove(path)
	}
}

// newLockName is the pattern of names for files that become the lock file base.
func newLockName(base string) string { return "." + base + ".new-*" }

// newLockFile makes a file beside path that holds our PID and our flock.
func newLockFile(path string) (*flock.Flock, string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), newLockName(filepath.Base(path)))
	if err != nil {
		return nil, "", err
	}
	tmp := f.Name()
	// Readable for all: the earlier system may run as another user.
	_, err = f.Write(lockText())
	// Synced, for a lock file that a power cut leaves without PID is taken for one
	// that is being written.
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		fl := flock.New(tmp, flock.SetFlag(readNow))
		var ok bool
		if ok, err = fl.TryLock(); ok {
			return fl, tmp, nil
		}
		if err == nil {
			err = errors.New("the new file is already locked")
		}
	}
	_ = os.Remove(tmp)
	return nil, "", err
}

type verdict int

const (
	unclear verdict = iota // something is changing: look again
	theirs                 // held by a live process
	taken                  // it was stale; path is our file now
)

// takeOver looks at the lock file others left at path and replaces it by tmp
// when it is stale. It does so under the flock of the old file, so that of
// several starters only one replaces it.
func takeOver(path, tmp string) (verdict, Owner, error) {
	if err := regfile.Check(path); errors.Is(err, regfile.ErrNotRegular) {
		return unclear, Owner{}, err
	}
	old := flock.New(path, flock.SetFlag(readNow))
	ok, err := lockNamed(old, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errReplaced):
		return unclear, Owner{}, nil
	case err != nil:
		return unclear, Owner{}, err
	case !ok:
		// The holder of the flock may still be replacing the file.
		pid, _, known := readOwner(path)
		if !known || !alive(pid) {
			return unclear, Owner{PID: pid}, nil
		}
		return theirs, Owner{PID: pid, Command: command(pid)}, nil
	}
	defer func() { _ = old.Close() }()
	pid, ours, known := readOwner(path)
	switch {
	case !known && age(old) < pidGrace:
		// The earlier system creates the file first and writes its PID then.
		return unclear, Owner{}, nil
	case known && heldByPID(pid, ours):
		return theirs, Owner{PID: pid, Command: command(pid)}, nil
	}
	if err := os.Rename(tmp, path); err != nil {
		return unclear, Owner{}, err
	}
	return taken, Owner{}, nil
}

// heldByPID reports whether a lock file whose flock is free is held by the PID in it.
// Our own PID is left over from an earlier run: a container starts with the same one
// each time.
func heldByPID(pid int, ours bool) bool {
	return !ours && pid != os.Getpid() && alive(pid)
}

func readOwner(path string) (pid int, ours, ok bool) {
	text, err := regfile.Read(path, maxLockText)
	if err != nil {
		return 0, false, false
	}
	return parseOwner(text)
}

// errReplaced: the file that was locked has another name now, or none.
var errReplaced = errors.New("replaced meanwhile")

// lockNamed acquires the flock of fl unless another process has it. When path
// meanwhile names another file, the lock protects nothing and is released: all
// others use the file that path names.
func lockNamed(fl *flock.Flock, path string) (ok bool, err error) {
	if ok, err = fl.TryLock(); !ok || sameInode(fl, path) {
		return ok, err
	}
	return false, errors.Join(errReplaced, fl.Close())
}

// sameInode reports whether path still is the file fl has open.
func sameInode(fl *flock.Flock, path string) bool {
	open, err := fl.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

// age is the time between now and the last change. The clock of a host without a
// battery may be behind both.
func age(fl *flock.Flock) time.Duration {
	st, err := fl.Stat()
	if err != nil {
		return 0
	}
	return time.Since(st.ModTime()).Abs()
}

// Keep makes sure that the lock file is ours: it may have been removed, or replaced. One that is missing or stale is made again, and restored is true. It
// returns ErrLocked when another live process has taken the lock: that one stays.
func (l *Lock) Keep() (restored bool, err error) {
	if sameInode(l.fl, l.path) {
		return false, nil
	}
	fresh, err := Acquire(l.path)
	if errors.Is(err, ErrLocked) {
		pid, _, known := readOwner(l.path)
		if !known { // its creator has not written the PID yet, or never will
			return false, nil
		}
		return false, fmt.Errorf("%w: lock file %s was removed or replaced, now %s; see who controls the router: ps -fC wanctl,python3",
			ErrLocked, l.path, Owner{PID: pid, Command: command(pid)})
	}
	if err != nil {
		return false, err
	}
	_ = l.fl.Close()
	l.fl = fresh.fl
	return true, nil
}

// Close removes the lock file and releases the lock. A file that is not ours
// any more is left alone.
func (l *Lock) Close() error {
	var err error
	if sameInode(l.fl, l.path) {
		// The flock is still ours here, so no other process acquires the file
		// between the check and the removal.
		err = os.Remove(l.path)
	}
	if err = errors.Join(err, l.fl.Close()); err != nil {
		return withHint("releasing lock file", l.path, "lock_file", err)
	}
	return nil
}

// Holder returns the live process that holds the lock file at path, without
// touching it. held is false when it is free or stale.
func Holder(path string) (o Owner, held bool, err error) {
	if err := regfile.Check(path); errors.Is(err, regfile.ErrNotRegular) {
		return Owner{}, false, withHint("reading lock file", path, "lock_file", err)
	}
	fl := flock.New(path, flock.SetFlag(readNow))
	ok, err := fl.TryRLock()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Owner{}, false, nil
	case err != nil:
		return Owner{}, false, withHint("reading lock file", path, "lock_file", err)
	}
	defer func() { _ = fl.Close() }()
	pid, ours, known := readOwner(path)
	if known {
		o = Owner{PID: pid, Command: command(pid), Ours: ours}
	}
	if st, err := fl.Stat(); err == nil {
		o.Since = st.ModTime()
	}
	switch {
	case !ok:
		return o, true, nil
	case !known:
		return o, age(fl) < pidGrace, nil
	}
	return o, heldByPID(pid, ours), nil
}
