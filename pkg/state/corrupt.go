package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// keptCorrupt is how many damaged files are kept beside a state file. The
// newest is FILE.corrupt, the one before FILE.corrupt.1 and so on; when there
// are more, the oldest goes.
const keptCorrupt = 5

func (f *File[T]) corruptPath() string { return f.corruptName(0) }

// corruptName is the name of the damaged file that is age files old.
func (f *File[T]) corruptName(age int) string {
	if age == 0 {
		return f.path + ".corrupt"
	}
	return fmt.Sprintf("%s.corrupt.%d", f.path, age)
}

// setAside moves the damaged file out of the way and returns an error that says
// so.
func (f *File[T]) setAside(damage error) error {
	lost := fmt.Errorf("state %s is %w", f.path, damage)
	if err := f.moveAside(f.path); err != nil {
		return fmt.Errorf("%w; setting it aside: %w", lost, err)
	}
	return fmt.Errorf("%w; kept as %s", lost, f.corruptPath())
}

// moveAside renames the damaged file at path to FILE.corrupt.
func (f *File[T]) moveAside(path string) error {
	if err := f.freeCorrupt(path); err != nil {
		return err
	}
	return os.Rename(path, f.corruptPath())
}

// linkAside gives the damaged file its second name, and leaves it where it is
// for replace to replace.
func (f *File[T]) linkAside() error {
	if err := f.freeCorrupt(f.path); err != nil {
		return err
	}
	if os.Link(f.path, f.corruptPath()) == nil {
		return nil
	}
	return os.Rename(f.path, f.corruptPath()) // a file system without links
}

// freeCorrupt makes the name FILE.corrupt free for the file at path. It keeps
// the file of that name, unless its text is the same.
func (f *File[T]) freeCorrupt(path string) error {
	if _, err := os.Lstat(f.corruptPath()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if sameText(path, f.corruptPath()) {
		return os.Remove(f.corruptPath())
	}
	first := 0 // free name
	for first < keptCorrupt-1 {
		if _, err := os.Lstat(f.corruptName(first)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		first++
	}
	for age := first; age > 0; age-- {
		if err := os.Rename(f.corruptName(age-1), f.corruptName(age)); err != nil {
			return err
		}
	}
	return nil
}

// sameText reports whether two files are regular and hold the same.
func sameText(a, b string) bool {
	one, err := readText(a)
	if err != nil {
		return false
	}
	other, err := readText(b)
	return err == nil && bytes.Equal(one, other)
}
