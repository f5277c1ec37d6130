package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Repair is what was done about a state file and what belongs to it, or, of a
// Plan, what would be.
type Repair struct {
	// Damage says what was wrong with the state; nil when nothing was.
	Damage error
	// From is the file the repaired state is from: the file itself or its backup.
	// It is "" when neither can be used, so that the daemon starts afresh.
	From  string
	Kept  int       // number of values taken from there
	Reset []Invalid // invalid values that were removed, so that their defaults apply

	Steps []Step

	text []byte // to be written as the state
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
	Write    Act = "write"     // the state
	Renew    Act = "renew"     // the backup, from the state
	Chmod    Act = "chmod"     // to 0600
	Chown    Act = "chown"     // to the owner of the directory
	Remove   Act = "remove"    // a leftover
)

// Nothing reports whether there is nothing to do.
func (r Repair) Nothing() bool { return len(r.Steps) == 0 }

func (r *Repair) step(do Act, file, to string) { r.Steps = append(r.Steps, Step{do, file, to}) }

// Plan returns what Repair would do. It changes nothing.
func (f *File[T]) Plan(rules Rules[T]) (Repair, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan(rules)
}

// Repair makes the state usable again. A damaged file is kept as FILE.corrupt and
// replaced by its backup; where only single values are invalid, those are removed
// and the rest stays, fields of other programs included. Modes, owners and
// leftovers are put in order too.
//
// A daemon that runs has its own state in memory and would write it over ours:
// the caller has to make sure that none does.
func (f *File[T]) Repair(rules Rules[T]) (Repair, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lockState(f.path)
	if err != nil {
		return Repair{}, withHint("repairing state", f.path, "state_file", err)
	}
	defer unlock()
	r, err := f.plan(rules)
	if err != nil {
		return r, err
	}
	for _, step := range r.Steps {
		if err := f.do(step, r.text); err != nil {
			return r, withHint(fmt.Sprintf("repairing (%s)", step.Do), step.File, "state_file", err)
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
		_, r.Damage = f.assess(text, rules.Validate)
	case errors.Is(err, ErrDamaged):
		r.Damage = err
	case !missing:
		return r, withHint("reading state", f.path, "state_file", err)
	}
	if errors.Is(r.Damage, errOtherKind) {
		return r, fmt.Errorf("state %s is not repaired: %w; let state_file of one of them name another file: wanctl state path --all", f.path, r.Damage)
	}
	backup, backupDamage := readText(f.BackupPath())
	switch {
	case backupDamage == nil:
		_, backupDamage = f.assess(backup, nil)
		if missing {
			r.Damage = errMissing
		}
	case errors.Is(backupDamage, fs.ErrNotExist):
		backupDamage = nil
	case !errors.Is(backupDamage, ErrDamaged):
		return r, withHint("reading backup", f.BackupPath(), "state_file", backupDamage)
	}
	if r.Damage != nil {
		if err := f.planState(&r, text, backup, rules, missing); err != nil {
			return r, err
		}
	}
	switch usable := r.text != nil || r.Damage == nil && !missing; {
	case backupDamage != nil && usable:
		r.step(Renew, f.BackupPath(), "")
	case backupDamage != nil:
		r.step(SetAside, f.BackupPath(), f.corruptPath())
	}
	f.planAccess(&r)
	for _, path := range old(leftovers(f.path)) {
		r.step(Remove, path, "")
	}
	return r, nil
}

// planState replaces a state that is damaged or missing.
func (f *File[T]) planState(r *Repair, text, backup []byte, rules Rules[T], missing bool) error {
	if !missing {
		r.step(SetAside, f.path, f.corruptPath())
	}
	recovered := f.recover(text, backup, rules.Validate)
	if recovered.path == "" {
		return nil
	}
	r.From, r.Reset, r.Kept = recovered.path, recovered.reset, recovered.doc.leaves()
	var err error
	if r.text, err = recovered.doc.text(); err == nil {
		_, err = f.assess(r.text, rules.Validate)
	}
	if err != nil {
		return fmt.Errorf("state %s is not repaired: refusing to write what could not be read back: %w", f.path, err)
	}
	r.step(Write, f.path, "")
	return nil
}

// planAccess corrects modes and owners of the files that stay as they are.
func (f *File[T]) planAccess(r *Repair) {
	written := map[string]bool{}
	for _, s := range r.Steps {
		written[s.File] = true
	}
	dir, err := os.Stat(filepath.Dir(f.path))
	if err != nil {
		return
	}
	for _, path := range []string{f.path, f.BackupPath()} {
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() || written[path] {
			continue
		}
		root := os.Geteuid() == 0
		if st.Mode().Perm() != 0o600 && (root || ownerOf(st).uid == os.Geteuid()) {
			r.step(Chmod, path, "")
		}
		if want, wrong := wrongOwner(st, dir); wrong && root {
			r.step(Chown, path, want.String())
		}
	}
}

// do performs one step.
func (f *File[T]) do(s Step, text []byte) error {
	switch s.Do {
	case SetAside:
		if s.File == f.path && text != nil {
			return nil // done by Write, which leaves no moment without a state
		}
		return f.moveAside(s.File)
	case Write:
		return f.writeRepaired(text)
	case Renew:
		return f.backUp()
	case Chmod:
		return onFile(s.File, func(file *os.File) error { return file.Chmod(0o600) })
	case Chown:
		return onFile(s.File, func(file *os.File) error {
			regfile.ChownLikeDir(file, filepath.Dir(s.File))
			return nil
		})
	case Remove:
		return os.Remove(s.File)
	}
	return fmt.Errorf("unknown step %q", s.Do)
}

// writeRepaired replaces the file and keeps the damaged one. The new file has the
// age of the one it is made from: the state in it is not newer.
func (f *File[T]) writeRepaired(text []byte) error {
	keep, from := f.linkAside, statFile(f.path)
	if !from.Exists {
		keep, from = nil, statFile(f.BackupPath())
	}
	if err := f.replace(text, keep); err != nil {
		return err
	}
	if from.Exists {
		_ = os.Chtimes(f.path, time.Time{}, from.Modified)
	}
	_, f.seen, _ = f.parse(text)
	return nil
}

// onFile calls do with the file at path, never with the target of a symbolic link
// that was put there meanwhile.
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
