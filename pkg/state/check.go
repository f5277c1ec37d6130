package state

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Severity is how much a Finding matters.
type Severity string

// Severities.
const (
	Damage Severity = "damage" // a state is lost, or will be, unless something is done
	Note   Severity = "note"
)

// Finding is one thing about a state file that somebody should know.
type Finding struct {
	Severity Severity
	File     string
	Key      string // dotted; "" when it concerns the whole file
	Text     string
	Next     string // the command to type; "" when nothing is to be done
}

// Report is the condition of a state file and of what belongs to it.
type Report struct {
	Main      Condition
	Backup    Condition
	Corrupt   []Condition // set aside earlier, newest first; their content is not judged
	Leftovers []string    // temporary files of savers that were killed
	Holder    Owner       // of the lock, while Held
	Held      bool
	Findings  []Finding

	// command is a subcommand of 'wanctl state' for this file.
	command func(sub string) string
}

// Condition is what one file is like.
type Condition struct {
	Path     string
	Exists   bool
	Size     int64 // bytes
	Modified time.Time
	Err      error // ErrDamaged, or why the file could not be read

	// Bad is what cannot be used in a file that is a JSON object.
	Bad []Bad

	twice []string
	link  bool
	none  bool // not one field of a state is in it
}

// Healthy reports whether the next start finds what it needs: a good file, or
// nothing at all before the first start.
func (r Report) Healthy() bool {
	for _, f := range r.Findings {
		if f.Severity == Damage {
			return false
		}
	}
	return true
}

// staleAfter is how old a state is that a running daemon should have replaced:
// three times MaxInterval.
const staleAfter = 3 * MaxInterval

// Check looks at the file and what belongs to it, and changes nothing.
func (f *File[T]) Check(rules Rules[T]) Report {
	r := Report{
		Main:      f.condition(f.path, rules),
		Backup:    f.condition(f.backupPath(), Rules[T]{}), // what is out of bounds there does no harm
		Leftovers: old(leftovers(f.path)),
	}
	for age := range keptCorrupt {
		if c := outside(f.corruptName(age)); c.Exists {
			r.Corrupt = append(r.Corrupt, c)
		}
	}
	if rules.Lock != "" {
		var err error
		if r.Holder, r.Held, err = Holder(rules.Lock); err != nil {
			r.note(rules.Lock, "", "", "%v", err)
		}
	}
	r.command = func(sub string) string { return rules.command(sub, f.path) }
	r.judgeMain()
	r.judgeAge()
	r.judgeBackup()
	r.judgeRest()
	r.judgeAccess()
	return r
}

func (f *File[T]) condition(path string, rules Rules[T]) Condition {
	c := outside(path)
	if !c.Exists || c.Err != nil {
		return c
	}
	text, err := readText(path)
	if err != nil {
		c.Err = err
		return c
	}
	a, err := f.assess(text, rules)
	c.Bad, c.twice, c.Err = a.bad, a.twice, err
	if doc, damage := parseObject(text); damage == nil {
		c.none = kindOf(slices.Collect(maps.Keys(doc))) == OfNeither
	}
	return c
}

// assess says what is wrong with the text of a state. An error is ErrDamaged or
// errOtherKind.
func (f *File[T]) assess(text []byte, rules Rules[T]) (audit, error) {
	v, doc, a, err := f.inspect(text)
	if err != nil {
		return audit{}, err
	}
	if foreign(f.kind, doc) {
		return audit{}, fmt.Errorf("%w: it holds that of %s", errOtherKind, f.kind.other())
	}
	if len(a.bad) == 0 {
		a.bad = rules.judge(v)
	}
	if len(a.bad) > 0 {
		return *a, damagef("%s", tell(a.bad))
	}
	return *a, nil
}

// outside is what can be said of a file without reading it.
func outside(path string) Condition {
	c := Condition{Path: path}
	st, err := os.Lstat(path)
	if err == nil && st.Mode()&fs.ModeSymlink != 0 {
		c.link = true
		st, err = os.Stat(path)
	}
	switch {
	case err == nil:
		c.Exists, c.Size, c.Modified = true, st.Size(), st.ModTime()
		if !st.Mode().IsRegular() {
			c.Err = errNotRegular
		}
	case !errors.Is(err, fs.ErrNotExist):
		c.Err = plain(err)
	}
	return c
}

// plain is err without the path, which stands beside it.
func plain(err error) error {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
}

func (r *Report) add(s Severity, file, key, next, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Severity: s, File: file, Key: key, Text: fmt.Sprintf(format, args...), Next: next})
}

func (r *Report) damage(file, key, next, format string, args ...any) {
	r.add(Damage, file, key, next, format, args...)
}

func (r *Report) note(file, key, next, format string, args ...any) {
	r.add(Note, file, key, next, format, args...)
}

