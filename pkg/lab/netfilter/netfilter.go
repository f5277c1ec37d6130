//go:build linux

// Package netfilter has the kernel of a network namespace carry out the firewall rules of a
// simulated router: what they drop are real packets, and their counters are the kernel's. It
// needs nft(8). It knows rules about the members of address lists alone.
package netfilter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/lab/netns"
)

const table = "wanctl"

// Rule is about the packets from the members of an address list. Its fields are those of
// routeros.ListRule.
type Rule struct {
	ID, Chain, Action string
	Table             string
	Local, TCP        bool
	Members           map[netip.Addr]time.Duration
}

// Table is the rules in a namespace.
type Table struct {
	ns *netns.Namespace

	mu    sync.Mutex // protects the following fields
	fd    int
	seq   uint32
	rules []Rule
}

// New makes an empty table.
func New(ns *netns.Namespace) (*Table, error) {
	t := &Table{ns: ns}
	err := ns.Do(func() (err error) {
		t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening netlink socket: %w", err)
	}
	timeout := unix.NsecToTimeval(int64(2 * time.Second))
	err = unix.SetsockoptTimeval(t.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	if err == nil {
		err = Run(ns, "add table ip "+table+`
add chain ip `+table+` prerouting { type filter hook prerouting priority raw; }
add chain ip `+table+` input { type filter hook input priority mangle; }
`)
	}
	if err != nil {
		_ = unix.Close(t.fd)
		return nil, err
	}
	return t, nil
}

// Close closes the table's socket. The rules end with the namespace.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return unix.Close(t.fd)
}

// Run runs commands of nft(8) in a namespace, all or none.
func Run(ns *netns.Namespace, commands string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--net="+ns.Path, "--", "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s in\n%s", err, bytes.TrimSpace(out), commands)
	}
	return nil
}

// object is the name of what belongs to a rule.
func object(id string) string { return strings.ReplaceAll(id, "*", "_") }

// Apply makes these the rules in force. Counters of rules that stay go on, and between the
// members of before and after nothing passes that is in both.
func (t *Table) Apply(rules []Rule) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if !slices.EqualFunc(rules, t.rules, sameRule) {
		fmt.Fprintf(&b, "flush chain ip %s prerouting\nflush chain ip %[1]s input\n", table)
		for _, r := range rules {
			text, err := command(r)
			if err != nil {
				return err
			}
			b.WriteString(text)
		}
	}
	for _, r := range rules {
		i := slices.IndexFunc(t.rules, func(x Rule) bool { return x.ID == r.ID })
		if i >= 0 && sameMembers(t.rules[i].Members, r.Members) {
			continue
		}
		fmt.Fprintf(&b, "flush set ip %s %s\n", table, object(r.ID))
		for _, a := range slices.SortedFunc(maps.Keys(r.Members), netip.Addr.Compare) {
			timeout := ""
			if left := r.Members[a]; left > 0 {
				timeout = fmt.Sprintf(" timeout %dms", max(left.Milliseconds(), 1))
			}
			fmt.Fprintf(&b, "add element ip %s %s { %s%s }\n", table, object(r.ID), a, timeout)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if err := Run(t.ns, b.String()); err != nil {
		return err
	}
	t.rules = rules
	return nil
}

func sameRule(a, b Rule) bool {
	a.Members, b.Members = nil, nil
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// sameMembers reports whether the lists have the same members: what is left of their time has
// become less in both alike.
func sameMembers(a, b map[netip.Addr]time.Duration) bool {
	return maps.EqualFunc(a, b, func(x, y time.Duration) bool { return (x == 0) == (y == 0) && y <= x })
}

// command returns the command lines that make a rule.
func command(r Rule) (string, error) {
	verdict, known := map[string]string{"drop": " drop", "passthrough": ""}[r.Action]
	chains := map[string]string{"raw prerouting": "prerouting", "mangle input": "input"} // by table and chain
	chain := chains[r.Table+" "+r.Chain]
	if !known || chain == "" {
		return "", fmt.Errorf("no such rule in the lab: %s %s %s", r.Table, r.Chain, r.Action)
	}
	match := "ip saddr @" + object(r.ID)
	if r.Local {
		match += " fib daddr type local"
	}
	if r.TCP {
		match += " meta l4proto tcp"
	}
	return fmt.Sprintf(`add counter ip %[1]s %[2]s
add set ip %[1]s %[2]s { type ipv4_addr; flags timeout; }
add rule ip %[1]s %[3]s %[4]s counter name %[2]s%[5]s
`, table, object(r.ID), chain, match, verdict), nil
}

// Attributes of nf_tables, which package unix lacks.
const (
	objTable, objName, objType, objData = 1, 2, 3, 4
	objCounter                          = 1
	counterPackets                      = 2
)

// Packets returns how many packets a rule has matched.
func (t *Table) Packets(id string) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	m := make([]byte, unix.SizeofNlMsghdr, 128)
	m = append(m, unix.AF_INET, unix.NFNETLINK_V0, 0, 0)
	m = append(m, attribute(objTable, append([]byte(table), 0))...)
	m = append(m, attribute(objName, append([]byte(object(id)), 0))...)
	m = append(m, attribute(objType, binary.BigEndian.AppendUint32(nil, objCounter))...)
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	binary.NativeEndian.PutUint16(m[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETOBJ)
	binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(m[8:], t.seq)
	if err := unix.Sendto(t.fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("sending to netlink: %w", err)
	}
	var answer [4096]byte
	for {
		n, _, err := unix.Recvfrom(t.fd, answer[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("waiting for netlink: %w", err)
		case n < unix.SizeofNlMsghdr+4:
			return 0, errors.New("truncated netlink message")
		}
		b := answer[:n]
		if binary.NativeEndian.Uint32(b[8:]) != t.seq {
			continue // of a request that was given up
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR {
			return 0, fmt.Errorf("counter %s: %w", id, unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:]))))
		}
		data := find(find(b[unix.SizeofNlMsghdr+4:], objData), counterPackets)
		if len(data) != 8 {
			return 0, fmt.Errorf("counter %s: no packets in the answer", id)
		}
		return binary.BigEndian.Uint64(data), nil
	}
}

func attribute(typ uint16, value []byte) []byte {
	b := make([]byte, 4, 4+len(value)+3)
	binary.NativeEndian.PutUint16(b, uint16(4+len(value)))
	binary.NativeEndian.PutUint16(b[2:], typ)
	b = append(b, value...)
	return b[:(len(b)+3)&^3]
}

// find returns the value of an attribute.
func find(b []byte, typ uint16) []byte {
	for len(b) >= 4 {
		size := int(binary.NativeEndian.Uint16(b))
		if size < 4 || size > len(b) {
			return nil
		}
		if binary.NativeEndian.Uint16(b[2:])&^unix.NLA_F_NESTED == typ {
			return b[4:size]
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return nil
}
