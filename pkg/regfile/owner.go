package regfile

import (
	"os"
	"syscall"
)

// ChownLikeDir gives a new file, or a new directory, to the owner of dir, which it is in,
// where it can: what root makes by hand, a daemon with fewer rights has to read later.
func ChownLikeDir(file *os.File, dir string) {
	st, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return
	}
	if owner, ok := st.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		_ = file.Chown(int(owner.Uid), int(owner.Gid))
	}
}
