// Package powercut tells tests what a disk may hold after a power cut at any moment
// while a program wrote to it, as the tests of databases do.
//
// Record runs the program under ptrace(2) and records every system call that changes
// files below a directory, so the program under test is the real one, with the
// libraries it uses. What it writes to standard output is recorded as well: a line
// tells that something was acknowledged by then.
//
// Cuts goes through the recording. Before each call it lays out what the disk may
// hold: what fsync(2) has made durable, and of the rest any part: a write may be there,
// be missing, be there by half, or be zeros; a new, renamed, linked or removed name is
// durable only after an fsync of its directory. That is what POSIX promises, which is
// less than what file systems with a journal do.
//
// It knows the calls that this program makes; another one on a file below the
// directory is an error, and so nothing is left out unseen.
package powercut
