// Package etcd keeps the log of claims of package ha in an etcd that exists already, for those
// who have one or whose router is not to hold claims. The fence stays on the router: no store
// keeps out an owner that was paused.
//
// # The client
//
// The client speaks to the JSON gateway that is part of each etcd since 3.4, over net/http,
// and uses five of its calls. Against the official client, go.etcd.io/etcd/client/v3 3.7.3, with
// the same calls, and a binary of 25.8 MB:
//
//	                  binary     modules   start of 'wanctl version'
//	official client   +3.9 MB    +11       +1.5 ms
//	JSON gateway      +0.1 MB    0         none
//
// The official client's gRPC, its balancer and its watches would be of use to a program that
// follows many keys; this one reads a few keys twice a second. What the gateway lacks is login
// by the name in a client's certificate: it needs user and password.
//
// # Keys
//
// Below PREFIX/ROUTER/, where ROUTER is router.host of the configurations:
//
//   - claims/EPOCH: the entries of the log. They have no lease, since a successor has to know the
//     address of an owner that is gone in order to fence it. An entry is created only if
//     there is none of its epoch or a later one, and the one before it exists.
//   - owner: the address of the latest entry's node, set in the same transaction, with the lease of
//     that node. A process has one lease, however many routers it owns, and renews it with the
//     reads that an owner makes. It ends a second after the owner has stopped by its own clock.
//   - ask, check: requests to the owner, and what 'wanctl ha check' tries. They end by themselves.
//
// # Lost data
//
// With its data an etcd forgets who had owned a router, whose sessions go on meanwhile. So owners
// mark their address on the router and use no session without it, and whoever claims fences all
// that are marked there. The mark has the epoch, too: that of an etcd without its data goes on
// after it.
package etcd
