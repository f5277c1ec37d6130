package daemon

import (
	"log/slog"

	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Events is where the events of one loop go: the log, for those who search, and
// the history, for the status page. Neither ever blocks.
type Events struct {
	*slog.Logger
	Feed *history.Feed // nil: nobody reads the history
}

// Record adds an event to the history.
func (e Events) Record(kind, direction, text string) {
	if e.Feed != nil {
		e.Feed.Event(history.Event{Kind: kind, Direction: direction, Text: text})
	}
}

// Reloaded reports that the configuration at path is in use.
func (e Events) Reloaded(path string) {
	e.Info("configuration reloaded", "file", path)
	e.Record("life", "", "configuration reloaded")
}

// RecordSwitch adds to the history that the router is reached at another
// endpoint. Any goroutine may call it.
func (e Events) RecordSwitch(s failover.Switch) {
	text := "reached by " + s.To + ", was " + s.From
	if s.Why != nil {
		text += ": " + s.Why.Error()
	}
	e.Record("router", "", text)
}

// FirstError returns the text of the first error that is not nil.
func FirstError(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}
