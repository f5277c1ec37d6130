//go:build amd64 || arm64

package powercut

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNotPermitted is the error of Record where processes must not be traced.
var ErrNotPermitted = errors.New("tracing is not permitted here")

// Record runs cmd, which must end with status 0, and returns what it did to files
// below dir, which is empty and has no symbolic links in its path.
func Record(cmd *exec.Cmd, dir string) (*Recording, error) {
	type outcome struct {
		recording *Recording
		err       error
	}
	done := make(chan outcome, 1)
	go func() {
		// The thread is the tracer. It ends with this goroutine.
		runtime.LockOSThread()
		t := tracer{recording: &Recording{dir: dir}, threads: map[int]*thread{}, files: map[uint64]file{}}
		err := t.run(cmd)
		done <- outcome{t.recording, err}
	}()
	o := <-done
	return o.recording, o.err
}

// tracer follows the threads of one program.
type tracer struct {
	recording *Recording
	threads   map[int]*thread
	files     map[uint64]file // by inode number, which is used again
	last      file
}

// thread is a thread of the program: what it calls while it does.
type thread struct {
	started bool
	call    *call
}

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_EXITKILL

func (t *tracer) run(cmd *exec.Cmd) error {
	var stderr bytes.Buffer
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	fromErrors, toErrors, err := os.Pipe()
	if err != nil {
		return err
	}
	read := make(chan struct{})
	go func() { defer close(read); _, _ = stderr.ReadFrom(fromErrors) }()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, toErrors
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	err = cmd.Start()
	_ = toErrors.Close()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Process.Release() }()
	status, err := t.follow(cmd.Process.Pid)
	if err != nil {
		return err
	}
	<-read
	if !status.Exited() || status.ExitStatus() != 0 {
		return fmt.Errorf("the program ended with %#x: %s", status, &stderr)
	}
	return nil
}

// follow handles every stop of a thread until the program has ended.
func (t *tracer) follow(pid int) (status unix.WaitStatus, err error) {
	// The program waits for us at its execve.
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		return status, err
	}
	if err := unix.PtraceSetOptions(pid, traceOptions); err != nil {
		return status, fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	t.threads[pid] = &thread{started: true}
	if err := unix.PtraceSyscall(pid, 0); err != nil {
		return status, err
	}
	for {
		tid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return status, err
		case status.Exited() || status.Signaled():
			delete(t.threads, tid)
			if tid == pid {
				return status, nil
			}
			continue
		}
		signal, err := t.stopped(tid, status)
		if err != nil {
			return status, err
		}
		if err := unix.PtraceSyscall(tid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
			return status, err
		}
	}
}

// stopped handles a stop and returns the signal that the thread gets.
func (t *tracer) stopped(tid int, status unix.WaitStatus) (signal int, err error) {
	th := t.threads[tid]
	if th == nil {
		th = &thread{}
		t.threads[tid] = th
	}
	switch stop := status.StopSignal(); {
	case stop == unix.SIGTRAP|0x80:
		return 0, t.atCall(tid, th)
	case stop == unix.SIGTRAP:
		return 0, nil // an event
	case stop == unix.SIGSTOP && !th.started:
		th.started = true
		return 0, nil
	default:
		return int(stop), nil
	}
}

// atCall handles the beginning or the end of a system call.
func (t *tracer) atCall(tid int, th *thread) error {
	// struct ptrace_syscall_info; op is 1 at the beginning and 2 at the end.
	var info struct {
		Op     uint8
		_      [3]uint8
		Arch   uint32
		IP, SP uint64
		Values [8]uint64
	}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	switch {
	case errno == unix.ESRCH:
		return nil // killed meanwhile
	case errno != 0:
		return fmt.Errorf("%w: %w", ErrNotPermitted, errno)
	}
	switch info.Op {
	case 1:
		th.call = &call{tracer: t, pid: tid, number: info.Values[0], args: [6]uint64(info.Values[1:7])}
		return th.call.begin()
	case 2:
		c := th.call
		th.call = nil
		if result := int64(info.Values[0]); c != nil && result >= 0 { //nolint:gosec // as the kernel means it
			return c.end(result)
		}
	}
	return nil
}

// memory reads n bytes of the program.
func memory(pid int, at, n uint64) ([]byte, error) {
	data := make([]byte, n)
	if n == 0 {
		return data, nil
	}
	local := []unix.Iovec{{Base: &data[0], Len: n}}
	got, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(at), Len: int(n)}}, 0) //nolint:gosec // a length
	if err != nil {
		return nil, fmt.Errorf("reading the memory of the program: %w", err)
	}
	return data[:got], nil
}

// text reads a string that ends with a zero, page by page.
func text(pid int, at uint64) (string, error) {
	const page = 4096
	var all []byte
	for {
		part, err := memory(pid, at, page-at%page)
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(part, 0); end >= 0 {
			return string(append(all, part[:end]...)), nil
		}
		all, at = append(all, part...), at+uint64(len(part))
	}
}

// vectors reads the parts of a writev(2).
func vectors(pid int, at, n uint64) ([]byte, error) {
	list, err := memory(pid, at, n*16)
	if err != nil {
		return nil, err
	}
	var all []byte
	for ; len(list) >= 16; list = list[16:] {
		part, err := memory(pid, binary.NativeEndian.Uint64(list), binary.NativeEndian.Uint64(list[8:]))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}
