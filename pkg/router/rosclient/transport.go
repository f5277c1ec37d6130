package rosclient

import (
	"context"
	"errors"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Transport is one protocol of RouterOS: a session with a router on which rows of
// menus are printed and changed. It is used by one call at a time.
//
// Errors are *rosdata.Error, classified by the sentinels of package router, and
// name the router. A session after an error that leaves it in doubt (a timeout,
// a broken connection) is gone; one after a refusal is as good as before.
type Transport interface {
	// Connect makes sure that there is a session on which a request can go
	// out, and returns its serial number: ids of rows are valid on the session
	// they were read on alone.
	Connect(ctx context.Context) (serial int, err error)

	// Print reads rows on the session at hand, in the router's order.
	Print(ctx context.Context, q Query) ([]rosdata.Row, error)

	// Change makes changes on the session at hand, in one round trip where
	// the protocol allows it, and never repeats any. There are as many
	// outcomes as changes. A session that has been lost meanwhile is not
	// replaced: the changes are ErrNotSent.
	Change(ctx context.Context, changes ...Change) []Outcome

	// Close ends the session, if there is one. The Transport can Connect again.
	Close() error

	// Target is where the wire leads, for errors.
	Target() *rosconn.Target
	// String names user, protocol and address, and nothing else.
	String() string
}

// Query asks for rows of a menu.
type Query struct {
	Menu  string   // "/queue/tree"
	Props []string // properties wanted; none: all
	ID    string   // the one row of that id; "" for all
	Where []Match  // only rows to which all of these apply, as far as the router's own comparison goes
}

// Match is a condition: a property has one of these values.
type Match struct {
	Prop   string
	Values []string
}

// Change is one command that changes something.
type Change struct {
	Menu    string
	Command string            // "set", "add", "remove", "run"
	ID      string            // of the row; "" for add
	Set     map[string]string // set, add: properties, rates as plain bit/s, booleans as true and false
	Props   []string          // set, add: what to read of the row afterwards; others are welcome
}

// Outcome is what became of a Change.
type Outcome struct {
	Row rosdata.Row // set, add: the row as it is now; nil where the answer does not tell
	ID  string      // add: the new row's; "" where the answer does not tell
	Err error
}

// ErrNotSent is the Err of a Change that has not left, because an earlier one
// failed or the session had gone.
var ErrNotSent = errors.New("not sent")
