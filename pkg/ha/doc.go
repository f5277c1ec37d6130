// Package ha is the protocol by which several nodes agree which of them controls a
// router: events in, actions out. It holds no clock, no connection and no goroutine.
// The tests of this package try it in every order of events (the model), and the
// daemon runs the same code.
//
// # The log
//
// Nodes share a log, kept where it costs no server: on the router itself, as entries of
// an address list with a timeout, which live in memory. The address of an entry is its
// epoch, and a router refuses a second entry of the same list and address. So each epoch
// belongs to whoever was first, nothing is ever removed, and an entry that is late
// is refused or is not the latest.
//
// A node that wants the router appends Claimed. From then on no other node opens a
// session for its loops: each session is used only if a read of the log after its
// opening has shown its node as the owner. Then the node fences those who may have older
// sessions, appends Running, and starts. An owner that hands over ends its sessions and
// appends Released.
//
// An entry is in force only if the entry of the epoch before it is by the same node.
// That is what unmasks an entry which its node decided on before the router
// rebooted, and which arrives in the log of after.
//
// # The fence
//
// No lease protects from an owner that was paused and does not know it. A rule of the
// router drops what comes from fenced addresses, so that nothing more arrives on the
// sessions that such a node had.
//
// # What is assumed
//
//   - The fence of a node lasts longer than the sessions that it was meant for. A node
//     that runs ends its sessions after Silence without an answer, its kernel ends them
//     when data is not acknowledged; only a pause of the whole machine for longer than the
//     fence, by a hypervisor that also stops its clock, exceeds that.
//   - Entries outlive the pauses of their nodes: a claim stays for a day.
//   - Nobody removes the rules or the entries in the second between read and start.
//
// Time is a duration on the monotonic clock of the node. Times of several nodes are never
// compared, and the safety of the protocol does not depend on any clock.
package ha
