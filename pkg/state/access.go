package state

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is a user of this host.
type account struct {
	uid, gid int
	known    bool
}

func (a account) String() string {
	id := strconv.Itoa(a.uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func ownerOf(st fs.FileInfo) account {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return account{}
	}
	return account{uid: int(sys.Uid), gid: int(sys.Gid), known: true}
}

// wrongOwner returns the owner that the file should have, that of its directory,
// where it has another. Root may own everything.
func wrongOwner(file, dir fs.FileInfo) (want account, wrong bool) {
	want = ownerOf(dir)
	return want, want.known && want.uid != 0 && ownerOf(file).uid != want.uid
}

// readOnly reports whether dir is on a read-only file system.
func readOnly(dir string) bool {
	const write = 2
	return syscall.Access(dir, write) == syscall.EROFS
}

// Exposed returns the directory, of that of path and those above, in which any user may
// replace files, and so the state; "" where there is none. In a directory with the sticky
// bit, as /tmp has, only the owner of a file may; but others may make the files that the
// state consists of, so the directory of path itself must not be one.
func Exposed(path string) (dir string) {
	path, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	const others = 0o002
	for dir, own := filepath.Dir(path), true; ; dir, own = filepath.Dir(dir), false {
		st, err := os.Stat(dir)
		if err == nil && st.Mode().Perm()&others != 0 && (own || st.Mode()&fs.ModeSticky == 0) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}
