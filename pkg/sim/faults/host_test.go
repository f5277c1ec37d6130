package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const hostSteps = `tmpfs DIR SIZE      a small disk in memory in the place of the directory
disk DIR            a disk of 8 MiB in a file, in its place
fill DIR            the disk is full
free DIR            it is not any more
readonly DIR        the disk can only be read; only while nobody has it open to write
writable DIR        it can be written again
break DIR           the disk gives up, as after an error, and can only be read
mend DIR            an empty one takes its place
freeze DIR          whoever writes to the disk waits
thaw DIR            nobody waits any more
prlimit ARGS        limits of the running program, in the form of prlimit(1)
cgroup memory=SIZE cpu=PERCENT   limits of its own, of cgroup v1
busy N              so many processes that need a processor each, until the end
stutter RUN STOP    it runs and stands still by turns
steady              it runs`

// hostStep carries out a step about the host; false for another one.
func (r *run) hostStep(ctx context.Context, verb, rest string) (bool, error) {
	args := strings.Fields(rest)
	dir := ""
	if len(args) > 0 {
		dir = r.path(args[0])
	}
	switch verb {
	case "tmpfs":
		return true, r.mount(dir, "tmpfs", "size="+strings.Join(args[1:], ""))
	case "disk":
		return true, r.mountDisk(ctx, dir)
	case "fill":
		return true, fill(filepath.Join(dir, "filler"))
	case "free":
		return true, os.Remove(filepath.Join(dir, "filler"))
	case "readonly":
		return true, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	case "writable":
		return true, unix.Mount("", dir, "", unix.MS_REMOUNT, "")
	case "break":
		return true, unix.Mount("", dir, "", unix.MS_REMOUNT, "abort")
	case "mend":
		return true, errors.Join(unix.Unmount(dir, unix.MNT_DETACH), r.mountDisk(ctx, dir))
	case "freeze":
		return true, r.freeze(dir)
	case "thaw":
		r.thaw()
		return true, nil
	case "prlimit":
		return true, combined(exec.CommandContext(ctx, "prlimit", append([]string{"--pid", strconv.Itoa(r.main.cmd.Process.Pid)}, args...)...))
	case "cgroup":
		return true, r.limit(args)
	case "busy":
		return true, r.busy(ctx, rest)
	case "stutter":
		return true, r.startStutter(ctx, args)
	case "steady":
		r.stutter()
		return true, nil
	}
	return false, nil
}

func needRoot() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: needs root", errUnavailable)
	}
	return nil
}

// combined runs cmd; an error has what it printed.
func combined(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (r *run) mount(dir, kind, options string) error {
	if err := errors.Join(needRoot(), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	if err := unix.Mount(kind, dir, kind, 0, options); err != nil {
		return fmt.Errorf("%w: mounting %s: %w", errUnavailable, kind, err)
	}
	r.cleanups = append(r.cleanups, func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return nil
}

// mountDisk mounts a file system in a file.
func (r *run) mountDisk(ctx context.Context, dir string) error {
	if err := errors.Join(needRoot(), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	image := r.path(fmt.Sprintf("disk-%d.img", len(r.cleanups)))
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	err := os.Truncate(image, 8<<20)
	for _, argv := range [][]string{{"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, dir}} {
		if err == nil {
			err = combined(exec.CommandContext(ctx, argv[0], argv[1:]...))
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	r.cleanups = append(r.cleanups, func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return nil
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for _, size := range []int{64 << 10, 1} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			break
		}
		if size > 1 {
			err = nil
		}
	}
	_ = f.Close() // it has its size
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk is not full: %w", err)
	}
	return nil
}

// freeze freezes the disk of dir until thaw, or until this process has ended, by a
// helper whose standard input ends with it.
func (r *run) freeze(dir string) error {
	cmd := exec.Command("sh", "-c", `fsfreeze -f "$0" && echo frozen && read -r line; fsfreeze -u "$0"`, dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	answer := make([]byte, 8)
	n, _ := stdout.Read(answer)
	if !strings.HasPrefix(string(answer[:n]), "frozen") {
		return errors.Join(fmt.Errorf("%w: fsfreeze", errUnavailable), stdin.Close(), cmd.Wait())
	}
	r.frozen = closer(func() error { return errors.Join(stdin.Close(), cmd.Wait()) })
	return nil
}

func (r *run) thaw() {
	if r.frozen != nil {
		_ = r.frozen.Close() // its shell ends with the status of a read at the end of a file
		r.frozen = nil
	}
}

type closer func() error

func (c closer) Close() error { return c() }

var _ io.Closer = closer(nil)

// limit puts the running program into control groups of its own.
func (r *run) limit(args []string) error {
	if err := needRoot(); err != nil {
		return err
	}
	for _, arg := range args {
		controller, value, _ := strings.Cut(arg, "=")
		group := filepath.Join("/sys/fs/cgroup", controller, "wanctl-faults-"+filepath.Base(r.dir))
		file := "memory.limit_in_bytes"
		if controller == "cpu" {
			percent, err := strconv.Atoi(value)
			if err != nil {
				return err
			}
			file, value = "cpu.cfs_quota_us", strconv.Itoa(percent*1000) // of 100 ms
		}
		if _, err := os.Stat(filepath.Join("/sys/fs/cgroup", controller, "cgroup.procs")); err != nil {
			return fmt.Errorf("%w: there is no controller %s of cgroup v1", errUnavailable, controller)
		}
		if err := os.Mkdir(group, 0o755); err != nil {
			return err
		}
		r.cleanups = append(r.cleanups, func() { _ = os.Remove(group) })
		for name, text := range map[string]string{file: value, "cgroup.procs": strconv.Itoa(r.main.cmd.Process.Pid)} {
			if err := os.WriteFile(filepath.Join(group, name), []byte(text), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// busy starts n processes that need a processor each.
func (r *run) busy(ctx context.Context, n string) error {
	count, err := strconv.Atoi(n)
	if err != nil {
		return err
	}
	for range count {
		cmd := exec.CommandContext(ctx, "sh", "-c", "while :; do :; done")
		if err := begin(cmd); err != nil {
			return err
		}
		r.clients.Go(func() { _ = cmd.Wait() })
	}
	return nil
}

// startStutter stops and continues the program by turns, as a host without time for it.
func (r *run) startStutter(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("give two durations")
	}
	runs, err1 := time.ParseDuration(args[0])
	stops, err2 := time.ParseDuration(args[1])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	p := r.main
	done.Go(func() {
		for pause(ctx, runs) == nil {
			_ = p.signal("STOP")
			_ = pause(ctx, stops)
			_ = p.signal("CONT")
		}
	})
	r.stutter = sync.OnceFunc(func() {
		cancel()
		done.Wait()
	})
	r.cleanups = append(r.cleanups, r.stutter)
	return nil
}
