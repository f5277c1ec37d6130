//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sandbox is what a unit allows its service, as far as it can be applied without
// systemd. What cannot: DynamicUser (a user without a name stands for it), the control
// group (MemoryMax is compared with the peak of the process, DeviceAllow is left out),
// and PrivateMounts beyond what a mount namespace is.
type sandbox struct {
	Root     string   // appears as /srv; its "etc" can be read, its other directories written
	Allowed  []uint32 // numbers of system calls
	Families []uint32 // of sockets
	Caps     []uintptr
	Umask    int
	Args     []string
	Env      []string
}

// sandboxVariable holds the sandbox that this test binary, run again, enters.
const sandboxVariable = "WANCTL_TEST_SANDBOX"

// serviceUser is a user without a name, as DynamicUser makes one.
const serviceUser = 61999

func TestMain(m *testing.M) {
	if text := os.Getenv(sandboxVariable); text != "" {
		var s sandbox
		err := json.Unmarshal([]byte(text), &s)
		if err == nil {
			err = s.enter()
		}
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(125)
	}
	os.Exit(m.Run())
}

// command returns the command that runs the service in the sandbox.
func (s *sandbox) command(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), sandboxVariable+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// enter applies the sandbox and becomes the service. It returns only an error.
func (s *sandbox) enter() error {
	runtime.LockOSThread() // credentials and filters are those of a thread
	unix.Umask(s.Umask)
	if err := s.mounts(); err != nil {
		return err
	}
	if err := s.credentials(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("NoNewPrivileges: %w", err)
	}
	program := s.filter()
	p := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&p))); errno != 0 {
		return fmt.Errorf("SystemCallFilter: %w", errno)
	}
	return syscall.Exec(s.Args[0], s.Args, s.Env)
}

// mounts applies ProtectSystem=strict, ProtectHome, ProtectProc, ProtectKernelTunables,
// ProtectControlGroups, PrivateTmp and PrivateDevices.
func (s *sandbox) mounts() error {
	type mount struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}
	list := []mount{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		{s.Root, "/srv", "", unix.MS_BIND, ""},
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "hidepid=2"},
		{"tmpfs", "/home", "tmpfs", 0, "mode=000"}, {"tmpfs", "/root", "tmpfs", 0, "mode=000"},
		{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"}, {"tmpfs", "/var/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	}
	writable := []string{"/tmp", "/var/tmp"}
	for _, dir := range []string{"state", "log", "run"} {
		list = append(list, mount{"/srv/" + dir, "/srv/" + dir, "", unix.MS_BIND, ""})
		writable = append(writable, "/srv/"+dir)
	}
	devices := []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
	var held []int // through these, they can be reached when /dev is another
	for _, dev := range devices {
		fd, err := unix.Open(dev, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("PrivateDevices: %s: %w", dev, err)
		}
		held = append(held, fd)
	}
	list = append(list, mount{"tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=755"})
	for _, m := range list {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mounting %s: %w", m.target, err)
		}
	}
	for i, dev := range devices {
		if err := os.WriteFile(dev, nil, 0o600); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", held[i]), dev, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("PrivateDevices: %s: %w", dev, err)
		}
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("ProtectSystem: %w", err)
	}
	for _, dir := range writable {
		if err := unix.MountSetattr(unix.AT_FDCWD, dir, 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return fmt.Errorf("writable %s: %w", dir, err)
		}
	}
	return nil
}

// credentials applies CapabilityBoundingSet, User and AmbientCapabilities.
func (s *sandbox) credentials() error {
	for c := uintptr(0); unix.Prctl(unix.PR_CAPBSET_READ, c, 0, 0, 0) == nil && c <= unix.CAP_LAST_CAP; c++ {
		if !slices.Contains(s.Caps, c) {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
				return fmt.Errorf("CapabilityBoundingSet: %w", err)
			}
		}
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS}, {unix.SYS_SETRESGID, serviceUser, serviceUser, serviceUser}, {unix.SYS_SETRESUID, serviceUser, serviceUser, serviceUser},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return fmt.Errorf("User: %w", errno)
		}
	}
	var caps [2]unix.CapUserData
	for _, c := range s.Caps {
		caps[c/32].Permitted |= 1 << (c % 32)
	}
	for i := range caps {
		caps[i].Effective, caps[i].Inheritable = caps[i].Permitted, caps[i].Permitted
	}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	for _, c := range s.Caps {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return fmt.Errorf("AmbientCapabilities: %w", err)
		}
	}
	return nil
}

