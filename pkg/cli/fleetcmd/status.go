package fleetcmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/fleet/release"
)

// node is the output for programs.
type node struct {
	Node       string         `json:"node"`
	Site       string         `json:"site"`
	Stage      string         `json:"stage"`
	Revision   uint64         `json:"revision"` // in use
	Released   uint64         `json:"released"` // to the stage; 0: none
	Result     release.Result `json:"result"`
	Reason     string         `json:"reason"`
	Loops      int            `json:"loops"`
	Unwell     int            `json:"loops_unwell"`
	Local      string         `json:"local_files"` // those that replace files of the set
	AgeSeconds float64        `json:"age_seconds"` // of this report
	Absent     bool           `json:"absent"`
	Version    string         `json:"version"`
}

func newStatusCmd(o *options) *cobra.Command {
	return app.Prints[node](o.App, &cobra.Command{
		Use: "status", Short: "Show what each node uses", Args: app.UsageArgs(cobra.NoArgs),
		Long: `Show what each node says of its configuration: the revision that it uses and the one that
was released to its stage, what became of that, its loops, and which of its own files
replace some of the set. A node that has been silent for three minutes is absent.

Results: waiting (nothing was released yet), trial (in use for less than two minutes),
applied, refused (never used), failed (tried again), returned (used, and taken back by the
node itself).`,
		Example: "  wanctl fleet status --url nats://hub.example.net:4222\n  wanctl fleet status --url nats://hub.example.net -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, end, err := o.connect()
			if err != nil {
				return err
			}
			defer end()
			ctx := cmd.Context()
			reports, err := release.Reports(ctx, store)
			if err != nil {
				return err
			}
			stages, err := release.Stages(ctx, store)
			if err != nil {
				return err
			}
			released := map[string]uint64{}
			for _, stage := range stages {
				e, err := store.Get(ctx, release.ReleaseKey(stage))
				if err != nil {
					return err
				}
				released[stage] = release.ClaimedRevision(e.Value)
				if o.hasSigners() {
					if _, _, err := o.verifier(nil).OpenRelease(stage, e.Value); err != nil {
						o.Warnf("%v", err)
					}
				}
				if !slices.ContainsFunc(reports, func(r release.Report) bool { return r.Stage == stage }) {
					o.Warnf("no node has reported to be of the stage %s, which has revision %d", stage, released[stage])
				}
			}
			nodes := []node{}
			for _, r := range reports {
				nodes = append(nodes, node{r.Node, r.Site, r.Stage, r.Revision, released[r.Stage], r.Result, r.Reason, r.Loops, r.Unwell,
					strings.Join(r.Local, " "), r.Age.Round(time.Second).Seconds(), r.Age > release.AbsentTime, r.Version})
			}
			if len(nodes) == 0 {
				o.Warnf("no node has reported: it does so with fleet.config: follow in its node.yaml, after the first push")
			}
			return output.List(o.Out, o.Global.Output, nodes, []output.Column[node]{
				output.Text("NODE", func(n node) string { return n.Node }),
				output.Text("SITE", func(n node) string { return n.Site }),
				output.Text("STAGE", func(n node) string { return n.Stage }),
				output.Number("REVISION", func(n node) string { return fmt.Sprint(n.Revision) }),
				output.Number("RELEASED", func(n node) string { return fmt.Sprint(n.Released) }),
				output.Text("RESULT", func(n node) string {
					if n.Absent {
						return "absent"
					}
					return string(n.Result)
				}),
				output.Number("LOOPS", func(n node) string { return fmt.Sprint(n.Loops) }),
				output.Number("UNWELL", func(n node) string { return fmt.Sprint(n.Unwell) }),
				output.Text("LOCAL", func(n node) string { return n.Local }),
				output.Number("AGE", func(n node) string { return (time.Duration(n.AgeSeconds) * time.Second).String() }),
				output.Text("", func(n node) string { return n.Reason }),
			})
		},
	})
}
