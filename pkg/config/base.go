package config

import (
	"cmp"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// Base is the part of a configuration that both kinds of file share: how to
// reach the router and where this process keeps its files and listeners.
type Base struct {
	Path string // the file this was read from, as given

	_         struct{} `key:"schema_version" kind:"version" default:"1.0" doc:"Version of the layout of this file."`
	Name      string   `key:"wan_name" kind:"identifier" required:"true" doc:"Name of the WAN in logs, metrics and file names."`
	Router    Router   `key:"router"`
	Logging   Logging  `key:"logging"`
	LockFile  string   `key:"lock_file" kind:"path" derived:"/run/wanctl/NAME.lock" doc:"Lock that keeps a second instance from controlling the same queues."`
	StateFile string   `key:"state_file" kind:"path" derived:"/var/lib/wanctl/NAME_state.json" doc:"File in which the loop keeps its state over restarts."`
	_         struct{} `key:"lock_timeout" kind:"seconds" range:"1..86400" deprecated:"the lock is held by the kernel and judged by the process in it"`
	_         struct{} `key:"route_management" kind:"any" deprecated:"it concerned the router's routes, which wanctl never changes; steering switches one mangle rule"`
	_         struct{} `key:"alerting" kind:"any" deprecated:"it sent messages to a webhook; notify.webhook does that, and the rules for Prometheus"`
	_         struct{} `key:"storage" kind:"any" deprecated:"it kept the history of metrics in a database; Prometheus keeps that of metrics.enabled"`
	Timeouts  Timeouts `key:"timeouts"`
	Health    Endpoint `key:"health_check" doc:"GET /health and the status page" defaults:"enabled=true port=9101"`
	Notify    Notify   `key:"notify"`
	Metrics   Endpoint `key:"metrics" doc:"GET /metrics for Prometheus" defaults:"enabled=false port=9100"`
}

// longestSocket is what the kernel takes as the path of a socket, in bytes.
const longestSocket = 107

// HistoryDir returns the directory of the history that the loop keeps on disk, beside
// its state file.
func (b *Base) HistoryDir() string {
	return strings.TrimSuffix(strings.TrimSuffix(b.StateFile, ".json"), "_state") + "_history"
}

// Socket is the unix socket on which the daemon of this configuration answers
// other commands while it runs: beside its lock file.
func (b *Base) Socket() string { return strings.TrimSuffix(b.LockFile, ".lock") + ".sock" }

// Logging says where logs go.
type Logging struct {
	Main  string   `key:"main_log" kind:"path" derived:"/var/log/wanctl/NAME.log" doc:"Log file of the daemon."`
	Debug string   `key:"debug_log" kind:"path" derived:"no debug log" doc:"Second log file with debug messages."`
	_     struct{} `key:"log_cake_stats" kind:"bool" deprecated:"counters are in the metrics"`
	_     struct{} `key:"max_bytes" kind:"any" deprecated:"it rotated the logs; logrotate does that, by /etc/logrotate.d/wanctl of the packages"`
	_     struct{} `key:"backup_count" kind:"any" deprecated:"it was how many rotated logs were kept; logrotate does that, by /etc/logrotate.d/wanctl of the packages"`
}

// Timeouts bound single operations.
type Timeouts struct {
	Command time.Duration `key:"ssh_command" kind:"seconds" range:"0.1..300" usual:"0.1..60" default:"15" doc:"How long one command on the router may take, over any transport."`
	Ping    time.Duration `key:"ping" kind:"seconds" range:"0.1..60" usual:"0.1..10" default:"1" doc:"A probe without a reply counts as lost after this time."`
	_       struct{}      `key:"tc_command" kind:"any" deprecated:"it bounded commands that shape on a Linux host, and the router's queues do that here"`
	_       struct{}      `key:"ping_total" kind:"any" deprecated:"probes run all the time, and timeouts.ping bounds each of them"`
}

// Endpoint is an HTTP listener.
type Endpoint struct {
	Enabled bool   `key:"enabled" default:"false" doc:"Serve {}."`
	Host    string `key:"host" kind:"host" default:"127.0.0.1" doc:"Address to listen on for {}."`
	Port    int    `key:"port" range:"0..65535" default:"0" doc:"Port to listen on for {}; 0 picks a free one."`

	WebConfig string `key:"web_config" kind:"path" derived:"anyone may read, without TLS" doc:"File with certificate and users for {}, in the format of the Prometheus exporters; relative to the directory of this file."`
}

// rules compare several keys and derive values from others.
type rules struct{ *schema.Values }

// finishBase derives what both kinds of file share: the router and the paths that
// contain the name.
func (v rules) finishBase(b *Base) {
	v.finishRouter("router.", &b.Router)
	v.checkPassword("router.password", &b.Router)
	v.checkPin("router.tls_fingerprint", &b.Router)
	v.finishFailover(&b.Router)
	b.Health.WebConfig, b.Metrics.WebConfig = v.beside(b.Health.WebConfig), v.beside(b.Metrics.WebConfig)
	b.Logging.Main = cmp.Or(b.Logging.Main, "/var/log/wanctl/"+b.Name+".log")
	b.LockFile = cmp.Or(b.LockFile, "/run/wanctl/"+b.Name+".lock")
	b.StateFile = cmp.Or(b.StateFile, "/var/lib/wanctl/"+b.Name+"_state.json")
	if socket := b.Socket(); len(socket) > longestSocket && v.Valid("lock_file", "wan_name") {
		v.Warnf("lock_file", "the socket beside it, %s, is longer than the %d bytes that the system allows, so that other commands cannot ask the running daemon; use a shorter path",
			socket, longestSocket)
	}
	v.finishNotify(&b.Notify)
	if h, m := b.Health, b.Metrics; h.Enabled && m.Enabled && h.Host == m.Host && h.Port == m.Port && h.Port != 0 &&
		v.Valid("health_check.port", "metrics.port") {
		v.Errorf("metrics.port", "%d is taken by health_check on the same address; give one of them another port", m.Port)
	}
}
