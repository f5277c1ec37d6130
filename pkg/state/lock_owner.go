package state

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Owner is the process a lock file names.
type Owner struct {
	PID     int       // 0: not known
	Command string    // what runs under that PID now; "" where /proc does not say
	Ours    bool      // this program wrote the lock file
	Since   time.Time // when it was written; zero: not known
}

func (o Owner) String() string {
	switch {
	case o.PID == 0:
		return "a process that has not written its PID yet"
	case o.Command == "":
		return fmt.Sprintf("PID %d", o.PID)
	}
	return fmt.Sprintf("PID %d (%s)", o.PID, o.Command)
}

// ourMark ends the PID in the lock files of this program. Every reader strips
// it as white space, so it changes nothing for the others, and it shows
// after a crash that this program was the writer: then the flock alone decides
// whether it is still alive, and a PID that meanwhile belongs to another process
// does not block the lock.
const ourMark = " \n"

// lockText is what a lock file of this process holds.
func lockText() []byte { return []byte(strconv.Itoa(os.Getpid()) + ourMark) }

// parseOwner reads the text of a lock file. ok is false when there is no PID
// in it.
func parseOwner(text []byte) (pid int, ours, ok bool) {
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid <= 0 {
		return 0, false, false
	}
	return pid, bytes.HasSuffix(text, []byte(ourMark)), true
}

// alive reports whether pid is a process that can still do something. The
// kernel answers kill(2) for zombies and for the threads of a process too;
// neither can be the process that once wrote its PID, where /proc shows it.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && err != syscall.EPERM {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "State":
			if strings.HasPrefix(value, "Z") || strings.HasPrefix(value, "X") {
				return false
			}
		case "Tgid":
			if value != strconv.Itoa(pid) {
				return false
			}
		}
	}
	return true
}

// command names the program of pid for people: "python3 -m autorate", or "".
// Only the first three words are returned: later ones may hold secrets.
func command(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	words := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	words = words[:min(len(words), 3)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.Join(words, " "))
}
