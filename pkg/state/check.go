package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Severity is how much a Finding matters.
type Severity string

// Severities.
const (
	Damage Severity = "damage" // a state is lost, or will be, unless something is done
	Note   Severity = "note"
)

// Finding is one fact about a state file that matters to its user.
type Finding struct {
	Severity Severity
	File     string
	Key      string // dotted; "" when it concerns the whole file
	Text     string
	Next     string // the command to type
}

// Report is the condition of a state file and of what belongs to it.
type Report struct {
	Main      Condition
	Backup    Condition
	Corrupt   []Condition // set aside earlier, newest first; their content is not checked
	Leftovers []string    // temporary files of savers that were killed
	Holder    Owner       // of the lock, while Held
	Held      bool
	Findings  []Finding
}

// Condition is the state of one file.
type Condition struct {
	Path     string
	Exists   bool
	Modified time.Time
	Err      error     // ErrDamaged, or why the file could not be read
	Invalid  []Invalid // values that cannot be used in a file that is a JSON object
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

// Check examines the file and what belongs to it, and changes nothing.
func (f *File[T]) Check(rules Rules[T]) Report {
	r := Report{
		Main:      f.condition(f.path, rules.Validate),
		Backup:    f.condition(f.BackupPath(), nil), // values out of bounds are reset when it is used
		Leftovers: old(leftovers(f.path)),
	}
	for age := range keptCorrupt {
		if c := statFile(f.corruptName(age)); c.Exists {
			r.Corrupt = append(r.Corrupt, c)
		}
	}
	if rules.Lock != "" {
		r.Holder, r.Held, _ = Holder(rules.Lock) // one that cannot be read says nothing about the state
	}
	command := func(sub string) string { return rules.command(sub, f.path) }
	if !r.Main.Exists && r.Main.Err == nil && r.Backup.Exists {
		r.add(Damage, f.path, "", command("repair"), "is missing, and its backup is there")
	}
	r.addContent(r.Main, command)
	r.addContent(r.Backup, command)
	r.addStale()
	for _, c := range r.Corrupt {
		r.add(Note, c.Path, "", "rm "+Quote(c.Path), "a damaged state that was set aside, last written %s; examine it, then remove it",
			c.Modified.Format(time.RFC3339))
	}
	for _, path := range r.Leftovers {
		r.add(Note, path, "", command("repair"), "a temporary file of a save that was killed")
	}
	r.addAccess(command)
	return r
}

// condition reads the file at path. Its Err wraps the damage of the whole file or
// of single values.
func (f *File[T]) condition(path string, validate func(T) []Invalid) Condition {
	c := statFile(path)
	if !c.Exists || c.Err != nil {
		return c
	}
	text, err := readText(path)
	if err == nil {
		c.Invalid, err = f.assess(text, validate)
	}
	c.Err = err
	return c
}

// assess returns what is wrong with the text of a state: values, and as an error
// ErrDamaged or errOtherKind.
func (f *File[T]) assess(text []byte, validate func(T) []Invalid) ([]Invalid, error) {
	doc, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	if f.kind.excludes(doc) {
		return nil, fmt.Errorf("%w: it holds one of kind %s", errOtherKind, doc.kind())
	}
	v, invalid := f.decode(doc)
	if len(invalid) == 0 && validate != nil {
		invalid = validate(v)
	}
	return invalid, damageOf(invalid)
}

// statFile is the condition of a file that is not read.
func statFile(path string) Condition {
	c := Condition{Path: path}
	switch st, err := os.Stat(path); {
	case err == nil:
		c.Exists, c.Modified = true, st.ModTime()
		if !st.Mode().IsRegular() {
			c.Err = regfile.ErrNotRegular
		}
	case !errors.Is(err, fs.ErrNotExist):
		c.Err = withoutPath(err)
	}
	return c
}

func (r *Report) add(s Severity, file, key, next, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Severity: s, File: file, Key: key, Text: fmt.Sprintf(format, args...), Next: next})
}

// addContent reports a file that cannot be used, or values in it.
func (r *Report) addContent(c Condition, command func(string) string) {
	for _, i := range c.Invalid {
		r.add(Damage, c.Path, i.Key, command("repair"), "%s", i.Why)
	}
	if c.Err == nil || len(c.Invalid) > 0 {
		return
	}
	text, next := Reason(c.Err), command("repair")
	switch {
	case errors.Is(c.Err, errOtherKind):
		text, next = text+"; two configurations may name the same state_file", "wanctl state path --all"
	case errors.Is(c.Err, ErrDamaged):
	case errors.Is(c.Err, regfile.ErrNotRegular):
		text, next = "is not a regular file", fmt.Sprintf("mv %s %s", Quote(c.Path), Quote(c.Path+".old"))
	case errors.Is(c.Err, fs.ErrPermission):
		text, next = "this user may not read it", "sudo "+command("check")
	default:
		text, next = fmt.Sprintf("cannot be read: %v", withoutPath(c.Err)), "ls -l "+Quote(c.Path)
	}
	r.add(Damage, c.Path, "", next, "%s", text)
}

// addStale reports a running daemon that does not save. Without a daemon a state
// may have any age.
func (r *Report) addStale() {
	now := time.Now()
	if !r.Held || r.Holder.Since.IsZero() || now.Sub(r.Holder.Since) < staleAfter || r.Main.Err != nil {
		return
	}
	severity := Damage
	if !r.Holder.Ours {
		severity = Note // the earlier system may save only what changed
	}
	const next = "journalctl -u 'wanctl*'"
	switch age := now.Sub(r.Main.Modified).Round(time.Second); {
	case !r.Main.Exists && !r.Backup.Exists:
		r.add(severity, r.Main.Path, "", next, "does not exist, though %s has been running for %v: it saves nothing, see its log",
			r.Holder, now.Sub(r.Holder.Since).Round(time.Second))
	case r.Main.Exists && age > staleAfter:
		r.add(severity, r.Main.Path, "", next, "was saved %v ago, though %s is running and should save every minute: see its log", age, r.Holder)
	}
}

// addAccess reports who may read and write the files. The daemon is expected to
// run as the owner of the directory.
func (r *Report) addAccess(command func(string) string) {
	dir := filepath.Dir(r.Main.Path)
	dirStat, err := os.Stat(dir)
	if err != nil {
		return
	}
	if owner := ownerOf(dirStat); readOnly(dir) {
		r.add(Damage, dir, "", "findmnt -T "+Quote(dir), "the file system is read-only, so no state is saved")
	} else if mode := dirStat.Mode().Perm(); mode&0o300 != 0o300 && owner.uid != 0 {
		r.add(Damage, dir, "", "chmod u+wx "+Quote(dir), "%s cannot write this directory (mode %04o), so no state is saved", owner, mode)
	}
	for _, path := range []string{r.Main.Path, r.Backup.Path} {
		st, err := os.Lstat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		if mode := st.Mode().Perm(); mode != 0o600 {
			severity := Note
			if mode&0o022 != 0 { // others can change what the daemon uses
				severity = Damage
			}
			r.add(severity, path, "", command("repair"), "mode %04o; it should be 0600", mode)
		}
		if want, wrong := wrongOwner(st, dirStat); wrong {
			severity := Note
			if r.Held {
				severity = Damage
			}
			r.add(severity, path, "", "sudo "+command("repair"), "belongs to %s, and the directory to %s, who can neither read nor replace it", ownerOf(st), want)
		}
	}
}