// filter returns the program of SystemCallFilter, RestrictAddressFamilies,
// MemoryDenyWriteExecute, RestrictNamespaces and LockPersonality.
func (s *sandbox) filter() []unix.SockFilter {
	const number, argument = 0, 16 // offsets in struct seccomp_data; the lower halves of arguments
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	unless := func(k uint32, skip int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: uint8(skip), K: k}
	}
	deny := func(errno syscall.Errno) unix.SockFilter { return ret(unix.SECCOMP_RET_ERRNO | uint32(errno)) }
	allow := ret(unix.SECCOMP_RET_ALLOW)
	// masked allows a call if none (or not all) of some bits of an argument are set.
	masked := func(arg, mask, denied uint32) []unix.SockFilter {
		block := []unix.SockFilter{load(argument + 8*arg), {Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}}
		if denied != 0 {
			return append(block, unless(denied, 1), deny(unix.EPERM), allow)
		}
		return append(block, unless(0, 1), allow, deny(unix.EPERM))
	}
	families := []unix.SockFilter{load(argument)}
	for _, f := range s.Families {
		families = append(families, unless(f, 1), allow)
	}
	families = append(families, deny(unix.EAFNOSUPPORT))
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	const writeExec = unix.PROT_WRITE | unix.PROT_EXEC
	program := []unix.SockFilter{load(number)}
	for _, rule := range []struct {
		call  uint32
		block []unix.SockFilter
	}{
		{unix.SYS_SOCKET, families},
		{unix.SYS_MMAP, masked(2, writeExec, writeExec)},
		{unix.SYS_MPROTECT, masked(2, unix.PROT_EXEC, 0)}, {unix.SYS_PKEY_MPROTECT, masked(2, unix.PROT_EXEC, 0)},
		{unix.SYS_CLONE, masked(0, namespaces, 0)}, {unix.SYS_CLONE3, []unix.SockFilter{deny(unix.ENOSYS)}},
		{unix.SYS_UNSHARE, []unix.SockFilter{deny(unix.EPERM)}}, {unix.SYS_SETNS, []unix.SockFilter{deny(unix.EPERM)}},
		{unix.SYS_PERSONALITY, []unix.SockFilter{deny(unix.EPERM)}},
	} {
		program = append(append(program, unless(rule.call, len(rule.block))), rule.block...)
	}
	for _, call := range s.Allowed {
		program = append(program, unless(call, 1), allow)
	}
	return append(program, deny(unix.EPERM))
}

// systemCalls returns the numbers of the system calls that a unit allows.
func systemCalls(t *testing.T, analyze, unit string) []uint32 {
	t.Helper()
	numbers := callNumbers(t)
	allowed := map[string]bool{"execve": true} // by which the service begins
	for i, line := range unitSettings(t, unit, "SystemCallFilter") {
		names, denied := strings.CutPrefix(line, "~")
		if i == 0 == denied {
			t.Fatalf("%s: SystemCallFilter=%s: the test knows a list to allow, then lists to deny", unit, line)
		}
		for _, name := range expand(t, analyze, strings.Fields(names)) {
			allowed[name] = !denied
		}
	}
	// ProtectClock, ProtectKernelModules, ProtectKernelLogs, ProtectHostname, RestrictRealtime
	for _, name := range append(expand(t, analyze, []string{"@clock", "@module"}), "syslog", "sethostname", "setdomainname", "sched_setscheduler") {
		allowed[name] = false
	}
	var list []uint32
	for name, ok := range allowed {
		if n, known := numbers[name]; ok && known { // the others are of other architectures
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// expand returns the system calls in groups such as @network-io.
func expand(t *testing.T, analyze string, names []string) (calls []string) {
	t.Helper()
	for _, name := range names {
		if !strings.HasPrefix(name, "@") {
			calls = append(calls, name)
			continue
		}
		out, err := exec.Command(analyze, "syscall-filter", "--no-pager", name).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); line != "" && line != name && line[0] != '#' {
				calls = append(calls, expand(t, analyze, []string{line})...)
			}
		}
	}
	return calls
}

// callNumbers returns the numbers of the system calls of this architecture.
func callNumbers(t *testing.T) map[string]uint32 {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]uint32{}
	for _, m := range regexp.MustCompile(`SYS_(\w+)\s+= (\d+)`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		numbers[strings.ToLower(m[1])] = uint32(n)
	}
	return numbers
}
