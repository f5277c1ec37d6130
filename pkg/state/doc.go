// Package state keeps what has to survive a restart: the state file of a WAN,
// the state file of steering, and the lock file that lets one daemon alone
// touch a WAN.
//
// The files are shared with an earlier system of the same name, which reads
// and writes them too. So their schema is fixed, fields this package does not
// know survive every save at every level, and what is new stands under the key
// "wanctl" with a version of its own.
//
// A state file is replaced as a whole by rename(2): a reader sees the former
// state or the new one, a full disk or a kill -9 leaves the former one. What
// was there before stays as FILE.backup; what cannot be read is set aside as
// FILE.corrupt, and the loss is told to the caller, who goes on without it.
//
// A daemon uses a damaged file as little as possible: it starts from the backup.
// File.Repair, for people, does more: it keeps every field that is still
// readable and takes from the backup what is not.
package state
