package sysd

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// MemoryMax returns the memory in bytes that the control group of this process may use
// (MemoryMax= of a unit, the limit of a container), as the lowest limit of the groups it
// is in. root is the root of the file system. ok is false where there is no limit.
func MemoryMax(root fs.FS) (bytes int64, ok bool) {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		// Version 2 has one hierarchy, numbered 0 and without controllers.
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !unified {
			continue
		}
		// Below another control group's namespace, the group begins with "..".
		for dir := path.Join("sys/fs/cgroup", path.Join("/", group)); dir != "sys/fs"; dir = path.Dir(dir) {
			text, err := fs.ReadFile(root, path.Join(dir, "memory.max"))
			if err != nil {
				continue // the root of the hierarchy has none
			}
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (!ok || n < bytes) {
				bytes, ok = n, true
			}
		}
	}
	return bytes, ok
}
