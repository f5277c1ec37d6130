package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// Keys of a router, below PREFIX/ROUTER/.
const (
	claimsKey = "claims/" // and the epoch: an entry
	ownerKey  = "owner"   // the address of the latest entry's node; it ends with the lease of that node
	checkKey  = "check"
	askKey    = "ask" // a request to the owner; it ends by itself
)

const (
	epochDigits = 20
	askTime     = 4 * time.Second
)

// Log is the claims of one router.
type Log struct {
	client *Client
	prefix string // of its keys

	mu sync.Mutex // protects the following field
	// own is the address of the node from its first entry until its mark is taken back.
	own string
}

// Log returns the claims of a router. All nodes name it alike.
func (c *Client) Log(router string) *Log {
	return &Log{client: c, prefix: c.cfg.Prefix + "/" + router + "/"}
}

// State is what a read of the log has shown.
type State struct {
	Log  ha.Log
	Held bool // the lease of the latest entry's node is in force
	Ask  ha.Ask

	owner kv
}

// entry is an ha.Entry as it is in etcd.
type entry struct {
	Format  int    `json:"format"`
	Kind    string `json:"kind"`
	Node    string `json:"node"`
	Address string `json:"address"`
	For     string `json:"for,omitempty"`
}

type ask struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

func (l *Log) key(epoch uint64) string {
	return fmt.Sprintf("%s%s%0*d", l.prefix, claimsKey, epochDigits, epoch)
}

// above is the end of a range of all epochs.
func (l *Log) above() string { return l.prefix + strings.TrimSuffix(claimsKey, "/") + "0" } // '0' follows '/'

// Read reads the log, as of a moment after its call. An owner's lease is renewed with it, so
// that its owner stops before the lease ends if that fails.
func (l *Log) Read(ctx context.Context) (State, error) {
	own := l.owner()
	if own == "" {
		return l.read(ctx)
	}
	lease, err := l.client.keep(ctx)
	if err != nil {
		return State{}, err
	}
	s, err := l.read(ctx)
	if latest := s.Log.Latest(); err == nil && !s.Held && latest.Kind != ha.Released && latest.Address == own {
		s.Held, err = l.mark(ctx, latest, lease)
	}
	return s, err
}

func (l *Log) owner() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own
}

func (l *Log) setOwner(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own = address
}

func (l *Log) read(ctx context.Context) (s State, err error) {
	var answer rangeAnswer
	end := strings.TrimSuffix(l.prefix, "/") + "0"
	err = l.client.call(ctx, request{path: "kv/range", key: l.prefix, in: rangeRequest{Key: []byte(l.prefix), End: []byte(end)}, out: &answer})
	if err != nil {
		return s, err
	}
	for _, kv := range answer.Kvs {
		name := strings.TrimPrefix(string(kv.Key), l.prefix)
		switch epoch, isClaim := strings.CutPrefix(name, claimsKey); {
		case isClaim:
			n, err := strconv.ParseUint(epoch, 10, 64)
			if err != nil {
				return s, &Error{Endpoint: l.client.endpoint(), Key: string(kv.Key), Text: "is no epoch", Hint: "etcdctl del " + string(kv.Key)}
			}
			s.Log = append(s.Log, decode(n, kv.Value))
		case name == ownerKey:
			s.owner, s.Held = kv, true
		case name == askKey:
			var a ask
			_ = json.Unmarshal(kv.Value, &a) // a newer format asks nothing of this node
			s.Ask = ha.Ask(a)
		}
	}
	s.Log = s.Log.Sort()
	return s, nil
}

// decode returns an entry; one that this program does not understand has a newer format.
func decode(epoch uint64, text []byte) ha.Entry {
	var e entry
	err := json.Unmarshal(text, &e)
	kind, ok := ha.ParseKind(e.Kind)
	if err != nil || !ok || e.Format < 1 || e.Format > ha.Format { // older ones are understood
		return ha.Entry{Epoch: epoch, Format: ha.Format + 1}
	}
	return ha.Entry{Epoch: epoch, Kind: kind, Format: e.Format, Node: e.Node, Address: e.Address, For: e.For}
}

func encode(e ha.Entry) []byte {
	text, _ := json.Marshal(entry{e.Format, e.Kind.String(), e.Node, e.Address, e.For}) // of strings and a number
	return text
}

