package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
)

// Start reads the limits in force, so that an absent queue or a refused user is
// reported before anything runs.
func (q *Queues) Start(ctx context.Context, cfg *config.WAN) (control.Reading, error) {
	start, err := q.Limits(ctx)
	for d, fault := range start.Faults {
		if err == nil && fault.Unwritable() {
			if _, err = q.limits.Queue(ctx, q.names[d]); err != nil { // in the words of the client
				err = fmt.Errorf("reading the %v limit: %w", autorate.Direction(d), err)
			}
		}
	}
	if err != nil {
		return start, q.Explain(ctx, cfg, err)
	}
	law := LawConfig(cfg)
	q.setBounds(&law)
	q.readOverrides(ctx, q.limits)
	for d, fault := range start.Faults {
		start.Faults[d] = q.withoutEffect(autorate.Direction(d), fault)
	}
	return start, nil
}

// Restored is what became of one limit that a measurement had changed.
type Restored struct {
	Queue string
	Limit bitrate.Rate // from before
	Err   error        // the queue cannot be changed (router.IsItemError), or is not ours
}

// errNotOurs is why a limit is not restored of a queue that the configuration does not
// name, or not any more: nothing else is ever written to.
var errNotOurs = errors.New("the configuration names no such queue")

// errUnread marks a journal whose file cannot be read, which is no fault of the router.
var errUnread = errors.New("limits from before a measurement")

// RestoreSaved restores the limits that a journal holds, if it does, and ends it. With
// an error the journal stays, unless it is state.ErrDamaged: router.IsItemError reports
// whether it is only that queues are absent, ambiguous or dynamic, whose limits alone
// the journal holds then.
func (q *Queues) RestoreSaved(ctx context.Context, journal *state.Journal) (list []Restored, err error) {
	saved, found, err := journal.Load()
	if errors.Is(err, state.ErrDamaged) {
		return nil, errors.Join(err, journal.End())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	if !found {
		return nil, nil
	}
	var missing error
	left := map[string]bitrate.Rate{}
	for _, name := range slices.Sorted(maps.Keys(saved.Limits)) {
		r := Restored{Queue: name, Limit: saved.Limits[name], Err: errNotOurs}
		if slices.Contains(q.names[:], name) {
			r.Err = q.restoreLimit(ctx, name, r.Limit)
		}
		list = append(list, r)
		if r.Err == nil || errors.Is(r.Err, errNotOurs) {
			continue
		}
		err := fmt.Errorf("restoring the limit of queue %q to %v, which a measurement has changed: %w", name, r.Limit, r.Err)
		if !router.IsItemError(r.Err) {
			return list[:len(list)-1], err
		}
		if left[name] = r.Limit; missing != nil {
			err = fmt.Errorf("%w; %w", missing, err)
		}
		missing = err
	}
	if len(left) < len(saved.Limits) {
		if err := journal.Keep(state.SavedLimits{Began: saved.Began, Limits: left}); err != nil {
			return list, err
		}
	}
	return list, missing
}

// restoreLimit writes the limit of a queue, unless it is in force: nobody may write to a
// router that has refused every change.
func (q *Queues) restoreLimit(ctx context.Context, name string, limit bitrate.Rate) error {
	if now, err := q.limits.Queue(ctx, name); err != nil || now.MaxLimit == limit {
		return err
	}
	change := router.QueueChange{Name: name}
	change.MaxLimit = &limit
	_, err := q.limits.SetQueues(ctx, change)
	return err
}

// logRestored logs what RestoreSaved has done. What cannot be read is a warning only, and
// so is a queue that is not there: the others are controlled meanwhile.
func logRestored(log *slog.Logger, list []Restored, err error) error {
	for _, r := range list {
		if router.IsItemError(r.Err) {
			log.Warn("limit from before a measurement cannot be restored: it stays noted, for the next start", "queue", r.Queue, "limit", r.Limit.String(), "error", r.Err)
			continue
		}
		if r.Err != nil {
			log.Warn("limit from before a measurement cannot be restored", "queue", r.Queue, "limit", r.Limit.String(), "error", r.Err)
			continue
		}
		log.Warn("limit restored that an interrupted measurement has left changed", "queue", r.Queue, "limit", r.Limit.String())
	}
	if errors.Is(err, state.ErrDamaged) || errors.Is(err, errUnread) {
		log.Warn("the limits from before a measurement cannot be read: those in force stay", "error", err)
		return nil
	}
	if router.IsItemError(err) {
		return nil
	}
	return err
}

// Save returns limits in the form of a journal.
func (q *Queues) Save(limits control.Limits) state.SavedLimits {
	saved := state.SavedLimits{Limits: map[string]bitrate.Rate{}}
	for d, name := range q.names {
		if name != "" {
			saved.Limits[name] = limits[d]
		}
	}
	return saved
}

// Describe returns what the faults of the queues mean, and what to do about them.
func (q *Queues) Describe(r control.Reading) (texts []string) {
	for d, fault := range r.Faults {
		if text := q.describe(autorate.Direction(d), fault); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// Causes returns what may lead traffic past the queues, the most likely first.
func (q *Queues) Causes(ctx context.Context) (texts []string) {
	for _, c := range q.survey().Causes(ctx, q.counters, "") {
		texts = append(texts, c.String())
	}
	return texts
}

// Explain adds to an error of the router the configuration and the next command.
func (q *Queues) Explain(ctx context.Context, cfg *config.WAN, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
	case router.IsItemError(err):
		if text := router.InterfaceQueues(ctx, q.limits); text != "" && errors.Is(err, router.ErrNotFound) {
			err = fmt.Errorf("%w; %s", err, text)
		}
		return fmt.Errorf("%s: %w; check %[3]s against 'wanctl router queue get --config %[1]s', or run 'wanctl doctor --config %[1]s'", cfg.Path, err, q.keys())
	case router.IsAccessError(err):
		return fmt.Errorf("%s: %w; run 'wanctl doctor --config %[1]s'", cfg.Path, err)
	}
	return fmt.Errorf("%s: %w", cfg.Path, err)
}
