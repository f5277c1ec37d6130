// Package endurance is about what only time and repetition show: the daemon of one WAN
// killed at a thousand moments, and a simulated year of the control loop. The faults
// that are tried once each are in package faults, power cuts in package powercut.
package endurance
