package run

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
)

// stamp identifies the content of a file; zero: there is none.
type stamp struct {
	size     int64
	modified time.Time
	inode    uint64
	mode     fs.FileMode
}

// directory finds the files of a directory that have changed, by looking again and
// again. Notifications of the kernel would be faster, but are not made for what is
// mounted from elsewhere, miss a directory that is replaced, and come in the middle of
// a change. A thousand files cost a few milliseconds.
type directory struct {
	path string
	last map[string]stamp // when it was last looked at
	used map[string]stamp // as of the last change that was reported
}

// changes returns the files that came, changed or went since the last call and have
// stayed the same since the call before: an editor that writes or replaces a file takes
// a moment. With all, every file counts as changed.
func (d *directory) changes(all bool) (paths []string, err error) {
	if _, err := os.ReadDir(d.path); err != nil {
		return nil, &config.Error{Problems: []config.Problem{configdir.Nothing(d.path)}}
	}
	names := config.Paths(d.path)
	now := make(map[string]stamp, len(names))
	for _, path := range names {
		now[path] = stampOf(path)
	}
	changed := func(path string) bool {
		return all || now[path] == d.last[path] && now[path] != d.used[path]
	}
	for _, path := range names {
		if changed(path) {
			paths = append(paths, path)
		}
	}
	for path := range d.used {
		if _, exists := now[path]; !exists && changed(path) {
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		if s, exists := now[path]; exists {
			d.used[path] = s
		} else {
			delete(d.used, path)
		}
	}
	d.last = now
	return paths, nil
}

// stampOf follows links, as a reader does.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stamp{}
	}
	if err != nil {
		return stamp{size: -1} // it is there, and cannot be read
	}
	s := stamp{size: info.Size(), modified: info.ModTime(), mode: info.Mode()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}
