package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// nodeName is the file of a configuration directory, without its suffix, that makes one of several
// nodes of a host.
const nodeName = "node"

// nodeSections are the sections of such a file. One of that name without them is another's.
var nodeSections = []string{"node", "ha", "fleet"}

const nodeReference = "configs/node.yaml.example"

// Node is the configuration of one of several nodes of a router, of a host of a fleet, or
// of one that is both, complete and checked.
type Node struct {
	Path string

	Name string `key:"node.name" kind:"identifier" derived:"host name" doc:"Name of this node, in the claims of routers and in the fleet; each node has another one."`

	Address string `key:"node.address" kind:"address" derived:"chosen by the system" doc:"Address of this host from which it reaches routers: they fence the node by it, so that no other node, and no other host behind the same translation of addresses, may have it."`

	Enabled  bool          `key:"ha.enabled" derived:"true; false in a file with fleet and without ha" doc:"Whether this node controls a router only while it owns it."`
	Claims   ClaimStore    `key:"ha.claims" kind:"enum" values:"router,etcd" default:"router" doc:"Where nodes agree on who owns a router: on the router itself, or in an etcd that exists. The router fences in either case."`
	Order    []string      `key:"ha.order" kind:"args" range:"0..16" doc:"Names of the nodes, the first one first: this decides who takes over a router without an owner."`
	Silence  time.Duration `key:"ha.silence" kind:"seconds" range:"1..30" default:"2" doc:"Time without a sign of life of the owner until another node takes its router over, and without an answer until the owner stops."`
	Failback time.Duration `key:"ha.failback" kind:"minutes" range:"0..1440" default:"0" doc:"Minutes after which a node asks one that is behind it in ha.order to hand over; 0: never by itself."`

	Etcd Etcd `key:"ha.etcd"`

	Fleet Fleet `key:"fleet"`
}

// ClaimStore is where nodes agree on who owns a router.
type ClaimStore string

// The stores.
const (
	OnRouter ClaimStore = "router"
	InEtcd   ClaimStore = "etcd"
)

// LoadNode reads node.yaml in a directory. Without one it returns nil. host is the name that
// the node has where the file has none, "" that of this host.
func LoadNode(dir, host string, opts Options) (*Node, []Problem, error) {
	if host == "" {
		host, _ = os.Hostname()
	}
	path, err := Path(dir, nodeName)
	if err != nil {
		return nil, nil, err
	}
	f, err := regfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &Error{Problems: []Problem{openProblem(path, nodeReference, err)}}
	}
	defer func() { _ = f.Close() }() // only read
	r := &schema.Reader{File: path, Lookup: opts.LookupEnv, WithoutSecrets: opts.WithoutSecrets}
	n := &Node{Path: path}
	if root, ok := r.Document(f); ok {
		if _, _, found := root.Line(nodeSections...); !found {
			return nil, nil, nil // a WAN, or another program's
		}
		fields := schema.Fields[Node]()
		v := schema.Bind(r, "", fields, merge(r, fields, r.Collect(root, "", fields), opts), n)
		if !v.IsSet("ha.enabled") {
			_, _, ha := root.Line("ha")
			_, _, fleet := root.Line("fleet")
			n.Enabled = ha || !fleet
		}
		for i, name := range n.Order {
			switch {
			case !isName(name):
				v.Errorf("ha.order", "%q is no name of letters, digits, _ . -", name)
			case slices.Contains(n.Order[:i], name):
				v.Errorf("ha.order", "names %s twice", name)
			}
		}
		if a, err := netip.ParseAddr(n.Address); err == nil && !a.Is4() {
			v.Errorf("node.address", "%s is an IPv6 address, and the rules that count and fence nodes are of IPv4: give the IPv4 address of this host", n.Address)
		}
		if n.Name == "" && !isName(host) {
			v.Errorf("node.name", "is not set, and the host name %q cannot be it: set node.name", host)
		} else if n.Name == "" {
			n.Name = host
		}
		rules{v}.finishEtcd(n)
		if len(n.Order) > 0 && !slices.Contains(n.Order, n.Name) {
			v.Errorf("ha.order", "does not name this node, %s", n.Name)
		}
		if _, _, found := root.Line("fleet"); found {
			finishFleet(v, &n.Fleet)
		}
	}
	if err := r.Err(); err != nil {
		return nil, r.Warnings(), err
	}
	return n, r.Warnings(), nil
}

// isNode reports whether a file is that of a node.
func isNode(path string) bool {
	if baseName(path) != nodeName {
		return false
	}
	f, err := regfile.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // only read
	root, ok := new(schema.Reader).Document(f)
	if !ok {
		return false
	}
	_, _, found := root.Line(nodeSections...)
	return found
}
