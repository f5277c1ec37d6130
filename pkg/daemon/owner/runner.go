package owner

import (
	"context"
	"log/slog"
	"maps"
	"slices"
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

	clock func() time.Duration // tests stop it; nil: since Run

	mu     sync.Mutex // protects the following fields
	status Status
	fresh  *ha.Config // for the next step
	// answered is when the router last answered, or the node started.
	answered time.Time
}

// Role is what a node is for one router.
type Role string

// The roles.
const (
	Owner   Role = "owner"
	Standby Role = "standby" // it takes the router over when that becomes free
	Blocked Role = "blocked" // it must not take the router over
	CutOff  Role = "cut_off" // the router does not answer it, or drops what it sends: it may be fenced
)

// Status is how a node stands with one router.
type Status struct {
	Router    string
	Role      Role
	Since     time.Time // in that role
	Owner     ha.Entry  // of the router, whichever node it is; zero: none, or not known
	Epoch     uint64    // under which this node owns it; 0: it does not
	Guarded   bool      // the rules were there when last looked
	Taken     ha.Takeover
	Takeovers map[ha.Reason]int // by this node; it is replaced, never changed
	Fenced    []Fence           // by this node, the last one last
	Blocked   string
	Lost      string
	Err       error // of the last request; nil: it was answered
}

// Fence is an address that a node has fenced.
type Fence struct {
	Node, Address string
	Until         time.Time
}

// Why returns why the node has its role; "" where that says enough.
func (s *Status) Why() string {
	switch s.Role {
	case Owner:
		return s.Taken.String()
	case Blocked:
		return s.Blocked
	case CutOff:
		if s.Err != nil {
			return "the router does not answer this node, or drops what it sends, as after a take-over: " + s.Err.Error()
		}
	case Standby:
		return s.Lost
	}
	return ""
}

// Status returns how the node stands.
func (r *Runner) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Reconfigure has the node use another configuration from its next step on, within half a second.
func (r *Runner) Reconfigure(cfg ha.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = &cfg
}

// reconfigured passes a new configuration to n, and returns it; nil: there is none.
func (r *Runner) reconfigured(n *ha.Node) *ha.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	cfg := r.fresh
	if r.fresh = nil; cfg != nil {
		r.Config = *cfg
		n.Reconfigure(*cfg)
	}
	return cfg
}

// Run runs until Leaving ends and the router has been handed over, or until ctx ends, with which
// the loops end, too. The claim stays then.
func (r *Runner) Run(ctx context.Context) error {
	began := time.Now()
	r.answered = began
	now := r.clock
	if now == nil {
		now = func() time.Duration { return time.Since(began) }
	}
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
		done := act
		at, ended := time.Now().UnixNano(), now()
		cfg := r.reconfigured(n)
		act = n.Step(ended, e)
		if records.enabled() {
			records.write(ha.Record{At: at, Step: &ha.Step{Now: ended, Leaving: left, Config: cfg, Event: e, Next: act}})
		}
		r.record(n, done, err)
	}
}

// record keeps the status, and logs what has changed.
func (r *Runner) record(n *ha.Node, act ha.Action, err error) {
	r.mu.Lock()
	old := r.status
	now := r.next(n, act, err)
	r.status = now
	r.mu.Unlock()
	log := r.Log.With("router", r.Router)
	switch {
	case now.Epoch != 0 && old.Epoch == 0:
		log.Info("this node owns the router", "epoch", now.Epoch, "why", now.Taken.String())
	case now.Epoch == 0 && old.Epoch != 0 && now.Lost == ha.HandedOver:
		log.Info("this node hands the router over: its loops are stopped", "epoch", old.Epoch)
	case now.Epoch == 0 && old.Epoch != 0:
		log.Warn("this node does not own the router any more: its loops are stopped", "epoch", old.Epoch, "why", now.Lost)
	}
	if now.Blocked != old.Blocked && now.Blocked != "" {
		log.Error("this node cannot take the router over", "why", now.Blocked)
	}
	if now.Guarded != old.Guarded && !now.Guarded && now.Role == Owner {
		log.Error("no node could take the router over: the rules that count and fence nodes are absent or disabled", "hint", "wanctl router export --ha")
	}
	if (now.Err != nil) != (old.Err != nil) && now.Err != nil {
		log.Warn("the claims cannot be read", "error", now.Err)
	}
}

// next returns the status after an action. It is called with mu held.
func (r *Runner) next(n *ha.Node, act ha.Action, err error) Status {
	s, now, at := n.Status(), r.status, time.Now()
	now.Router, now.Owner, now.Epoch, now.Guarded = r.Router, s.View.Log.Owner(), n.Owner(), s.View.Guarded
	now.Blocked, now.Lost, now.Taken = s.Blocked, s.Lost, s.Taken
	switch act.Op {
	case ha.Wait, ha.Start, ha.Stop, ha.Quit:
	default:
		if now.Err = err; err == nil {
			r.answered = at
		}
	}
	now.Fenced = slices.DeleteFunc(slices.Clone(now.Fenced), func(f Fence) bool { return !at.Before(f.Until) || f.Address == act.Address })
	if act.Op == ha.Fence && err == nil {
		f := Fence{Address: act.Address, Until: at.Add(fenceTime)}
		for _, e := range s.View.Log {
			if e.Address == f.Address {
				f.Node = e.Node
			}
		}
		now.Fenced = append(now.Fenced, f)
	}
	if now.Epoch != 0 && r.status.Epoch == 0 {
		now.Takeovers = maps.Clone(now.Takeovers)
		if now.Takeovers == nil {
			now.Takeovers = map[ha.Reason]int{}
		}
		now.Takeovers[now.Taken.Reason]++
	}
	switch {
	case now.Epoch != 0:
		now.Role = Owner
	case now.Err != nil && at.Sub(r.answered) >= r.Config.Silence:
		now.Role = CutOff
	case now.Blocked != "":
		now.Role = Blocked
	default:
		now.Role = Standby
	}
	if now.Role != r.status.Role {
		now.Since = at
	}
	return now
}
