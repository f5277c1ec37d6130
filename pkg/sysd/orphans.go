package sysd

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// orphanGrace is for how long an ended child may wait for the part of the program
// that started it. It is collected at once there; what is left then is an orphan.
const orphanGrace = time.Second

// CollectOrphans collects the exit statuses of processes that were handed to this one
// when their parents ended, as the first process of a container has to: otherwise
// they stay as zombies. It does nothing in any other process. stop ends it.
func CollectOrphans() (stop func()) {
	if os.Getpid() != 1 {
		return func() {}
	}
	ended := make(chan os.Signal, 1)
	quit, done := make(chan struct{}), make(chan struct{})
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-ended:
			}
			before := zombies()
			select {
			case <-quit:
				return
			case <-time.After(orphanGrace):
			}
			for pid := range zombies() {
				if before[pid] {
					// The error would be that somebody has collected it.
					_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
					continue
				}
				select { // it ended within the grace
				case ended <- unix.SIGCHLD:
				default:
				}
			}
		}
	}()
	return func() {
		signal.Stop(ended)
		close(quit)
		<-done
	}
}

// zombies returns the children of this process that have ended and were not
// collected.
func zombies() map[int]bool {
	found := map[int]bool{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	self := strconv.Itoa(os.Getpid())
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it is gone
		}
		// PID (NAME) STATE PPID: the name may hold anything, see proc_pid_stat(5).
		f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(f) < 2 || string(f[0]) != "Z" || string(f[1]) != self {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			found[pid] = true
		}
	}
	return found
}
