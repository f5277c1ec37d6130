package state

import "errors"

// ErrLocked: another live process holds the lock.
var ErrLocked = errors.New("another instance is running")
