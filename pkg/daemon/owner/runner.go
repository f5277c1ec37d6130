package owner

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// Loops is what runs while the node owns the router.
type Loops interface {
	Start()
	Stop() // returns when they have ended
}

// Runner runs a node's part of the protocol for one router.
type Runner struct {
	// configuration
	Config ha.Config
	Claims Claims
	Gate   *Gate
	Loops  Loops
	Router string // for texts
	Log    *slog.Logger
	// Leaving ends when the node is to hand over and quit.
	Leaving context.Context
	// Changed, if set, is called when the node has become the owner, or is none any more.
	Changed func(Status)

	mu     sync.Mutex // protects the following field
	status Status
}

// Status is how a node stands with one router.
type Status struct {
	Router    string
	Owner     ha.Entry // of the router, whichever node it is; zero: none, or not known
	Epoch     uint64   // under which this node owns it; 0: it does not
	Since     time.Time
	Takeovers int // from an owner that had fallen silent
	Blocked   string
	Lost      string
	Err       error // of the last request; nil: it was answered
}

// Status returns how the node stands.
func (r *Runner) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Run runs until Leaving ends and the router has been handed over, or until ctx ends, with which
// the loops end, too. The claim stays then.
func (r *Runner) Run(ctx context.Context) error {
	began := time.Now()
	now := func() time.Duration { return time.Since(began) }
	n, act := ha.NewNode(r.Config, 0)
	records := &recorder{log: r.Log.With("router", r.Router), node: r.Config.Name}
	r.Gate.records = records
	if records.enabled() {
		records.write(ha.Record{Start: &r.Config, Step: &ha.Step{Next: act}})
	}
	leaving := r.Leaving.Done()
	running := false
	stop := func() {
		if running {
			r.Loops.Stop()
			running = false
		}
		r.Gate.Close()
	}
	defer stop()
	for {
		var e ha.Event
		var err error
		left := false
		switch act.Op {
		case ha.Quit:
			return nil
		case ha.Wait:
			timer := time.NewTimer(act.Until - now())
			select {
			case <-timer.C:
			case <-leaving:
				leaving = nil
				left = true
				n.Leave()
			case <-ctx.Done():
				timer.Stop()
				return nil
			}
			timer.Stop()
		case ha.Start:
			r.Gate.Open(act.Entry)
			r.Loops.Start()
			running = true
		case ha.Stop:
			if act.Entry == (ha.Entry{}) {
				r.Gate.Close() // whatever the loops are about to send
			}
			stop()
		default:
			request, cancel := context.WithTimeout(ctx, act.Until-now())
			e, err = r.Claims.Do(request, act)
			cancel()
			if ctx.Err() != nil {
				return nil
			}
		}
		op := act.Op
		at, ended := time.Now().UnixNano(), now()
		act = n.Step(ended, e)
		if records.enabled() {
			records.write(ha.Record{At: at, Step: &ha.Step{Now: ended, Leaving: left, Event: e, Next: act}})
		}
		r.record(n, op, err)
	}
}

// record keeps the status, and logs what has changed.
func (r *Runner) record(n *ha.Node, op ha.Op, err error) {
	s := n.Status()
	r.mu.Lock()
	old := r.status
	now := Status{Router: r.Router, Owner: s.View.Log.Owner(), Epoch: n.Owner(), Since: old.Since, Takeovers: old.Takeovers, Blocked: s.Blocked, Lost: s.Lost, Err: old.Err}
	if op != ha.Wait && op != ha.Start && op != ha.Stop {
		now.Err = err
	}
	taken := now.Epoch != 0 && old.Epoch == 0
	if taken || now.Epoch == 0 && old.Epoch != 0 {
		now.Since = time.Now()
	}
	if taken && s.Silent >= r.Config.Silence {
		now.Takeovers++
	}
	r.status = now
	r.mu.Unlock()
	log := r.Log.With("router", r.Router)
	switch {
	case taken:
		log.Info("this node owns the router", "epoch", now.Epoch, "silence", s.Silent.Round(time.Millisecond).String())
	case now.Epoch == 0 && old.Epoch != 0 && s.Lost == ha.HandedOver:
		log.Info("this node hands the router over: its loops are stopped", "epoch", old.Epoch)
	case now.Epoch == 0 && old.Epoch != 0:
		log.Warn("this node does not own the router any more: its loops are stopped", "epoch", old.Epoch, "why", s.Lost)
	}
	if now.Blocked != old.Blocked && now.Blocked != "" {
		log.Error("this node cannot take the router over", "why", now.Blocked)
	}
	if (now.Err != nil) != (old.Err != nil) && now.Err != nil {
		log.Warn("the claims cannot be read", "error", now.Err)
	}
	if r.Changed != nil && (now.Epoch == 0) != (old.Epoch == 0) {
		r.Changed(now)
	}
}
