package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// makeDir makes the directory at path, and those above it, such that a power cut does
// not take it away.
func makeDir(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(path, 0o755) // there, or says why it cannot be
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return regfile.SyncDir(parent)
}
