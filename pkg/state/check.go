package state

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Report is the condition of a state file and of what belongs to it.
type Report struct {
	Main      Condition
	Backup    Condition
	Corrupt   Condition // set aside earlier; its content is not judged
	Leftovers []string  // temporary files of savers that were killed
}

// Condition is what one file is like.
type Condition struct {
	Path     string
	Exists   bool
	Size     int64 // bytes
	Modified time.Time
	Err      error // ErrDamaged, or why the file could not be read
}

// Healthy reports whether the next start finds what it needs: a good file, or
// nothing at all before the first start.
func (r Report) Healthy() bool {
	if r.Main.Err != nil || r.Backup.Err != nil {
		return false
	}
	return r.Main.Exists || !r.Backup.Exists
}

// Check looks at the file and what belongs to it, and changes nothing.
func (f *File[T]) Check() Report {
	return Report{
		Main:      f.condition(f.path, true),
		Backup:    f.condition(f.backupPath(), true),
		Corrupt:   f.condition(f.corruptPath(), false),
		Leftovers: leftovers(f.path),
	}
}

func (f *File[T]) condition(path string, judge bool) Condition {
	c := Condition{Path: path}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c
	case err != nil:
		c.Err = err
		return c
	}
	c.Exists, c.Size, c.Modified = true, st.Size(), st.ModTime()
	if judge {
		_, _, c.Err = f.read(path)
	}
	return c
}

// Repair sets a damaged file aside, makes the backup the state again where
// there is one, and removes leftovers. The result says what was found.
func (f *File[T]) Repair() (Loaded[T], error) {
	loaded, err := f.Load()
	if err != nil {
		return loaded, err
	}
	if loaded.Found && loaded.Path != f.path {
		if err := f.Save(loaded.State); err != nil {
			return loaded, err
		}
	}
	for _, path := range leftovers(f.path) {
		if st, err := os.Lstat(path); err == nil && time.Since(st.ModTime()) > sweepAge {
			_ = os.Remove(path)
		}
	}
	return loaded, nil
}
