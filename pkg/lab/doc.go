// Package lab is a real bottleneck on one machine: real kernel queues, real
// TCP and real ICMP between four network namespaces.
//
//	client --veth-- router --veth-- modem ==TUN, delay line== server
//
// The modem has what makes bufferbloat: a token bucket in front of a deep byte
// FIFO, in both directions, whose rate is the capacity of the link and changes
// at run time. The router has what prevents it: HTB at the limit that the
// controller under test moves, small packets and ICMP first, and bulk in a FIFO
// of 20 ms; it stands in for CAKE, which not every kernel has. The server
// answers pings on several addresses and takes TCP load, a delay line away. A
// pinger that is independent of the controller measures the whole path.
//
// Package lab builds and changes the link; package labrun runs scenarios on it
// and measures how a controller performs. Everything lives inside namespaces that end
// with the process. It needs Linux, root and a few programs; Check reports what is
// missing.
package lab
