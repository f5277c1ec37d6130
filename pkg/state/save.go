package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// sweepAge is the age from which a temporary file is no longer being written.
const sweepAge = time.Minute

// Save replaces the state by v. Whatever goes wrong, the former state is still
// there, as the file or as its backup. Fields of other programs in the file are
// kept. The directory is created when it is missing.
//
// A damaged file that is found in the way is set aside as by Load.
func (f *File[T]) Save(v T) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := makeDir(filepath.Dir(f.path)); err != nil {
		return withHint("creating the directory of state", f.path, "state_file", err)
	}
	unlock, err := lockState(f.path)
	if err != nil {
		return withHint("saving state", f.path, "state_file", err)
	}
	defer unlock()
	f.sweep()

	keep := f.backUp
	_, _, doc, err := f.read(f.path)
	switch {
	case err == nil:
	case errors.Is(err, ErrDamaged):
		// Not moved: while the name is free no process holds its lock, and a
		// repair would run at the same time as this save.
		doc, keep = f.seen, func() error { _ = f.linkAside(); return nil }
	case errors.Is(err, fs.ErrNotExist):
		doc, keep = f.seen, nil
	default:
		return withHint("saving state", f.path, "state_file", err)
	}
	doc, data, err := f.document(doc, v)
	if err != nil {
		return fmt.Errorf("saving state %s: %w", f.path, err)
	}
	if err := f.replace(data, keep); err != nil {
		return withHint("saving state", f.path, "state_file", err)
	}
	f.seen = doc
	return nil
}

// document puts v over the fields of the former document. What Load would
// refuse is refused here, so that a bug cannot cost the state.
func (f *File[T]) document(former object, v T) (object, []byte, error) {
	doc := former.clone()
	if err := f.bind(&v).encode(doc); err != nil {
		return nil, nil, err
	}
	data, err := doc.text()
	if err != nil {
		return nil, nil, err
	}
	if _, _, err := f.parse(data); err != nil {
		return nil, nil, fmt.Errorf("refusing to write what could not be read back: %w", err)
	}
	return doc, data, nil
}

// replace writes data under the name of the file: temporary file, sync,
// rename, sync of the directory. Before the rename, keep gives what the file is now
// another name, where it is worth one. Once it returns, no power cut undoes it.
func (f *File[T]) replace(data []byte, keep func() error) error {
	t, err := renameio.NewPendingFile(f.path,
		renameio.WithTempDir(filepath.Dir(f.path)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = t.Cleanup() }()
	regfile.ChownLikeDir(t.File, filepath.Dir(f.path))
	if _, err := t.Write(data); err != nil {
		return err
	}
	// Synced before anything else changes, so that a full disk changes nothing.
	if err := t.Sync(); err != nil {
		return err
	}
	if keep != nil {
		if err := keep(); err != nil {
			return fmt.Errorf("keeping the former state: %w", err)
		}
	}
	if err := t.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return regfile.SyncDir(filepath.Dir(f.path))
}

// backUp lets the backup name what the file is now. A link costs no data
// blocks, and the rename over the old backup leaves no moment without one.
func (f *File[T]) backUp() error {
	link := filepath.Join(filepath.Dir(f.path), fmt.Sprintf(".%s%d", filepath.Base(f.path), time.Now().UnixNano()))
	if err := os.Link(f.path, link); err != nil {
		return f.copyBackup(err)
	}
	// When a save was killed after this rename, the backup already is the same
	// file, and rename(2) then leaves link in place.
	defer func() { _ = os.Remove(link) }()
	return os.Rename(link, f.BackupPath())
}

// copyBackup is backUp for file systems without hard links.
func (f *File[T]) copyBackup(linkErr error) error {
	data, err := regfile.Read(f.path, maxSize)
	if err == nil {
		err = renameio.WriteFile(f.BackupPath(), data, 0o600,
			renameio.WithTempDir(filepath.Dir(f.path)), renameio.WithStaticPermissions(0o600))
	}
	if err != nil {
		return errors.Join(linkErr, err)
	}
	return nil
}

// sweep removes what killed savers left, once.
func (f *File[T]) sweep() {
	if f.swept {
		return
	}
	f.swept = true
	for _, path := range old(leftovers(f.path)) {
		_ = os.Remove(path)
	}
}

// leftovers returns temporary files of this program and those with the usual
// names of other programs.
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

// old leaves out files that a process may be writing now.
func old(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool {
		st, err := os.Lstat(path)
		return err != nil || !st.Mode().IsRegular() || time.Since(st.ModTime()) <= sweepAge
	})
}

// globQuote returns a pattern that matches s.
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
