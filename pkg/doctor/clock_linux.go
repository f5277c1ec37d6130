package doctor

import "golang.org/x/sys/unix"

// clockSynced reports whether the kernel's clock is synchronised.
func clockSynced() (bool, error) {
	var t unix.Timex // with no mode set, it is only read
	state, err := unix.Adjtimex(&t)
	return state != unix.TIME_ERROR, err
}
