// Package scale measures what `wanctl run` costs with many WANs: the program as a
// process of its own, simulated routers in another one, real sockets between them, and
// echo requests to addresses of the loopback interface. It measures the program from
// outside and from its own metrics, and judges nothing.
package scale
