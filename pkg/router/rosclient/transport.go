package rosclient

import (
	"context"
	"errors"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Transport is a session with a router over one protocol of RouterOS, on which rows
// of menus are printed and changed. It is used by one call at a time.
//
// Errors are *rosdata.Error, classified by the sentinels of package router, and
// name the router. A timeout or a lost connection ends the session; a refusal
// does not.
type Transport interface {
	// Connect makes sure that there is a session on which a request can be sent,
	// and returns its serial number: ids of rows are valid only on the session
	// they were read on.
	Connect(ctx context.Context) (serial int, err error)

	// Print reads rows on the present session, in the router's order.
	Print(ctx context.Context, q Query) ([]rosdata.Row, error)

	// Change makes changes on the present session, in one round trip where the
	// protocol allows it, and never repeats any. It returns one outcome for each
	// change. A session that was lost meanwhile is not replaced: the changes are
	// ErrNotSent.
	Change(ctx context.Context, changes ...Change) []Outcome

	// ByName reports whether Change can make the setting of a row conditional on
	// its name, the value of the property key.
	ByName(key, name string) bool

	// Close ends the session, if there is one. Connect opens a new one.
	Close() error

	// Target returns the service the transport connects to.
	Target() *rosconn.Target
	// String returns user, protocol and address.
	String() string
}

// Query is a request for rows of a menu.
type Query struct {
	Menu  string   // "/queue/tree"
	Props []string // properties wanted; none: all
	ID    string   // the one row of that id; "" for all
	Where []Match  // only rows that match all of these by the router's own comparison
}

// Match is a condition: the property has one of the values.
type Match struct {
	Prop   string
	Values []string
}

// Change is one command that changes the router.
type Change struct {
	Menu    string
	Command string            // "set", "add", "remove", "run"
	ID      string            // of the row; "" for add
	Key     string            // set: the property that is the row's name
	Name    string            // set: only the row of that name, else ErrNotFound; "" for the row of the id, whatever its name
	Set     map[string]string // set, add: properties, rates as plain bit/s, booleans as true and false
	Props   []string          // set, add: what to read of the row afterwards; others are welcome
}

// Outcome is the result of a Change.
type Outcome struct {
	Row rosdata.Row // set, add: the row after the change; nil if the answer does not contain it
	ID  string      // add: of the new row; "" if the answer does not contain it
	Err error
}

// ErrNotSent is the Err of a Change that was not sent, because an earlier one
// failed or the session was lost.
var ErrNotSent = errors.New("not sent")
