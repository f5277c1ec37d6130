// Package halab tries what happens to several nodes and their router, with the real
// program, real packets and real netfilter rules: its tests make a namespace for the router
// and one for each node.
//
//	node 1 --veth--
//	node 2 --veth-- router ==TUN, delay line== reflectors
//	node 3 --veth--
//
// The router is a simulated one whose rules about address lists the kernel carries out. What
// reaches it is compared there with the claims that it holds: a limit from a node whose
// entry is not in force is a stale write, and there must be none. What the nodes recorded is
// replayed through the model of the protocol.
package halab
