package endurance

import (
	"os"

	"golang.org/x/sys/unix"
)

// watch tells when names in a directory change.
type watch struct {
	inotify *os.File
	changed chan struct{}
	ended   chan struct{}
}

func newWatch(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	w := &watch{inotify: os.NewFile(uintptr(fd), "inotify"), changed: make(chan struct{}, 1), ended: make(chan struct{})}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_MOVE); err != nil {
		_ = w.inotify.Close()
		return nil, os.NewSyscallError("inotify_add_watch", err)
	}
	go func() {
		defer close(w.ended)
		for events := make([]byte, 4096); ; {
			if _, err := w.inotify.Read(events); err != nil {
				return
			}
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}()
	return w, nil
}

// drain forgets what has changed.
func (w *watch) drain() {
	select {
	case <-w.changed:
	default:
	}
}

func (w *watch) close() {
	_ = w.inotify.Close()
	<-w.ended
}
