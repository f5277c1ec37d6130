package config

import (
	"os"
	"syscall"
)

// chownLike gives a file the owner of another one, where it has a different one: root
// edits what belongs to a service.
func chownLike(f *os.File, like os.FileInfo) error {
	want, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err == nil {
		if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == want.Uid && is.Gid == want.Gid {
			return nil
		}
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
