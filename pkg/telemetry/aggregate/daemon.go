package aggregate

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// WAN is one WAN of the host.
type WAN struct {
	Name    string
	Loop    *daemonsock.Client                  // nil when there is a Problem
	State   func() (telemetry.WANHealth, error) // reads its state file; fs.ErrNotExist without one
	Archive *history.Archive                    // nil when there is a Problem
	Problem string                              // what is wrong with its configuration
}

// Steering is one steering daemon of the host.
type Steering struct {
	Name    string // of its configuration
	Primary string // name of the primary WAN
	Daemon  *daemonsock.Client
	State   func() (telemetry.SteeringHealth, error)
	Archive *history.Archive
	Problem string
}

// daemon is a WAN's loop or a steering daemon.
type daemon interface {
	client() *daemonsock.Client // nil when there is a Problem
	label() string              // the WAN that its metrics belong to
	kept() history.Kept         // without an Archive when there is a Problem
	observe(ctx context.Context, now func() time.Time) view
}

var (
	_ daemon = (*WAN)(nil)
	_ daemon = (*Steering)(nil)
)

func (w *WAN) client() *daemonsock.Client      { return w.Loop }
func (w *WAN) label() string                   { return w.Name }
func (s *Steering) client() *daemonsock.Client { return s.Daemon }
func (s *Steering) label() string              { return s.Primary }
func (w *WAN) kept() history.Kept              { return history.Kept{WAN: w.Name, Archive: w.Archive} }
func (s *Steering) kept() history.Kept {
	return history.Kept{WAN: s.Primary, Steering: true, Archive: s.Archive}
}

func (w *WAN) observe(ctx context.Context, now func() time.Time) view {
	if w.Problem != "" {
		h := telemetry.WANHealth{Name: w.Name}.FromStateFile(now(), w.Problem)
		h.Source = ""
		return view{wan: &h}
	}
	left, stateErr := w.State()
	left.Name = w.Name
	h, err := w.health(ctx)
	if err != nil {
		h = left.FromStateFile(now(), reason("no loop runs for this WAN", "the loop of this WAN does not answer", err, stateErr))
	}
	return view{wan: &h, running: err == nil, saved: left.At}
}

// health asks the running loop.
func (w *WAN) health(ctx context.Context) (telemetry.WANHealth, error) {
	h, err := w.Loop.Health(ctx)
	if err != nil {
		return telemetry.WANHealth{}, err
	}
	for _, one := range h.WANs {
		if one.Name == w.Name {
			return one, nil
		}
	}
	return telemetry.WANHealth{}, errors.New("the daemon that answers controls another WAN")
}

func (s *Steering) observe(ctx context.Context, now func() time.Time) view {
	if s.Problem != "" {
		h := telemetry.NewSteeringHealth("", "", time.Time{}).FromStateFile(now(), s.Problem)
		h.Source, h.Detail.Name = "", s.Name
		return view{steering: &h}
	}
	left, stateErr := s.State()
	left.Detail.Name, left.Congestion.Primary.WAN = s.Name, s.Primary
	h, err := s.Daemon.SteeringHealth(ctx)
	if err != nil {
		h = left.FromStateFile(now(), reason("the steering daemon does not run", "the steering daemon does not answer", err, stateErr))
	}
	return view{steering: &h, running: err == nil, saved: left.At}
}

// reason returns why values are not current, and whether there are any. absent
// is its first part when no daemon runs, silent when one fails with err.
func reason(absent, silent string, err, stateErr error) string {
	text := absent
	if !errors.Is(err, daemonsock.ErrNotRunning) {
		text = silent + ": " + err.Error()
	}
	switch {
	case stateErr == nil:
		return text + "; the values are from its state file"
	case errors.Is(stateErr, fs.ErrNotExist):
		return text + ", and there is no state file"
	}
	return text + "; " + stateErr.Error()
}
