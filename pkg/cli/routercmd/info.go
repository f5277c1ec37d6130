package routercmd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
)

// routerInfo is the output for programs.
type routerInfo struct {
	Identity     string  `json:"identity"`
	Version      string  `json:"version"`
	Board        string  `json:"board,omitempty"`
	Architecture string  `json:"architecture,omitempty"`
	Uptime       float64 `json:"uptime_seconds"`
	CPULoad      int     `json:"cpu_load_percent"`
	CPUCount     int     `json:"cpu_count"`
	FreeMemory   uint64  `json:"free_memory_bytes"`
	TotalMemory  uint64  `json:"total_memory_bytes"`
	WriteSectors uint64  `json:"write_sectors_since_reboot"`

	// TLSFingerprint is the SHA-256 of its certificate, absent without TLS.
	TLSFingerprint string `json:"tls_fingerprint,omitempty"`
	TLSPinned      *bool  `json:"tls_pinned,omitempty"`
}

func newInfoCmd(a *app.App, o *connFlags) *cobra.Command {
	return app.Prints[routerInfo](a, &cobra.Command{
		Use:   "info",
		Short: "Show identity, version and load of the router",
		Long: `Print identity, version, board, load and memory of the router, and how many
flash sectors it has written since it started; over TLS also the fingerprint of its
certificate, for router.tls_fingerprint, when that is not pinned.`,
		Example: `  wanctl router info --wan spectrum
  ROUTER_PASSWORD=... wanctl router info --host 192.168.88.1 --user wanctl -o json`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
				info, err := client.Info(ctx)
				if err != nil {
					return err
				}
				shown := newRouterInfo(info)
				if r := o.used; r.Transport != config.SSH && r.TLS {
					// Without an answer now, it is left out: the rest was answered.
					shown.TLSFingerprint, _ = routerdial.Fingerprint(ctx, r, cmp.Or(o.wait, defaultWait))
					shown.TLSPinned = new(r.TLSFingerprint != "")
				}
				return output.One(a.Out, a.Global.Output, shown, infoText(info)+pinText(shown))
			})
		},
	})
}

func newRouterInfo(i router.Info) routerInfo {
	return routerInfo{
		Identity: i.Identity, Version: i.Version, Board: i.Board, Architecture: i.Arch, Uptime: i.Uptime.Seconds(),
		CPULoad: i.CPULoad, CPUCount: i.CPUCount, FreeMemory: i.FreeMemory, TotalMemory: i.TotalMemory, WriteSectors: i.WriteSects,
	}
}

func infoText(i router.Info) string {
	board := i.Board
	if i.Arch != "" {
		board = strings.TrimSpace(board + " (" + i.Arch + ")")
	}
	var b strings.Builder
	for _, line := range [][2]string{
		{"identity", i.Identity},
		{"RouterOS", i.Version},
		{"board", board},
		{"uptime", uptimeText(i.Uptime)},
		{"CPU", fmt.Sprintf("%d cores, %d %%", i.CPUCount, i.CPULoad)},
		{"memory", fmt.Sprintf("%s free of %s", bytesText(i.FreeMemory), bytesText(i.TotalMemory))},
		{"flash", fmt.Sprintf("%d sectors written since the last start", i.WriteSects)},
	} {
		fmt.Fprintf(&b, "%-10s%s\n", line[0], output.Printable(line[1]))
	}
	return b.String()
}

// pinText is the line that offers a certificate to be pinned.
func pinText(i routerInfo) string {
	if i.TLSFingerprint == "" || *i.TLSPinned {
		return ""
	}
	return "not pinned; if this is your router, set router.tls_fingerprint: " + i.TLSFingerprint + "\n"
}

// uptimeText writes days and hours, or what is left of them.
func uptimeText(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%d days %d hours", days, (d%(24*time.Hour))/time.Hour)
	}
	return d.Truncate(time.Second).String()
}

// bytesText rounds an amount of bytes for reading.
func bytesText(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/unit, 0
	for ; v >= unit && i < 4; i++ {
		v /= unit
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[i])
}
