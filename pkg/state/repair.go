package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Repair is what was done about a state file and what belongs to it, or, of a
// Plan, what would be.
type Repair struct {
	// Damage says what was wrong with the state; nil when nothing was.
	Damage error
	// Changes are the fields that are not what they were, and Kept the number of
	// those that are.
	Changes []Change
	Kept    int

	Steps []Step

	text json.RawMessage // to be written as the state
}

// Step is one thing done to a file.
type Step struct {
	Do   Act
	File string
	To   string // for SetAside the new name, for Chown the user
}

// Act is what can be done to a file.
type Act string

// Acts, in the order in which they are done.
const (
	SetAside Act = "set aside" // a damaged file gets the name To
	Write    Act = "write"     // the state, put together again
	Renew    Act = "renew"     // the backup, from the state
	Chmod    Act = "chmod"     // to 0600
	Chown    Act = "chown"     // to the owner of the directory
	Remove   Act = "remove"    // a leftover
)

// Nothing reports whether there is nothing to do.
func (r Repair) Nothing() bool { return len(r.Steps) == 0 }

func (r *Repair) step(do Act, file, to string) { r.Steps = append(r.Steps, Step{do, file, to}) }

// Plan is what Repair would do. It changes nothing.
func (f *File[T]) Plan(rules Rules[T]) (Repair, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan(rules)
}

// Repair makes the state usable again, field by field: what is readable and may
// be used stays, fields of other programs included; the rest comes from the
// backup, as far as that is good, or is left out. The damaged file is kept as
// FILE.corrupt. Modes, owners and leftovers are put in order too.
//
// A daemon that runs has its own state in mind and would write it over ours:
// whether one does is the caller's to ask.
func (f *File[T]) Repair(rules Rules[T]) (Repair, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lockState(f.path)
	if err != nil {
		return Repair{}, explain("repairing state", f.path, "state_file", err)
	}
	defer unlock()
	r, err := f.plan(rules)
	if err != nil {
		return r, err
	}
	for _, step := range r.Steps {
		if err := f.take(step, r.text); err != nil {
			return r, explain(fmt.Sprintf("repairing (%s)", step.Do), step.File, "state_file", err)
		}
	}
	return r, nil
}

func (f *File[T]) plan(rules Rules[T]) (Repair, error) {
	var r Repair
	text, err := readText(f.path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil:
		_, r.Damage = f.assess(text, rules)
	case errors.Is(err, ErrDamaged):
		r.Damage = err
	case !missing:
		return r, explain("reading state", f.path, "state_file", err)
	}
	if errors.Is(r.Damage, errOtherKind) {
		return r, fmt.Errorf("state %s is not repaired: %w; let state_file of one of them name another file: wanctl state path --all", f.path, r.Damage)
	}

	backup, err := readText(f.backupPath())
	backupDamage := err
	switch {
	case err == nil:
		_, backupDamage = f.assess(backup, Rules[T]{})
	case errors.Is(err, fs.ErrNotExist):
		backupDamage = nil
	case !errors.Is(err, ErrDamaged):
		return r, explain("reading backup", f.backupPath(), "state_file", err)
	}
	if missing {
		text = f.newestCorrupt(len(backup) > 0)
		if len(text)+len(backup) > 0 {
			r.Damage = errors.New("the file is missing")
		}
	}

	if r.Damage != nil {
		if err := f.planState(&r, text, backup, rules, missing); err != nil {
			return r, err
		}
	}
	if backupDamage != nil {
		f.planBackup(&r, missing)
	}
	f.planAccess(&r)
	for _, path := range old(leftovers(f.path)) {
		r.step(Remove, path, "")
	}
	return r, nil
}

// newestCorrupt is the text that a daemon set aside before it could write a new
// state, nil where the backup is newer.
func (f *File[T]) newestCorrupt(backup bool) []byte {
	c := outside(f.corruptPath())
	if b := outside(f.backupPath()); !c.Exists || backup && b.Modified.After(c.Modified) {
		return nil
	}
	text, err := readText(f.corruptPath())
	if err != nil && !errors.Is(err, ErrDamaged) {
		return nil
	}
	return text
}

func (f *File[T]) planState(r *Repair, text, backup []byte, rules Rules[T], missing bool) error {
	doc, changes := f.mend(text, backup, rules.Judge)
	r.Changes = changes
	total := 0
	for name, value := range doc {
		total += len(leaves([]string{name}, value))
	}
	for _, c := range changes {
		if c.Value != nil {
			total--
		}
	}
	r.Kept = max(total, 0)
	if !missing {
		r.step(SetAside, f.path, f.corruptPath())
	}
	if len(doc) == 0 { // nothing readable anywhere: the daemon begins afresh
		r.Changes = nil
		return nil
	}
	var err error
	if r.text, err = doc.marshal(); err == nil {
		_, err = f.assess(r.text, rules)
	}
	if err != nil {
		return fmt.Errorf("state %s is not repaired: refusing to write what could not be read back: %w", f.path, err)
	}
	r.step(Write, f.path, "")
	return nil
}

// planBackup replaces a damaged backup by the state, or puts it aside where
// there is none.
func (f *File[T]) planBackup(r *Repair, missing bool) {
	if r.text == nil && (missing || r.Damage != nil) {
		r.step(SetAside, f.backupPath(), f.corruptPath())
		return
	}
	r.step(Renew, f.backupPath(), "")
}

func (f *File[T]) planAccess(r *Repair) {
	written := map[string]bool{}
	for _, s := range r.Steps {
		written[s.File] = true
	}
	dir, err := os.Stat(filepath.Dir(f.path))
	if err != nil {
		return
	}
	want := ownerOf(dir)
	for _, path := range []string{f.path, f.backupPath()} {
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() || written[path] {
			continue
		}
		owner := ownerOf(st)
		mayChange := os.Geteuid() == 0 || owner.uid == os.Geteuid()
		if st.Mode().Perm() != 0o600 && mayChange {
			r.step(Chmod, path, "")
		}
		if want.known && want.uid != 0 && owner.uid != want.uid && os.Geteuid() == 0 {
			r.step(Chown, path, want.String())
		}
	}
}

// take does one step.
func (f *File[T]) take(s Step, text json.RawMessage) error {
	switch s.Do {
	case SetAside:
		if s.File == f.path && text != nil {
			return nil // done by Write, which leaves no moment without a state
		}
		if err := f.freeCorrupt(s.File); err != nil {
			return err
		}
		return os.Rename(s.File, s.To)
	case Write:
		keep, from := f.keepCorrupt, outside(f.path)
		if !from.Exists {
			keep, from = nil, outside(f.backupPath())
		}
		if err := f.replace(text, keep); err != nil {
			return err
		}
		if from.Exists { // the state is not newer than it was
			_ = os.Chtimes(f.path, time.Time{}, from.Modified)
		}
		_, f.seen, _ = f.parse(text)
		return nil
	case Renew:
		return f.backUp()
	case Chmod:
		return onFile(s.File, func(file *os.File) error { return file.Chmod(0o600) })
	case Chown:
		return onFile(s.File, func(file *os.File) error {
			adopt(file, filepath.Dir(s.File))
			return nil
		})
	case Remove:
		return os.Remove(s.File)
	}
	return fmt.Errorf("unknown step %q", s.Do)
}

// onFile does something to the file at path and not to what a link there, made
// a moment ago, leads to.
func onFile(path string, do func(*os.File) error) error {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) { // our own file, that we may not read
		return os.Chmod(path, 0o600)
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return do(file)
}
