// Package doctorcmd is 'wanctl doctor': the findings of package doctor, for people and
// programs.
package doctorcmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/doctor"
)

const long = `Examine everything that the loops need, and print the next command for each problem:
configurations and files, the right to send ICMP, reflectors, the way
between this host and the router, the way of each WAN's probes, each transport to the
router with its latency and fingerprint, the policies of the user, the queues (there,
enabled, valid, CAKE, where they belong, counting), what leads traffic past them or
limits it as well, the rule of steering, receivers of notifications, clock, watchdog and
ports.

Without --wan or --config it examines all configurations of the directory. It changes
nothing, and runs beside running loops. Reflectors are measured for three seconds a
WAN, for which an idle line is best.

A warning means that something works, but not as well as it could, or not for long.
A failure means that the loop cannot do its job; the exit status is 5.`

// New returns the command.
func New(a *app.App) *cobra.Command {
	var measure time.Duration
	var receivers bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine everything that the loops need",
		Long:  long,
		Example: `  wanctl doctor
  wanctl doctor --wan spectrum
  wanctl doctor -q                              # warnings and failures alone
  wanctl doctor -o json | jq '.[] | select(.status == "failure")'`,
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if measure < time.Second || measure > time.Minute {
				return app.Usagef("--measure %v: from 1s to 1m", measure)
			}
			return runDoctor(cmd.Context(), a, measure, receivers)
		},
	}
	cmd.Flags().DurationVar(&measure, "measure", 3*time.Second, "measure the reflectors of each WAN for this `TIME`")
	cmd.Flags().BoolVar(&receivers, "receivers", false, "connect to the receivers of notifications as well; nothing is sent to them")
	_ = cmd.RegisterFlagCompletionFunc("measure", cobra.NoFileCompletions)
	return app.Prints[finding](a, cmd)
}

// finding is the output for programs.
type finding struct {
	Subject string `json:"subject"` // WAN, steering or file; "host"
	Check   string `json:"check"`
	Status  string `json:"status"` // "ok", "skipped", "warning" or "failure"
	Text    string `json:"text"`
	Next    string `json:"next,omitempty"` // what to type, or to set
}

func runDoctor(ctx context.Context, a *app.App, measure time.Duration, receivers bool) error {
	named, others, err := files(a)
	if err != nil {
		return err
	}
	count := map[doctor.Level]int{}
	var broken error // of standard output
	out := output.NewStream(a.Out, a.Global.Output, printer(a))
	doctor.Run(ctx, doctor.Options{
		Files: named, Others: others, Config: a.ConfigOptions(), Secrets: a.Global.Secrets, Measure: measure, Receivers: receivers,
		Report: func(f doctor.Finding) {
			count[f.Level]++
			if broken == nil && (!a.Global.Quiet || f.Level >= doctor.Warning) {
				broken = out.Put(finding{f.Subject, f.Check, fmt.Sprint(f.Level), f.Text, f.Next})
			}
		},
	})
	if err := out.Close(); broken == nil {
		broken = err
	}
	if broken == nil && a.OutTTY && a.Global.Output == output.Table && count[doctor.Failure] == 0 {
		_, broken = fmt.Fprintf(a.Out, "\nNothing fails; %d checks are ok, %d warn.\n", count[doctor.OK], count[doctor.Warning])
	}
	switch n := count[doctor.Failure]; {
	case broken != nil:
		return broken
	case ctx.Err() != nil:
		return ctx.Err()
	case n > 0:
		return app.Checkf("%d of %d checks failed, and %d warn", n, count[doctor.OK]+count[doctor.Warning]+n, count[doctor.Warning])
	}
	return nil
}

// files returns the configurations to examine, and the others of the directory.
func files(a *app.App) (named, others []string, err error) {
	all := config.Files(a.Global.ConfigDir)
	if list := a.NamedPaths(); list != nil {
		if named, err = list(); err != nil {
			return nil, nil, err
		}
		return named, slices.DeleteFunc(all, func(path string) bool { return slices.Contains(named, path) }), nil
	}
	if err := config.CheckDir(a.Global.ConfigDir); err != nil {
		return nil, nil, err
	}
	if len(all) == 0 {
		return nil, nil, app.Usagef("no configuration in %s; write one with 'wanctl config init', or name one with --config FILE", a.Global.ConfigDir)
	}
	return all, nil, nil
}

// colours of the words, on a terminal.
var colours = map[string]output.Colour{"ok": output.Green, "skipped": output.Dim, "warning": output.Yellow, "failure": output.Red}

// printer prints a line for each finding, under a head for each subject; on a pipe all
// of it stands in the line.
func printer(a *app.App) func(io.Writer, finding) error {
	colour := a.OutTTY && !a.Global.NoColor
	subject := ""
	return func(w io.Writer, f finding) error {
		var b strings.Builder
		word := output.Paint(colour, colours[f.Status], fmt.Sprintf("%-8s", f.Status))
		text, next := output.Printable(f.Text), output.Printable(f.Next)
		switch {
		case !a.OutTTY:
			fmt.Fprintf(&b, "%s %s: %s: %s", word, f.Subject, f.Check, text)
			if next != "" {
				fmt.Fprintf(&b, "; next: %s", next)
			}
			b.WriteByte('\n')
		default:
			if f.Subject != subject {
				subject = f.Subject
				fmt.Fprintf(&b, "%s\n", output.Paint(colour, output.Bold, subject))
			}
			fmt.Fprintf(&b, "  %s %-14s %s\n", word, f.Check, text)
			if next != "" {
				fmt.Fprintf(&b, "%26s next: %s\n", "", next)
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}
