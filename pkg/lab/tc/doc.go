// Package tc changes and reads Linux traffic control while it carries
// traffic: the rate of an HTB class, the rate of a TBF, the depth of a byte
// FIFO, and the counters of all of them.
//
// It speaks rtnetlink, because a lab that polls counters twenty times a second
// and moves limits with them should not start two processes each time: a
// request takes tens of microseconds where running tc takes milliseconds of a
// processor that the traffic needs. Building the qdiscs, which happens once, is
// left to tc(8).
package tc
