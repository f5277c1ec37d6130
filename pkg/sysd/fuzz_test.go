package sysd

import (
	"testing"
	"testing/fstest"
)

// FuzzMemoryMax: a limit is positive, whatever the kernel's files say.
func FuzzMemoryMax(f *testing.F) {
	f.Add("0::/system.slice/wanctl@spectrum.service\n", "134217728\n")
	f.Add("12:memory:/x\n0::/../..\n", "max")
	f.Add("0::/\x00//./a\n", "-1")
	f.Fuzz(func(t *testing.T, cgroup, limit string) {
		root := fstest.MapFS{
			"proc/self/cgroup":                      {Data: []byte(cgroup)},
			"sys/fs/cgroup/memory.max":              {Data: []byte(limit)},
			"sys/fs/cgroup/system.slice/memory.max": {Data: []byte(limit)},
		}
		if bytes, ok := MemoryMax(root); ok != (bytes > 0) {
			t.Errorf("%d, %v", bytes, ok)
		}
	})
}
