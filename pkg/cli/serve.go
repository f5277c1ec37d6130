package cli

import (
	"errors"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/host"
)

type serveOptions struct {
	listen   string
	web      string
	insecure bool
	fleet    bool
}

const serveLong = `Serve health, metrics and the status page of every WAN and every steering daemon
of this host in one place: of all configurations in the configuration directory,
or of those that --wan or --config name.

Running loops are queried over their sockets, beside their lock files. For a loop that
does not run, the page and the health document have the content of its state file,
marked as stale, and the metrics only that it does not run.

  GET /            the status page; the health document for programs
  GET /health      200 when everything is healthy, 503 otherwise
  GET /metrics     all of them and of their processes (labelled with daemon and wan),
                   wanctl_loop_running, wanctl_steering_running, wanctl_state_age_seconds
  GET /history     the last ten minutes; ?since=TIME for newer samples
  GET /-/ready     200 as soon as it serves
  GET /-/healthy   200
  POST /-/reload   reads configurations and certificates again, as SIGHUP does

It listens on loopback and answers only to the names and addresses of this host, so
that web pages of other sites cannot read it. Other addresses need TLS and users, or
client certificates, from a file in the format of the Prometheus exporters
(node_exporter --web.config.file):

  tls_server_config: {cert_file: server.crt, key_file: server.key}
  basic_auth_users: {alice: "$2y$10$..."}     # htpasswd -nBC 10 alice

A file that cannot be used at a reload changes nothing.

--fleet serves another page, of all hosts whose node.yaml names the same NATS servers as
the node.yaml here: their WANs, the worst first, with search and by site. Hosts that have
not been heard of for 5 seconds are grey. It needs no configuration of a WAN:

  GET /            the page
  GET /page/fleet  the WANs as JSON: ?search=WORDS, site, sort, from, count
  GET /health      counts by site; 503 while there is no connection to NATS`

const serveExample = `  wanctl serve                       # then open http://127.0.0.1:9103/
  curl -s http://127.0.0.1:9103/health | jq .status
  wanctl serve --listen 0.0.0.0:9103 --web-config /etc/wanctl/web.yml
  wanctl serve --fleet               # node.yaml: fleet: {url: [tls://hub:4222]}`

func newServeCmd(a *app.App) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Serve the status page, health and metrics of all WANs",
		Long:    serveLong,
		Example: serveExample,
		GroupID: app.GroupLoops,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return app.Stopped(runServe(a, cmd, o)) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:9103", "listen on `HOST:PORT`; port 0 picks a free one")
	f.StringVar(&o.web, "web-config", "", "`FILE` with certificate and users")
	f.BoolVar(&o.insecure, "insecure-public", false, "let everybody read, even on an address that others reach")
	f.BoolVar(&o.fleet, "fleet", false, "serve the page of the fleet of node.yaml instead")
	_ = cmd.MarkFlagFilename("web-config", "yml", "yaml")
	return cmd
}

func checkServeFlags(a *app.App, cmd *cobra.Command, o serveOptions) error {
	if a.Global.Output != output.Table {
		return app.Usagef("serve prints nothing and has no -o %s; ask it: curl http://%s/health", a.Global.Output, o.listen)
	}
	_, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return app.Usagef("--listen %q: give HOST:PORT, such as 127.0.0.1:9103 or [::1]:9103", o.listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return app.Usagef("--listen %s: the port must be a number from 0 to 65535", o.listen)
	}
	if cmd.Flags().Changed("web-config") && o.web == "" {
		return app.Usagef("--web-config: name a file")
	}
	return nil
}

func runServe(a *app.App, cmd *cobra.Command, o serveOptions) error {
	if err := checkServeFlags(a, cmd, o); err != nil {
		return err
	}
	run := host.Run
	if o.fleet {
		run = host.RunFleet
		if cmd.Flags().Changed("wan") || cmd.Flags().Changed("config") {
			return app.Usagef("--fleet shows all WANs of all hosts, without --wan and --config; search in the page")
		}
	}
	err := run(cmd.Context(), host.Options{
		Options: a.DaemonOptions(), Config: a.ConfigOptions(), ConfigDir: a.Global.ConfigDir, Paths: a.NamedPaths(),
		Listen: o.listen, WebConfig: o.web, InsecurePublic: o.insecure,
	})
	var exposed *host.ExposedError
	if errors.As(err, &exposed) {
		return app.Usagef("%v", exposed)
	}
	return err
}
