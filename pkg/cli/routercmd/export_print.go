package routercmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/export"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// exportItem is the output for programs.
type exportItem struct {
	Section    export.Section    `json:"section"`
	Menu       string            `json:"menu"`
	Key        string            `json:"key"` // the property that tells whether the row is there
	Properties map[string]string `json:"properties"`
	Command    string            `json:"command"`
}

func printExport(a *app.App, plan *export.Plan) error {
	if a.Global.Output == output.Table {
		return plan.Script(a.Out)
	}
	return printItems(a, plan.Items(), export.Item.Add, export.Item.Properties)
}

func printRemoval(a *app.App, plan *export.Plan) error {
	if a.Global.Output == output.Table {
		return plan.RemoveScript(a.Out)
	}
	return printItems(a, plan.RemoveItems(), export.Item.Remove, export.Item.Identity)
}

func printItems(a *app.App, items []export.Item, command func(export.Item) string, properties func(export.Item) map[string]string) error {
	shown := make([]exportItem, len(items))
	for n, i := range items {
		shown[n] = exportItem{Section: i.Section, Menu: i.Path(), Key: i.Key, Properties: properties(i), Command: command(i)}
	}
	if a.Global.Output == output.CSV {
		records := [][]string{{"section", "menu", "key", "name", "command"}}
		for _, i := range shown {
			records = append(records, []string{string(i.Section), i.Menu, i.Key, i.Properties[i.Key], i.Command})
		}
		return output.WriteCSV(a.Out, records)
	}
	return output.List(a.Out, a.Global.Output, shown, nil)
}

// exportFinding is the output of --diff for programs.
type exportFinding struct {
	State       export.State       `json:"state"`
	Section     export.Section     `json:"section"`
	Menu        string             `json:"menu"`
	Key         string             `json:"key"`
	Name        string             `json:"name"` // value of the key
	Differences []exportDifference `json:"differences"`
	Command     string             `json:"command,omitempty"` // that makes the row as exported
}

type exportDifference struct {
	Property string `json:"property"`
	Want     string `json:"want"`
	Have     string `json:"have"`
}

// compare reads the router and shows what it lacks.
func (e *exportOptions) compare(a *app.App, cmd *cobra.Command, o *connFlags, plan *export.Plan) error {
	client, err := e.connect(a, cmd, o)
	if err != nil {
		return err
	}
	defer client.Close()
	findings, err := plan.Diff(func(menu string) ([]rosdata.Row, error) { return client.Rows(cmd.Context(), menu) })
	if err != nil {
		return err
	}
	if err := printFindings(a, findings); err != nil {
		return err
	}
	needed := 0
	warned := map[string]bool{}
	for _, f := range findings {
		if f.Needed() {
			needed++
		}
		if f.State == export.Unreadable && !warned[f.Menu] {
			warned[f.Menu] = true
			a.Warnf("%s cannot be compared: %v", f.Path(), f.Err)
		}
	}
	if needed > 0 {
		return app.Checkf("missing or different on the router: %d of %d rows; what 'wanctl router export' prints without --diff adds those that are missing", needed, len(findings))
	}
	return nil
}

// connect returns a client for the router that the configuration or --host names.
func (e *exportOptions) connect(a *app.App, cmd *cobra.Command, o *connFlags) (router.Client, error) {
	switch {
	case cmd.Flags().Changed("wait") && o.wait <= 0:
		return nil, app.Usagef("--wait %v: must be more than 0", o.wait)
	case e.base == nil:
		return o.dialHost(a, cmd)
	case o.wait > 0:
		e.base.Timeouts.Command = o.wait
	}
	return a.DialRouter(e.base)
}

func printFindings(a *app.App, findings []export.Finding) error {
	shown := make([]exportFinding, len(findings))
	for n, f := range findings {
		shown[n] = exportFinding{
			State: f.State, Section: f.Section, Menu: f.Path(), Key: f.Key, Name: f.Properties()[f.Key],
			Differences: make([]exportDifference, len(f.Differences)), Command: f.Cure,
		}
		for i, d := range f.Differences {
			shown[n].Differences[i] = exportDifference{d.Property, d.Want, d.Have}
		}
	}
	switch a.Global.Output {
	case output.CSV:
		records := [][]string{{"state", "section", "menu", "key", "name", "differences", "command"}}
		for _, f := range shown {
			records = append(records, []string{string(f.State), string(f.Section), f.Menu, f.Key, f.Name, f.differences(), f.Command})
		}
		return output.WriteCSV(a.Out, records)
	case output.Table:
		if err := output.List(a.Out, a.Global.Output, shown, []output.Column[exportFinding]{
			output.Text("STATE", func(f exportFinding) string { return string(f.State) }),
			output.Text("MENU", func(f exportFinding) string { return f.Menu }),
			output.Text("NAME", func(f exportFinding) string { return f.Name }),
			output.Text("DIFFERENCE", exportFinding.differences),
		}); err != nil {
			return err
		}
		return printCures(a, findings)
	}
	return output.List(a.Out, a.Global.Output, shown, nil)
}

// differences returns what is different as one text.
func (f exportFinding) differences() string {
	all := make([]string, len(f.Differences))
	for i, d := range f.Differences {
		have := d.Have
		if have == "" {
			have = "not set"
		}
		all[i] = d.Property + ": " + have + ", not " + d.Want
	}
	return strings.Join(all, "; ")
}

// printCures prints the commands for what is missing or different. Tuned rows stay as
// they are.
func printCures(a *app.App, findings []export.Finding) error {
	head := "\nOn the router, that is:\n"
	for _, f := range findings {
		if !f.Needed() || f.Cure == "" {
			continue
		}
		if _, err := fmt.Fprintf(a.Out, "%s  %s\n", head, output.Printable(f.Cure)); err != nil {
			return err
		}
		head = ""
	}
	return nil
}
