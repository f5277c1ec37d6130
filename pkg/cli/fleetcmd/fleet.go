// Package fleetcmd is `wanctl fleet`: what the nodes of a fleet have for configurations, and
// how they get others.
package fleetcmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/fleetlink"
	"github.com/wanctl/wanctl/pkg/daemon/follow"
	"github.com/wanctl/wanctl/pkg/fleet/bus"
	"github.com/wanctl/wanctl/pkg/fleet/kv"
	"github.com/wanctl/wanctl/pkg/fleet/release"
)

const long = `Push configurations to the nodes of a fleet, and show what they do with them. Files, in a
directory under version control, stay the source:

  DIR/NAME.yaml         for every node
  DIR/SITE/NAME.yaml    for nodes whose fleet.labels.site is SITE

A push makes them one set with the next revision, signs it with an SSH key, and releases it
to the nodes of a stage, those with this fleet.labels.stage; without a label that is stable.
Nodes with fleet.config: follow fetch it, check the signature against fleet.signers, check
the files as 'wanctl config validate' does, and use them beside their own; a file of the
node itself wins. A node whose loops fall ill within two minutes goes back by itself. It
keeps what it uses on its disk, and needs the servers for nothing else.

Secrets stay on their hosts: a file with one is refused. Write ${NAME} in its place, and
NAME=... into /etc/wanctl/secrets of each node.

The servers are those of fleet.url in node.yaml, or of --url: NATS with JetStream.`

// options are what all subcommands share.
type options struct {
	*app.App
	urls        []string
	credentials string
	ca          string
	signers     string
}

// New returns the command with its subcommands.
func New(a *app.App) *cobra.Command {
	o := &options{App: a}
	cmd := &cobra.Command{Use: "fleet", Short: "Many nodes: push configurations to them", Long: long, GroupID: app.GroupTools, RunE: app.NeedSubcommand}
	f := cmd.PersistentFlags()
	f.StringSliceVar(&o.urls, "url", nil, "NATS server `URL`, tls://HOST:4222 or nats://HOST:4222, in place of node.yaml; repeatable")
	f.StringVar(&o.credentials, "credentials", "", "with --url: `FILE` with credentials at the servers")
	f.StringVar(&o.ca, "tls-ca", "", "with --url: `FILE` with the authorities of the servers' certificates")
	f.StringVar(&o.signers, "signers", "", "`FILE` with the keys that may sign, see ssh-keygen(1) (default fleet.signers of node.yaml, else /etc/wanctl/allowed_signers)")
	cmd.AddCommand(newStatusCmd(o), newDiffCmd(o), newPushCmd(o), newRollbackCmd(o))
	return cmd
}

// connect returns the store of the fleet, and what ends the connection.
func (o *options) connect() (*kv.Store, func(), error) {
	n, warnings, err := config.LoadNode(o.Global.ConfigDir, "", o.ConfigOptions())
	o.WarnProblems(warnings)
	cfg := bus.Config{Name: "wanctl fleet", URL: o.urls, Credentials: o.credentials, CA: o.ca}
	switch {
	case len(o.urls) > 0:
	case err != nil:
		return nil, nil, err
	case n == nil || len(n.Fleet.URL) == 0:
		return nil, nil, app.Usagef("no NATS server: name one with --url nats://HOST:4222, or write fleet: {url: [...]} into node.yaml in %s", o.Global.ConfigDir)
	default:
		cfg = fleetlink.Config(n)
		cfg.Name = "wanctl fleet on " + n.Name
	}
	if o.signers == "" && n != nil {
		o.signers = n.Fleet.Signers
	}
	o.signers = cmp.Or(o.signers, config.DefaultSigners)
	conn, err := bus.Dial(cfg)
	if err != nil {
		return nil, nil, err
	}
	return kv.New(conn.NATS(), true), conn.Close, nil
}

// verifier returns what checks signatures: those by own keys pass.
func (o *options) verifier(own func(signature string, document []byte) (string, error)) release.Keys {
	listed := follow.Signers(o.signers)
	return release.Keys{Verify: func(signature string, document []byte) (string, error) {
		if own != nil {
			if who, err := own(signature, document); err == nil {
				return who, nil
			}
		}
		return listed(signature, document)
	}}
}

// hasSigners reports whether there is a file of those who may sign.
func (o *options) hasSigners() bool {
	_, err := os.Stat(o.signers)
	return !errors.Is(err, fs.ErrNotExist)
}

func stageFlag(cmd *cobra.Command, stage *string) {
	cmd.Flags().StringVar(stage, "stage", config.StableStage, "`STAGE` of the nodes")
}

// explain adds to an error of a change what to do.
func explain(err error, again string) error {
	var lost *release.LostError
	switch {
	case errors.As(err, &lost):
		return fmt.Errorf("%w; to go on above it: %s --revision %d", err, again, lost.Seen+1)
	case errors.Is(err, release.ErrConflict):
		return fmt.Errorf("%w: somebody else has pushed at the same time, and nothing was released; look at 'wanctl fleet status' and try again", err)
	}
	return err
}