func (r *Report) judgeMain() {
	m := r.Main
	switch {
	case m.Exists || m.Err != nil:
		r.judgeContent(m)
	case r.Backup.Exists:
		r.damage(m.Path, "", r.command("repair"), "is missing, and its backup is there")
	case len(r.Corrupt) > 0:
		r.note(m.Path, "", r.command("repair"), "is missing; it was set aside as %s", r.Corrupt[0].Path)
	}
	if m.link {
		target, _ := os.Readlink(m.Path)
		r.note(m.Path, "", "ls -l "+Quote(m.Path), "is a symbolic link to %s, which the next save replaces by a file; let state_file name a path without links", target)
	}
	if m.none && m.Err == nil {
		r.note(m.Path, "", r.command("show"), "holds not one field of a state, so the daemon begins afresh")
	}
	for _, key := range m.twice {
		r.note(m.Path, key, r.command("show"), "stands there twice; the last one counts")
	}
}

// judgeContent tells what is wrong in a file, or with reading it.
func (r *Report) judgeContent(c Condition) {
	switch {
	case c.Err == nil:
	case errors.Is(c.Err, errOtherKind):
		r.damage(c.Path, "", "wanctl state path --all", "%v; two configurations may name the same state_file", c.Err)
	case len(c.Bad) > 0:
		for _, b := range c.Bad {
			r.damage(c.Path, b.Key, r.command("repair"), "%s", b.Why)
		}
	case errors.Is(c.Err, ErrDamaged):
		r.damage(c.Path, "", r.command("repair"), "%s", Reason(c.Err))
	case errors.Is(c.Err, errNotRegular):
		r.damage(c.Path, "", fmt.Sprintf("mv %s %s", Quote(c.Path), Quote(c.Path+".old")), "is not a regular file")
	case errors.Is(c.Err, fs.ErrPermission):
		r.damage(c.Path, "", "sudo "+r.command("check"), "this user may not read it: %v", plain(c.Err))
	default:
		r.damage(c.Path, "", "ls -l "+Quote(c.Path), "cannot be read: %v", plain(c.Err))
	}
}

// judgeAge finds a daemon that does not save. Without one, a state may be as old
// as it likes.
func (r *Report) judgeAge() {
	now := time.Now()
	if r.Main.Exists && r.Main.Modified.After(now.Add(time.Minute)) {
		r.note(r.Main.Path, "", "timedatectl", "was saved %v in the future: the clock was set back since",
			r.Main.Modified.Sub(now).Round(time.Second))
	}
	if !r.Held || r.Holder.Since.IsZero() || now.Sub(r.Holder.Since) < staleAfter {
		return
	}
	severity := Damage
	if !r.Holder.Ours {
		severity = Note // the earlier system may save only what changed
	}
	see := "journalctl -u 'wanctl*'"
	switch age := now.Sub(r.Main.Modified).Round(time.Second); {
	case !r.Main.Exists && r.Main.Err == nil && !r.Backup.Exists:
		r.add(severity, r.Main.Path, "", see, "does not exist, though %s has been running for %v: it saves nothing, see its log",
			r.Holder, now.Sub(r.Holder.Since).Round(time.Second))
	case r.Main.Exists && age > staleAfter:
		r.add(severity, r.Main.Path, "", see, "was saved %v ago, though %s is running and should save every minute: see its log", age, r.Holder)
	}
}

func (r *Report) judgeBackup() {
	if b := r.Backup; len(b.Bad) > 0 {
		r.damage(b.Path, b.Bad[0].Key, r.command("repair"), "%s: it is of no use as a backup", b.Bad[0].Why)
	} else {
		r.judgeContent(b)
	}
}

func (r *Report) judgeRest() {
	for _, c := range r.Corrupt {
		r.note(c.Path, "", "rm "+Quote(c.Path), "a damaged state that was set aside, last written %s; look at it, then remove it",
			c.Modified.Format(time.RFC3339))
	}
	for _, path := range r.Leftovers {
		r.note(path, "", r.command("repair"), "a temporary file of a save that was killed")
	}
}

func (r *Report) judgeAccess() {
	dir := filepath.Dir(r.Main.Path)
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.Held {
			r.damage(dir, "", "mkdir -p "+Quote(dir), "this directory does not exist, and a daemon is running")
		}
		return
	case err != nil:
		r.damage(dir, "", "ls -ld "+Quote(dir), "this directory cannot be looked at: %v", plain(err))
		return
	case !st.IsDir():
		r.damage(dir, "", "ls -ld "+Quote(dir), "is a file; state_file needs a directory there")
		return
	}
	user := r.daemonUser(dir)
	if why, next := unwritable(dir, st, user); why != "" {
		r.damage(dir, "", next, "%s cannot write this directory (%s), so no state is saved", user, why)
	}
	for _, path := range []string{r.Main.Path, r.Backup.Path} {
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		switch mode := st.Mode().Perm(); {
		case mode&0o022 != 0:
			r.damage(path, "", r.command("repair"), "mode %04o lets others change what the daemon believes; it should be 0600", mode)
		case mode&0o077 != 0:
			r.note(path, "", r.command("repair"), "mode %04o lets others read it; it should be 0600", mode)
		case mode&0o600 != 0o600:
			r.note(path, "", r.command("repair"), "mode %04o keeps its owner out; it should be 0600", mode)
		}
		if owner := ownerOf(st); user.known && user.uid != 0 && owner.uid != user.uid {
			severity := Note
			if r.Held {
				severity = Damage
			}
			r.add(severity, path, "", fmt.Sprintf("chown %s %s", user, Quote(path)), "belongs to %s, and %s to %s, who can neither read nor replace it",
				owner, user.what, user)
		}
	}
}
