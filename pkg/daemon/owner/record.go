package owner

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// RecordMessage is the message of the records of the protocol in the log, at level debug, with
// the attributes router and record: what ha.Replay reads.
const RecordMessage = "protocol"

// recorder writes what a node does for one router.
type recorder struct {
	log    *slog.Logger // nil: nobody reads it
	node   string
	number atomic.Uint64
}

func (r *recorder) enabled() bool {
	return r != nil && r.log != nil && r.log.Enabled(context.Background(), slog.LevelDebug)
}

// write writes a record whose time is now, unless it has one.
func (r *recorder) write(c ha.Record) {
	c.Node = r.node
	if c.At == 0 {
		c.At = time.Now().UnixNano()
	}
	text, err := json.Marshal(c)
	if err != nil {
		return // there is no such record
	}
	r.log.Debug(RecordMessage, "record", json.RawMessage(text))
}

// session writes what became of a session.
func (r *recorder) session(number uint64, state ha.SessionState, v *ha.View) {
	if r.enabled() {
		r.write(ha.Record{Session: &ha.Session{Number: number, State: state, View: v}})
	}
}

// opened numbers a session, and writes that it exists.
func (r *recorder) opened() (number uint64) {
	if !r.enabled() {
		return 0
	}
	number = r.number.Add(1)
	r.session(number, ha.Opened, nil)
	return number
}
