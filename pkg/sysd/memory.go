package sysd

import (
	"io/fs"
	"path"
	"slices"
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
		// Each hierarchy is a line "number:controllers:/group". Version 2 has one, with
		// number 0 and without controllers.
		hierarchy, group, _ := strings.Cut(strings.TrimSpace(line), ":/")
		_, controllers, _ := strings.Cut(hierarchy, ":")
		top, file := "sys/fs/cgroup", "memory.max"
		switch {
		case hierarchy == "0:":
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// Below another control group's namespace, the group begins with "..".
		for dir := path.Join(top, path.Join("/", group)); dir != path.Dir(top); dir = path.Dir(dir) {
			text, err := fs.ReadFile(root, path.Join(dir, file))
			if err != nil {
				continue // the root of the hierarchy has none
			}
			n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			if err == nil && n > 0 && n < unlimited && (!ok || n < bytes) {
				bytes, ok = n, true
			}
		}
	}
	return bytes, ok
}

// unlimited is less than what version 1 calls no limit, and more than any memory.
const unlimited = 1 << 60
