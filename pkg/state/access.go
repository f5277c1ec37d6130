package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is a user of this host.
type account struct {
	uid   int
	gid   int
	known bool
	what  string // that told: "the daemon", "the directory"
}

func (a account) String() string {
	if u, err := user.LookupId(strconv.Itoa(a.uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(a.uid)
}

func ownerOf(st fs.FileInfo) account {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return account{}
	}
	return account{uid: int(sys.Uid), gid: int(sys.Gid), known: true}
}

// daemonUser is the user whose daemon writes the state: that of the running
// one, or else the owner of the directory.
func (r *Report) daemonUser(dir string) account {
	from := func(path, what string) account {
		st, err := os.Stat(path)
		if err != nil {
			return account{}
		}
		a := ownerOf(st)
		a.what = what
		return a
	}
	if r.Held && r.Holder.PID != 0 {
		if a := from(fmt.Sprintf("/proc/%d", r.Holder.PID), "the running daemon"); a.known {
			return a
		}
	}
	return from(dir, "the directory")
}

// unwritable says why user cannot make files in dir and what to type, "" where
// that user can or where nobody knows.
func unwritable(dir string, st fs.FileInfo, user account) (why, next string) {
	const write, search = 2, 1
	err := syscall.Access(dir, write|search)
	owner, mode := ownerOf(st), st.Mode().Perm()
	switch {
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only", "findmnt -T " + Quote(dir)
	case !user.known || user.uid == 0:
	case owner.uid == user.uid && mode&0o300 != 0o300:
		return fmt.Sprintf("mode %04o", mode), "chmod u+wx " + Quote(dir)
	case user.uid == os.Getuid() && err != nil, // whatever the groups
		owner.uid != user.uid && mode&0o030 != 0o030 && mode&0o003 != 0o003:
		return fmt.Sprintf("it belongs to %s, mode %04o", owner, mode), fmt.Sprintf("chown %s %s", user, Quote(dir))
	}
	return "", ""
}

// adopt gives a new file to the owner of the directory it is in, where it can.
// Root repairs, resets and tries out what a daemon with fewer rights has to read
// later.
func adopt(file *os.File, dir string) {
	st, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return
	}
	if owner := ownerOf(st); owner.known && owner.uid != 0 {
		_ = file.Chown(owner.uid, owner.gid)
	}
}
