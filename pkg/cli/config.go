package cli

import (
	"github.com/spf13/cobra"
	"github.com/wanctl/wanctl/pkg/cli/app"
)

const configLong = `Check, show and explain configuration files.

A WAN has one YAML file: /etc/wanctl/NAME.yaml for --wan NAME, or --config FILE.
Steering has one of its own, usually /etc/wanctl/steering.yaml: --wan steering.
Values come from flags, then the environment, then the file, then defaults.

  ${NAME}             in any value is replaced from the environment
  ROUTER_PASSWORD     is the password when the file has none
  WANCTL_ROUTER_HOST  overrides router.host, and so on for every key: its dotted
                      name in upper case, _ for the dots; lists with commas

`

func newConfigCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, show and explain configuration files",
		Long:    configLong + app.ExitStatuses,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,

		SuggestionsMinimumDistance: 2, // cobra's default is to suggest nothing
	}
	cmd.AddCommand(newConfigValidateCmd(a), newConfigShowCmd(a), newConfigExplainCmd(a))
	return cmd
}
