package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// buildVersion is set by the release build; everybody else gets what the Go
// toolchain recorded.
var buildVersion = ""

func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

type versionInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersionCmd(a *app.App) *cobra.Command {
	return app.Prints[versionInfo](a, &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of wanctl and of the Go toolchain that built it.",
		GroupID: app.GroupTools,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return output.One(a.Out, a.Global.Output, v, fmt.Sprintf("wanctl %s (%s, %s/%s)\n", v.Version, v.Go, v.OS, v.Arch))
		},
	})
}
