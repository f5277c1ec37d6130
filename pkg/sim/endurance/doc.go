// Package endurance is about what only repetition shows: the daemon of one WAN is killed
// at a thousand moments, over each transport. The faults that are tried once each are in
// package faults, power cuts in package powercut.
package endurance
