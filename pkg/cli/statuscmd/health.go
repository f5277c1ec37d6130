package statuscmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

const healthLong = `Ask one address for its health document, and exit with 0 when it is healthy, 1
otherwise. It is the health check of a container, which has neither a shell nor curl.
With --alive any health is accepted: a restart repairs neither a router nor a line.
With -o json it prints the document.

ADDRESS is HOST:PORT, a URL, or the path of a daemon's socket. Without one it is the
default of the daemon: 127.0.0.1:9101 of shape, or of the daemon that WANCTL_MODE
names (9102 of steer, 9103 of serve).

EXIT STATUS
  0  healthy
  1  anything else
  2  usage
`

// healthPorts are the default ports by WANCTL_MODE.
var healthPorts = map[string]string{"": "9101", "shape": "9101", "steer": "9102", "serve": "9103"}

func newHealthCmd(a *app.App) *cobra.Command {
	var (
		timeout time.Duration
		alive   bool
	)
	cmd := &cobra.Command{
		Use:   "health [ADDRESS]",
		Short: "Ask one address whether it is healthy, as a container does",
		Long:  healthLong,
		Example: `  wanctl health
  wanctl health 127.0.0.1:9103
  wanctl health /run/wanctl/spectrum.sock`,
		Annotations: app.OwnStatuses,
		GroupID:     app.GroupTools,
		Args:        app.UsageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.Global.Output == output.CSV {
				return app.Usagef("health has no -o csv: wanctl status -o csv")
			}
			if timeout <= 0 {
				return app.Usagef("--timeout %v: must be positive", timeout)
			}
			address := ""
			if len(args) > 0 {
				address = args[0]
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return runHealth(a, ctx, address, alive)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "give up after this long")
	cmd.Flags().BoolVar(&alive, "alive", false, "accept any health: 0 if the daemon answers at all")
	return app.Prints[telemetry.Health](a, app.Prints[telemetry.SteeringHealth](a, app.Prints[telemetry.Host](a, cmd)))
}

func runHealth(a *app.App, ctx context.Context, address string, alive bool) error {
	if address == "" {
		value, _ := a.LookupEnv("WANCTL_MODE")
		var err error
		if address, err = defaultAddress(value); err != nil {
			return err
		}
	}
	target, client, err := healthTarget(address)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return app.Usagef("%s: %v; give HOST:PORT, a URL or the path of a socket", address, err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w; see 'wanctl status'", address, err)
	}
	defer func() { _ = resp.Body.Close() }()
	var doc struct {
		Status  telemetry.Status `json:"status"`
		Reasons []string         `json:"reasons"`
		WANs    []struct {
			Name    string   `json:"name"`
			Reasons []string `json:"reasons"`
		} `json:"wans"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil || json.Unmarshal(body, &doc) != nil || doc.Status == "" {
		return fmt.Errorf("%s has no health document (status %s): is it a daemon of wanctl?", address, resp.Status)
	}
	healthy := resp.StatusCode == http.StatusOK && doc.Status == telemetry.Healthy
	if f := a.Global.Output; f == output.JSON || f == output.JSONL {
		err = output.One(a.Out, a.Global.Output, json.RawMessage(body), "")
	} else if alive || healthy {
		_, err = fmt.Fprintln(a.Out, doc.Status)
	}
	if err != nil || alive || healthy {
		return err
	}
	for _, w := range doc.WANs {
		for _, r := range w.Reasons {
			doc.Reasons = append(doc.Reasons, w.Name+": "+r)
		}
	}
	return fmt.Errorf("%s is %s: %s", address, doc.Status, strings.Join(doc.Reasons, "; "))
}

// defaultAddress returns the address of what mode runs: a command, perhaps with
// arguments.
func defaultAddress(mode string) (string, error) {
	command, _, _ := strings.Cut(strings.TrimSpace(mode), " ")
	port, known := healthPorts[command]
	if !known {
		return "", app.Usagef("WANCTL_MODE=%s: use shape, steer or serve", mode)
	}
	return "127.0.0.1:" + port, nil
}

// healthTarget returns the URL at an address and the client that reaches it.
func healthTarget(address string) (target string, client *http.Client, err error) {
	switch {
	case strings.HasPrefix(address, "/"), strings.HasPrefix(address, "./"):
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", address)
		}
		return "http://localhost/health", &http.Client{Transport: &http.Transport{DialContext: dial}}, nil
	case strings.HasPrefix(address, "http://"), strings.HasPrefix(address, "https://"):
		return address, &http.Client{Transport: &http.Transport{}}, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", nil, app.Usagef("%s: give HOST:PORT such as 127.0.0.1:9101, a URL or the path of a socket", address)
	}
	return "http://" + address + "/health", &http.Client{Transport: &http.Transport{}}, nil
}
