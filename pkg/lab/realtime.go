//go:build linux

package lab

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// RealTime executes the running program again under real-time scheduling, once.
// Call it first in TestMain.
//
// The delay line and the pinger are good to tens of microseconds only while they
// get a processor when they need one. On a machine with other work they would
// wait for milliseconds, and the bottleneck's queue would show it. It has to be
// the whole process: threads of a Go program wait for each other, and one with
// real-time priority that spins for a lock of one without it stops both.
//
// Programs from Lab.Command run under the ordinary scheduling. Without the
// right to real-time scheduling nothing happens, and a busy machine is seen in
// the lateness that every report shows.
func RealTime() error {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("reading scheduling policy: %w", err)
	}
	if attr.Policy != unix.SCHED_NORMAL {
		return nil
	}
	// Round robin, so that a busy goroutine does not keep the others waiting
	// for longer than its slice.
	err = unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 10,
	}, 0)
	if err != nil {
		return nil //nolint:nilerr // not permitted: carry on without
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return unix.Exec(self, os.Args, os.Environ())
}
