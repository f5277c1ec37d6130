package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// once assesses once, acts on it and prints what was found.
func (s *steerer) once(ctx context.Context) error {
	probing, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.probes.Run(probing) }()
	defer func() { stop(); <-ended }()

	cfg := s.loopConfig()
	cfg.Observers, cfg.Switch = []steerd.Observer{s.events(nil)}, &refusedSwitch{RuleSwitch: cfg.Switch}
	s.loop = steerd.New(cfg)
	record, err := s.loop.Once(ctx)
	if s.memory != nil {
		// Also of a run that was interrupted: it may have changed the rule.
		err = errors.Join(err, s.memory.file.Save(s.memory.state(record)))
	}
	if err != nil {
		return err
	}
	s.lists.read(ctx)
	checker := telemetry.NewSteeringChecker(s.app.Version, settled{s.status(record.Status)})
	if err := printSteeringHealth(s.app, checker.Health(ctx)); err != nil {
		return err
	}
	switch {
	case record.Rule.Err != nil:
		return fmt.Errorf("%s: %w", s.cfg.Path, s.explainRule(record.Rule.Err))
	case !record.Path.Known:
		return app.Checkf("%s: no round-trip time of %s: %v; try 'wanctl probe %s'", s.cfg.Path, s.cfg.Primary, record.Path.Err, s.cfg.PingHost)
	}
	return nil
}

// refusedSwitch asks no more once the router has refused user or password. The
// client would not either, for a minute, but what it says then helps nobody.
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

// settled is a status that changes no more.
type settled struct{ telemetry.SteeringHealth }

// Snapshot implements telemetry.SteeringSource.
func (s settled) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	return s.SteeringHealth, nil
}

// explainRule adds the next command to what is wrong with the rule.
func (s *steerer) explainRule(err error) error { return explainRule(s.cfg, err) }

func explainRule(cfg *steeringConfig, err error) error {
	switch app.ExitStatus(err) {
	case app.ExitCheck:
		return fmt.Errorf("%w; see 'wanctl router mangle get --config %s', and 'wanctl router export --steering %[2]s' for what the router needs", err, cfg.Path)
	case app.ExitRouter:
		return fmt.Errorf("%w; try 'wanctl router info --config %s'", err, cfg.Path)
	}
	return err
}

// resetSteering disables the rule and forgets the state. The rule comes first:
// a state that is gone must not leave connections steered.
func resetSteering(ctx context.Context, a *app.App, cfg *steeringConfig) (err error) {
	lock, err := state.Acquire(cfg.LockFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	client, err := a.DialRouter(&cfg.Base)
	if err != nil {
		return err
	}
	defer client.Close()
	said, err := disableRule(ctx, client, cfg)
	if err != nil {
		return fmt.Errorf("%s: %w; the state is kept", cfg.Path, explainRule(cfg, err))
	}
	good, _ := steeringStates(cfg.Primary)
	if err := state.OpenSteering(cfg.StateFile).Reset(state.Steering{Current: good}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "mangle rule %q: %s\nstate %s: cleared\n", cfg.Rule, said, cfg.StateFile)
	return err
}

func disableRule(ctx context.Context, client router.Client, cfg *steeringConfig) (said string, err error) {
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
