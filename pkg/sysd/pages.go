package sysd

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ReleaseExecutable gives back the pages of the executable that are mapped, of which the
// start has touched the most and a daemon at rest needs half. The kernel maps those that
// are used again from its cache, at the price of a page fault for each 64 kB; it would
// do so by itself when memory is short, but only after it has looked for others.
func ReleaseExecutable() error {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	for _, m := range unchanged(string(smaps), name) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED); errno != 0 {
			return os.NewSyscallError("madvise", errno)
		}
	}
	return nil
}

type mapping struct{ from, to uintptr }

// unchanged returns the mappings of the file in smaps, the text of proc_pid_smaps(5),
// that are just as the file is: not writable, and without a page that was written to
// before, as relocations of position-independent code are.
func unchanged(smaps, file string) (all []mapping) {
	var m mapping
	candidate := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		var head mapping
		switch n, _ := fmt.Sscanf(line, "%x-%x", &head.from, &head.to); {
		case n == 2 && len(fields) >= 5:
			m, candidate = head, !strings.Contains(fields[1], "w") && strings.Join(fields[5:], " ") == file
		case candidate && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			all = append(all, m)
		}
	}
	return all
}
