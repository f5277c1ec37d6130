package simcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

func newControlCmd(a *app.App) *cobra.Command {
	var at, readyFile string
	cmd := &cobra.Command{
		Use:   "control [COMMAND...]",
		Short: "Make a simulated router misbehave, or print its request counts",
		Long: `Send a command to a simulated router that was started with --control. Without a
command, print the router's counts of requests, connections and logins: as JSON,
unless -o says otherwise.

COMMANDS
  ` + strings.ReplaceAll(remote.Help, "\n", "\n  ") + `

KINDS OF FAULT
  ` + faultKinds() + ``,
		Example: `  wanctl sim control --at 127.0.0.1:9000 fault stall times=1 command=set applied
  wanctl sim control --at 127.0.0.1:9000 reboot down=2s renumber race=3
  wanctl sim control --ready-file ready bypass WAN-Download-1 on`,
		ValidArgs: []string{"fault", "clear", "latency", "drop", "refuse", "listen", "silent", "reboot", "counters", "bypass", "recreate", "swap", "run"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "help" {
				_, err := fmt.Fprintln(a.Out, remote.Help)
				return err
			}
			addr, err := controlAddress(at, readyFile)
			if err != nil {
				return err
			}
			return control(cmd.Context(), a, addr, args, cmd.Flags().Changed("output"))
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "control `HOST:PORT` of the router")
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "read the address from the `FILE` that 'sim router --ready-file' wrote")
	cmd.MarkFlagsMutuallyExclusive("at", "ready-file")
	_ = cmd.MarkFlagFilename("ready-file")
	return app.Prints[simrouter.Counts](a, cmd)
}

func faultKinds() string {
	var names []string
	for _, k := range simrouter.FaultKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func controlAddress(at, readyFile string) (string, error) {
	if at != "" {
		return at, nil
	}
	if readyFile == "" {
		return "", app.Usagef("which router? give --at HOST:PORT or --ready-file FILE")
	}
	text, err := os.ReadFile(readyFile)
	if err != nil {
		return "", app.Usagef("--ready-file: %v", err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 || lines[2] == "" {
		return "", app.Usagef("--ready-file %s: names no control endpoint; start the router with --control 127.0.0.1:0", readyFile)
	}
	return lines[2], nil
}

func control(ctx context.Context, a *app.App, addr string, args []string, formatted bool) error {
	method, body := http.MethodPost, strings.Join(args, " ")
	if len(args) == 0 {
		method = http.MethodGet
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/", strings.NewReader(body))
	if err != nil {
		return app.Usagef("--at %s: write HOST:PORT", addr)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("simulated router at %s: %w; was it started with --control?", addr, err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("simulated router at %s: %w", addr, err)
	}
	if resp.StatusCode != http.StatusOK {
		return app.Usagef("%s", bytes.TrimSpace(reply))
	}
	if len(args) > 0 {
		return nil
	}
	var counts simrouter.Counts
	if err := json.Unmarshal(reply, &counts); err != nil {
		return fmt.Errorf("simulated router: %w", err)
	}
	format := output.JSON
	if formatted {
		format = a.Global.Output
	}
	return printCounts(a, format, counts)
}

// countRow is what one service of the router has seen.
type countRow struct {
	Service string `json:"service"`
	simrouter.ServiceCounts
}

func printCounts(a *app.App, format output.Format, counts simrouter.Counts) error {
	if format == output.JSON || format == output.JSONL {
		return output.One(a.Out, format, counts, "")
	}
	var rows []countRow
	for _, name := range slices.Sorted(maps.Keys(counts.Services)) {
		rows = append(rows, countRow{string(name), counts.Services[name]})
	}
	number := func(head string, of func(countRow) int) output.Column[countRow] {
		return output.Number(head, func(r countRow) string { return strconv.Itoa(of(r)) })
	}
	err := output.List(a.Out, format, rows, []output.Column[countRow]{
		output.Text("SERVICE", func(r countRow) string { return r.Service }),
		number("REQUESTS", func(r countRow) int { return r.Requests }),
		number("CONNECTIONS", func(r countRow) int { return r.Connections }),
		number("OPEN", func(r countRow) int { return r.Open }),
		number("LOGINS", func(r countRow) int { return r.Logins }),
		number("REFUSED", func(r countRow) int { return r.LoginFailures }),
	})
	if err == nil && format == output.Table {
		_, err = fmt.Fprintf(a.Out, "\n%d writes, %d sectors of the flash\n", counts.Writes, counts.WriteSectors)
	}
	return err
}
