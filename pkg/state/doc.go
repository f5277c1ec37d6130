// Package state keeps what must survive a restart: the state file of a WAN, the
// state file of steering, and the lock file that lets only one daemon control a
// WAN.
//
// An earlier system of the same name reads and writes the same files. So their
// schema is fixed, unknown fields survive every save at every
// level, and new fields stand under the key "wanctl" with a version of its own.
//
// A state file is replaced as a whole by rename(2): a reader sees the former state
// or the new one, and a full disk or a kill -9 leaves the former one. The former
// file stays as FILE.backup. A damaged file is set aside as FILE.corrupt and the
// backup is used; in a file that is intact JSON, only the invalid values are reset.
// The caller gets the loss as an error to log, and goes on.
//
// The package never decides what a state means and never talks to a router.
package state