// Append appends an entry, unless there is one of its epoch or a later one, or the one before it
// is gone, as with the data of the etcd. The node's sign of life is of the same
// moment. What a Running makes superfluous is removed.
func (l *Log) Append(ctx context.Context, e ha.Entry) (ha.Outcome, error) {
	before, err := l.read(ctx)
	if err != nil {
		return ha.Failed, err
	}
	t := txn{Success: []op{put(l.key(e.Epoch), encode(e), 0)}}
	if len(before.Log) == 0 && e.Kind == ha.Claimed {
		t.Compare = []compare{created(l.key(0), l.above(), false)}
	} else {
		t.Compare = []compare{created(l.key(e.Epoch), l.above(), false), created(l.key(e.Epoch-1), "", true)}
	}
	var lease int64
	if e.Kind == ha.Released {
		t.Success = append(t.Success, remove(l.prefix+ownerKey, ""))
	} else {
		if lease, err = l.client.keep(ctx); err != nil {
			return ha.Failed, err
		}
		t.Success = append(t.Success, put(l.prefix+ownerKey, []byte(e.Address), lease))
		l.setOwner(e.Address) // also if no answer comes
	}
	if e.Kind == ha.Running {
		t.Success = append(t.Success, remove(l.key(0), l.key(e.Epoch-1)))
	}
	done, err := l.commit(ctx, l.key(e.Epoch), t, lease)
	switch {
	case err != nil:
		return ha.Failed, err
	case !done:
		return ha.Refused, nil
	case e.Kind == ha.Released:
		l.setOwner("")
	}
	return ha.Done, nil
}

// mark gives the owner a lease again, after the one it had ended.
func (l *Log) mark(ctx context.Context, latest ha.Entry, lease int64) (bool, error) {
	return l.commit(ctx, l.prefix+ownerKey, txn{
		Compare: []compare{created(l.key(latest.Epoch), "", true), created(l.key(latest.Epoch+1), l.above(), false), created(l.prefix+ownerKey, "", false)},
		Success: []op{put(l.prefix+ownerKey, []byte(latest.Address), lease)},
	}, lease)
}

// Unmark takes back the sign of life of the node with that address.
func (l *Log) Unmark(ctx context.Context, address string) error {
	l.setOwner("")
	s, err := l.read(ctx)
	if err != nil || !s.Held || string(s.owner.Value) != address {
		return err
	}
	_, err = l.commit(ctx, l.prefix+ownerKey, txn{
		Compare: []compare{{Key: s.owner.Key, Target: "MOD", Result: "EQUAL", ModRevision: s.owner.ModRevision}},
		Success: []op{remove(l.prefix+ownerKey, "")},
	}, 0)
	return err
}

// Request replaces an earlier request to the owner.
func (l *Log) Request(ctx context.Context, a ha.Ask) error {
	lease, err := l.client.grant(ctx, askTime)
	if err != nil {
		return err
	}
	text, err := json.Marshal(ask(a))
	if err != nil {
		return err
	}
	_, err = l.commit(ctx, l.prefix+askKey, txn{Success: []op{put(l.prefix+askKey, text, lease.ID)}}, 0)
	return err
}

// commit reports whether the conditions of a transaction held.
func (l *Log) commit(ctx context.Context, key string, t txn, lease int64) (done bool, err error) {
	var answer struct {
		Succeeded bool `json:"succeeded"`
	}
	err = l.client.call(ctx, request{path: "kv/txn", key: key, in: t, out: &answer, once: true})
	if e := new(Error); lease != 0 && errors.As(err, &e) && e.code == notFound {
		l.client.forget(lease)
	}
	return answer.Succeeded, err
}

// Try tries what the protocol needs of the etcd, with another connection to it, and returns how
// long that took. The key that it leaves ends by itself.
func (l *Log) Try(ctx context.Context, other *Log) (took time.Duration, err error) {
	key := l.prefix + checkKey
	lease, err := l.client.grant(ctx, TTL(l.client.cfg.Silence))
	if err != nil {
		return 0, err
	}
	if err := l.client.call(ctx, request{path: "lease/keepalive", in: leaseMessage{ID: lease.ID}, out: new(struct{})}); err != nil {
		return 0, err
	}
	type result struct {
		done bool
		err  error
	}
	results, began := make(chan result, 2), time.Now()
	for _, x := range []*Log{l, other} {
		go func() {
			done, err := x.commit(ctx, key, txn{Compare: []compare{created(key, "", false)}, Success: []op{put(key, nil, lease.ID)}}, 0)
			results <- result{done, err}
		}()
	}
	one, two := <-results, <-results
	switch {
	case one.err != nil || two.err != nil:
		return 0, errors.Join(one.err, two.err)
	case one.done == two.done:
		return 0, &Error{Endpoint: l.client.endpoint(), Key: key, Text: "exists already, or was created twice", Hint: "etcdctl del " + key}
	}
	return time.Since(began), nil
}
