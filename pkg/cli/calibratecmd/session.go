package calibratecmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
)

// session is the lock and the queues of a WAN while it is measured. It implements
// calibrate.Router.
type session struct {
	cfg     *config.WAN
	lock    *state.Lock
	journal *state.Journal
	queues  *shape.Queues
	start   control.Reading
	began   time.Time
	changed bool // the limits may be others than start
}

var _ calibrate.Router = (*session)(nil)

// open takes the lock, restores what a killed measurement has left, and reads the
// limits in force.
func open(ctx context.Context, a *app.App, cfg *config.WAN) (_ *session, err error) {
	s := &session{cfg: cfg, journal: state.OpenJournal(cfg.StateFile)}
	if s.lock, err = state.Acquire(cfg.LockFile); err != nil {
		if errors.Is(err, state.ErrLocked) {
			err = fmt.Errorf("%w; a running loop would change the limits meanwhile: systemctl stop wanctl@%s", err, cfg.Name)
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	// The type of a queue stays: only limits are restored.
	own := *cfg
	own.Queues.DownloadType, own.Queues.UploadType = "", ""
	if s.queues, err = shape.OpenQueues(&own, nil, slog.New(slog.DiscardHandler), nil); err != nil {
		return nil, err
	}
	if err := s.restoreSaved(ctx, a); err != nil {
		return nil, err
	}
	if s.start, err = s.queues.Start(ctx, cfg); err != nil {
		return nil, err
	}
	return s, s.checkFaults(a)
}

// checkFaults refuses queues through which nothing passes.
func (s *session) checkFaults(a *app.App) error {
	for d, f := range s.start.Faults {
		var one control.Reading
		one.Faults[d] = f
		text := strings.Join(s.queues.Describe(one), "")
		switch f {
		case actuate.Disabled, actuate.Invalid:
			return app.Checkf("%s: %s", s.cfg.Path, text)
		case actuate.Overridden:
			a.Warnf("%s: %s", s.cfg.Path, text)
		case actuate.NoFault, actuate.Absent, actuate.Ambiguous, actuate.Bypassed:
		}
	}
	return nil
}

// restoreSaved restores what a killed measurement has left.
func (s *session) restoreSaved(ctx context.Context, a *app.App) error {
	list, err := s.queues.RestoreSaved(ctx, s.journal)
	for _, r := range list {
		if router.IsItemError(r.Err) {
			continue // part of err
		}
		if r.Err != nil {
			a.Warnf("the limit %s of queue %q from before an interrupted measurement cannot be restored: %v", r.Limit, r.Queue, r.Err)
			continue
		}
		a.Warnf("an interrupted measurement had changed the limit of queue %q: it is %s again", r.Queue, limitText(r.Limit))
	}
	if errors.Is(err, state.ErrDamaged) {
		a.Warnf("%v: the limits in force stay", err)
		return nil
	}
	if router.IsItemError(err) {
		err = fmt.Errorf("%w; the limit stays noted in %s until the queue is back, or the configuration names another", err, s.journal.Path())
	}
	if err != nil {
		return s.queues.Explain(ctx, s.cfg, err)
	}
	return nil
}

// SetLimits implements calibrate.Router. The journal is on the disk before the first
// change.
func (s *session) SetLimits(ctx context.Context, limits [2]bitrate.Rate) error {
	if !s.changed {
		s.began = time.Now()
		if err := s.note(); err != nil {
			return err
		}
		s.changed = true
	}
	if _, err := s.queues.SetLimits(ctx, limits); err != nil {
		return s.queues.Explain(ctx, s.cfg, err)
	}
	return nil
}

// Counters implements calibrate.Router.
func (s *session) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	return s.queues.Counters(ctx)
}

// note writes the limits from before to the journal.
func (s *session) note() error {
	saved := s.queues.Save(s.start.Limits)
	saved.Began = s.began
	return s.journal.Begin(saved)
}

// Restore implements calibrate.Router. That the journal is not there, or damaged, does
// not mean that the limits are restored.
func (s *session) Restore(ctx context.Context) error {
	if !s.changed {
		return nil
	}
	if _, found, err := s.journal.Load(); !found && err == nil || errors.Is(err, state.ErrDamaged) {
		if err := s.note(); err != nil {
			return err
		}
	}
	_, err := s.queues.RestoreSaved(ctx, s.journal)
	s.changed = err != nil
	return err
}

// noLoad adds to calibrate.ErrNoLoad what leads traffic past the queues.
func (s *session) noLoad(ctx context.Context, err error) error {
	causes := s.queues.Causes(ctx)
	if len(causes) == 0 {
		return app.Checkf("%v; run 'wanctl doctor --config %s'", err, s.cfg.Path)
	}
	return app.Checkf("%v; what leads traffic past a queue: %s; or the load takes another WAN: see ping_source and ping_interface; run 'wanctl doctor --config %s'",
		err, strings.Join(causes, ", "), s.cfg.Path)
}

func (s *session) close() {
	if s.queues != nil {
		s.queues.Close()
	}
	_ = s.lock.Close() // an error leaves a file that the next start takes over
}
