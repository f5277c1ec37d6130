// Package notifycmd is 'wanctl notify': a trial of the receivers of notifications.
package notifycmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

const long = `The loops of 'wanctl shape', 'steer' and 'run' send changes of health, state, outage and
steering to the receivers that the section notify of their configuration names: a program,
a webhook, and an MQTT broker, where Home Assistant finds the WAN. wanctl-notify(7)
describes the events and the receivers, with examples.`

const testLong = `Send one event, whose "event" is "test", to each receiver of a configuration, and print
whether it was accepted. The status in it is that of the running loop, if there is one.

The program of notify.command runs as the user who calls this; the service runs it as
its own user, with the restrictions of its unit. At the broker of notify.mqtt the event
comes on the topic PREFIX/NAME/event; what Home Assistant shows is left alone.

The exit status is 5 when a receiver did not accept the event.`

// New returns the command.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "notify",
		Short:   "Try the receivers of notifications",
		Long:    long,
		GroupID: app.GroupTools,
		Args:    cobra.ArbitraryArgs,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newTestCmd(a))
	return cmd
}

func newTestCmd(a *app.App) *cobra.Command {
	var only []string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Send a test event to each receiver of a configuration",
		Long:  testLong,
		Example: `  wanctl notify test --wan spectrum
  wanctl notify test --wan steering --receiver webhook`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range only {
				if !slices.Contains(names, name) {
					return app.Usagef("--receiver %s: no such receiver; there are command, webhook and mqtt", name)
				}
			}
			return runTest(cmd.Context(), a, only)
		},
	}
	cmd.Flags().StringSliceVar(&only, "receiver", nil, "only this `RECEIVER`: command, webhook or mqtt; may be repeated")
	app.CompleteFlag(cmd, "receiver", names...)
	return app.Prints[result](a, cmd)
}

var names = []string{"command", "webhook", "mqtt"}

// result is the output for programs.
type result struct {
	WAN        string  `json:"wan"`
	Receiver   string  `json:"receiver"`
	Delivered  bool    `json:"delivered"`
	DurationMS float64 `json:"duration_ms"`
	Error      string  `json:"error,omitempty"`
}

func runTest(ctx context.Context, a *app.App, only []string) error {
	paths, err := a.ConfigPaths()
	if err != nil {
		return err
	}
	out := output.NewStream(a.Out, a.Global.Output, printResult)
	failed, tried := 0, 0
	for _, path := range paths {
		cfg, err := load(a, path)
		if err != nil {
			return err
		}
		receivers := daemon.Receivers(cfg, a.Version, slog.New(slog.NewTextHandler(a.Err, nil)))
		if len(receivers) == 0 {
			return config.ErrorAt(path, "notify", "names no receiver, so that nobody is notified; see 'wanctl config explain notify'")
		}
		for _, r := range receivers {
			if only != nil && !slices.Contains(only, r.Name()) {
				continue
			}
			res := try(ctx, r, cfg, a.Version)
			if tried++; !res.Delivered {
				failed++
			}
			if err := out.Put(res); err != nil {
				return err
			}
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	switch {
	case tried == 0:
		return config.ErrorAt(paths[0], "notify", fmt.Sprintf("names no receiver %s; see 'wanctl config explain notify'", only))
	case failed > 0:
		return app.Checkf("%d of %d receivers did not accept the event", failed, tried)
	}
	return nil
}

func load(a *app.App, path string) (*config.Base, error) {
	if config.DetectKind(path) == config.KindSteering {
		s, err := a.ReadSteering(path, a.ConfigOptions())
		if err != nil {
			return nil, err
		}
		return &s.Base, nil
	}
	w, err := a.ReadWAN(path, a.ConfigOptions())
	if err != nil {
		return nil, err
	}
	return &w.Base, nil
}

// try sends the test event to r.
func try(ctx context.Context, r notify.Receiver, cfg *config.Base, version string) result {
	e := notify.Complete(notify.Event{Time: time.Now(), Kind: notify.Test, Status: status(ctx, cfg)}, cfg.Name, version)
	send := r.Send
	if t, own := r.(interface {
		Try(context.Context, notify.Event) error
	}); own {
		send = t.Try
	}
	began := time.Now()
	err := send(ctx, e)
	res := result{WAN: cfg.Name, Receiver: r.Name(), Delivered: err == nil, DurationMS: float64(time.Since(began).Microseconds()) / 1000}
	if err != nil {
		res.Error = err.Error()
	}
	return res
}

// status returns that of the running loop.
func status(ctx context.Context, cfg *config.Base) notify.Status {
	s := notify.Status{Health: "unknown"}
	client := daemonsock.New(cfg.Socket())
	if config.DetectKind(cfg.Path) == config.KindSteering {
		if h, err := client.SteeringHealth(ctx); err == nil {
			s = daemon.SteeringStatus(&h, nil)
		}
	} else if h, err := client.Health(ctx); err == nil {
		for i := range h.WANs {
			if h.WANs[i].Name == cfg.Name {
				s = daemon.WANStatus(&h.WANs[i], nil)
			}
		}
	}
	s.Time = time.Now()
	return s
}

func printResult(w io.Writer, r result) error {
	text := fmt.Sprintf("accepted in %.0f ms", r.DurationMS)
	if !r.Delivered {
		text = "failed: " + r.Error
	}
	_, err := fmt.Fprintf(w, "%s %s: %s\n", r.WAN, r.Receiver, output.Printable(text))
	return err
}
