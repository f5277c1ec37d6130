package steer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/steersource"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// ErrNoRTT: the round-trip time of the primary WAN is not known.
var ErrNoRTT = errors.New("no round-trip time")

// once assesses once, acts on it and returns what was found, nil when it failed
// before.
func (c *Controller) once(ctx context.Context) (*telemetry.SteeringHealth, error) {
	probing, stop := context.WithCancel(ctx)
	var group errgroup.Group
	for _, p := range []*steersource.Probes{c.probes, c.alternateProbes} {
		if p != nil {
			group.Go(func() error { return p.Run(probing) })
		}
	}
	defer func() { stop(); _ = group.Wait() }() // a failure of theirs is one of the reading

	cfg := c.loopConfig()
	cfg.Observers, cfg.Switch = []steerd.Observer{c.events(nil)}, &refusedSwitch{RuleSwitch: cfg.Switch}
	c.loop = steerd.New(cfg)
	record, err := c.loop.Once(ctx)
	if c.memory != nil {
		// Also of a run that was interrupted: it may have changed the rule.
		err = errors.Join(err, c.memory.file.Save(c.memory.state(record)))
	}
	if err != nil {
		return nil, err
	}
	c.lists.read(ctx)
	health := telemetry.NewSteeringChecker(c.process.Version, settled{c.status(record.Status)}).Health(ctx)
	switch {
	case record.Rule.Err != nil:
		err = fmt.Errorf("%s: %w", c.cfg.Path, explainRule(c.cfg, record.Rule.Err))
	case !record.Path.Known:
		err = fmt.Errorf("%s: %w of %s: %v; run 'wanctl doctor --config %[1]s'", c.cfg.Path, ErrNoRTT, c.cfg.Primary, record.Path.Err)
	}
	return &health, err
}

// refusedSwitch stops asking once the router has refused user or password. The
// client would not ask either, for a minute, but its error then helps nobody.
type refusedSwitch struct {
	steerd.RuleSwitch
	err error
}

// Enabled implements steerd.RuleSwitch.
func (s *refusedSwitch) Enabled(ctx context.Context) (enabled bool, err error) {
	if s.err != nil {
		return false, s.err
	}
	enabled, err = s.RuleSwitch.Enabled(ctx)
	if errors.Is(err, router.ErrAuth) {
		s.err = err
	}
	return enabled, err
}

// settled is a status that no longer changes.
type settled struct{ telemetry.SteeringHealth }

// Snapshot implements telemetry.SteeringSource.
func (s settled) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	return s.SteeringHealth, nil
}

// explainRule adds the next command to what is wrong with the rule.
func explainRule(cfg *Config, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
	case router.IsItemError(err):
		return fmt.Errorf("%w; see 'wanctl router mangle get --config %s', and 'wanctl router export --steering %[2]s' for what the router needs, or run 'wanctl doctor --config %[2]s'", err, cfg.Path)
	case router.IsAccessError(err):
		return fmt.Errorf("%w; run 'wanctl doctor --config %s'", err, cfg.Path)
	}
	return err
}

// Reset disables the rule and forgets the state, and returns what it did to the
// rule. The rule comes first: a state that is gone must not leave connections
// steered.
func Reset(ctx context.Context, cfg *Config, dial func(*config.Base) (router.Client, error)) (rule string, err error) {
	lock, err := state.Acquire(cfg.LockFile)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	client, err := dial(&cfg.Base)
	if err != nil {
		return "", err
	}
	defer client.Close()
	rule, err = disableRule(ctx, client, cfg)
	if err != nil {
		return "", fmt.Errorf("%s: %w; the state is kept", cfg.Path, explainRule(cfg, err))
	}
	good, _ := stateNames(cfg.Primary)
	return rule, state.OpenSteering(cfg.StateFile).Reset(state.Steering{Current: good})
}

func disableRule(ctx context.Context, client router.Client, cfg *Config) (said string, err error) {
	rule, err := client.Rule(ctx, cfg.Rule)
	if err != nil {
		return "", err
	}
	if rule.Disabled {
		return "was disabled", nil
	}
	if _, err := client.SetRule(ctx, cfg.Rule, false); err != nil {
		return "", err
	}
	return "disabled", nil
}
