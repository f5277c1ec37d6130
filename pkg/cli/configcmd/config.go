// Package configcmd is 'wanctl config': the commands that check, show and explain
// configuration files, and init, which asks a router and writes them.
package configcmd

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

const long = `Write, check, show and explain configuration files.

A WAN has one YAML file: /etc/wanctl/NAME.yaml for --wan NAME, or --config FILE.
Without either it is the only WAN in /etc/wanctl, else wan.yaml. Steering has a file
of its own, usually /etc/wanctl/steering.yaml: --wan steering.
Values come from flags, then the environment, then the file, then defaults.

  ${NAME}             in any value is replaced from the environment
  ROUTER_PASSWORD     is the password when the file has none
  /etc/wanctl/secrets holds what the environment does not, in lines NAME=VALUE:
                      --secrets FILE
  WANCTL_ROUTER_HOST  overrides router.host, and so on for every key: its dotted
                      name in upper case, _ for the dots; lists with commas`

// New returns the command with its subcommands.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Write, check, show and explain configuration files",
		Long:    long,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newInitCmd(a), newValidateCmd(a), newShowCmd(a), newExplainCmd(a))
	return cmd
}
