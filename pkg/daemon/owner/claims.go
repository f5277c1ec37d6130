// Package owner runs the protocol of package ha for one router: it keeps the log of claims
// on the router (Claims), carries out what the protocol says (Runner), and opens sessions for
// the loops only while this node owns the router (Gate). It never decides who that is.
package owner

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/router"
)

// Names on the router. What is in these lists has a timeout, and is gone after a reboot.
const (
	ClaimList  = "wanctl-claim"
	OwnerList  = "wanctl-owner"
	FencedList = "wanctl-fenced"
	OwnerRule  = "wanctl: owner" // the mangle rule that counts what the owner sends
	FenceRule  = "wanctl: fence" // the raw rule that drops what fenced nodes send
)

const (
	fenceTime  = time.Minute
	leastFence = fenceTime / 2 // what a fence that exists must have left
	askTime    = 4 * time.Second
	askAddress = "192.0.2.1" // of the entry with a request
	rulesAge   = 3 * time.Second
	marker     = "wanctl/"
)

// Rules are the commands that prepare a router.
const Rules = `/ip firewall raw add chain=prerouting src-address-list=` + FencedList + ` dst-address-type=local action=drop comment="` + FenceRule + `"
/ip firewall mangle add chain=input protocol=tcp src-address-list=` + OwnerList + ` action=passthrough comment="` + OwnerRule + `"
`

// epochs is the addresses of entries by epoch: a range for tests of networks, in which no node
// is.
var epochs = netip.MustParsePrefix("198.18.0.0/15")

// Claims keeps the log of one router, and its fence. Its calls end with their context.
type Claims interface {
	// Do carries out a request of the protocol.
	Do(ctx context.Context, a ha.Action) (ha.Event, error)
	// Fenced returns how much longer each address is fenced.
	Fenced(ctx context.Context) (map[string]time.Duration, error)
	Close() error

	read(ctx context.Context) (ha.View, error)
	router() *fencer
	unique(ctx context.Context, other Claims) (text string, err error)
}

// RouterClaims keeps the log on the router itself.
type RouterClaims struct {
	*fencer
	newest int // format of entries that it understands
}

var _ Claims = RouterClaims{}

// NewRouterClaims returns the log on the router that open returns a client of. The client
// must use the function it is given to dial; its only session is that of the log.
func NewRouterClaims(dial Dial, open func(Dial) (router.Client, error)) (RouterClaims, error) {
	f, err := newFencer(dial, open)
	return RouterClaims{f, ha.Format}, err
}

// Do implements Claims.
func (c RouterClaims) Do(ctx context.Context, a ha.Action) (e ha.Event, err error) {
	switch a.Op {
	case ha.Read:
		e.View, err = c.read(ctx)
	case ha.Append:
		_, err = c.client.AddAddress(ctx, router.Address{List: ClaimList, Address: address(a.Entry.Epoch), Comment: comment(a.Entry), Timeout: ha.Lifetime})
		if errors.Is(err, router.ErrExists) {
			return ha.Event{Outcome: ha.Refused}, nil
		}
	case ha.Mark:
		err = c.mark(ctx, "")
	case ha.Unmark:
		err = c.unmark(ctx)
	case ha.Fence:
		err = c.fence(ctx, a.Address)
	case ha.Request:
		err = c.ask(ctx, a.Ask)
	default:
		err = fmt.Errorf("no request: %v", a.Op)
	}
	if err != nil {
		return ha.Event{Outcome: ha.Failed}, err
	}
	return e, nil
}

// ask replaces an earlier request.
func (c RouterClaims) ask(ctx context.Context, a ha.Ask) error {
	row := router.Address{List: ClaimList, Address: askAddress, Comment: marker + "ask " + dash(a.From) + " " + dash(a.To), Timeout: askTime}
	for range 2 {
		was, err := c.client.AddAddress(ctx, row)
		if !errors.Is(err, router.ErrExists) || was.Comment == row.Comment {
			return ignore(err, router.ErrExists)
		}
		if err := ignore(c.client.RemoveAddress(ctx, ClaimList, askAddress), router.ErrNotFound); err != nil {
			return err
		}
	}
	return nil // another request was made meanwhile
}

// ignore returns err unless it is the one that does not matter.
func ignore(err, one error) error {
	if errors.Is(err, one) {
		return nil
	}
	return err
}

func (c RouterClaims) read(ctx context.Context) (v ha.View, err error) {
	// The counter first: what it counts of this request is then seen by the next read.
	if v.Beats, v.Guarded, err = c.counter(ctx); err != nil {
		return v, err
	}
	if v.Guarded {
		if v.Guarded, err = c.fences(ctx); err != nil {
			return v, err
		}
	}
	rows, err := c.client.Addresses(ctx, ClaimList)
	if err != nil {
		return v, err
	}
	for _, r := range rows {
		if r.Address == askAddress {
			v.Ask = ask(r.Comment)
		} else if e, ok := entry(r, c.newest); ok {
			v.Log = append(v.Log, e)
		}
	}
	v.Log = v.Log.Sort()
	v.Self = c.address()
	return v, nil
}

// address returns the address of the entry of an epoch.
func address(epoch uint64) string {
	b := epochs.Addr().As4()
	n := uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3]) + epoch%(1<<17)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

// comment is what an entry is on the router: "wanctl/1 running pop1-a 192.0.2.10 -".
func comment(e ha.Entry) string {
	return fmt.Sprintf("%s%d %s %s %s %s", marker, e.Format, e.Kind, e.Node, e.Address, dash(e.For))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func undash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// entry reads an entry; not ok: it is none. One that this program does not understand has a
// newer format than newest.
func entry(r router.Address, newest int) (e ha.Entry, ok bool) {
	a, err := netip.ParseAddr(r.Address)
	if err != nil || !epochs.Contains(a) {
		return e, false
	}
	b := a.As4()
	e.Epoch = uint64(b[1]-18)<<16 | uint64(b[2])<<8 | uint64(b[3])
	e.Format = newest + 1
	words := strings.Fields(r.Comment)
	if len(words) != 5 || !strings.HasPrefix(words[0], marker) {
		return e, true
	}
	format, err := strconv.Atoi(strings.TrimPrefix(words[0], marker))
	if err != nil || format < 1 || format > newest { // older ones are understood
		return e, true
	}
	if k, ok := ha.ParseKind(words[1]); ok {
		e.Kind, e.Format = k, format
	}
	e.Node, e.Address, e.For = words[2], words[3], undash(words[4])
	return e, true
}

func ask(comment string) (a ha.Ask) {
	if words := strings.Fields(comment); len(words) == 3 && words[0] == marker+"ask" {
		a.From, a.To = undash(words[1]), undash(words[2])
	}
	return a
}
