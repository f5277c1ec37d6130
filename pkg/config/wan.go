package config

import (
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
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
	StateFile string   `key:"state_file" kind:"path" derived:"/var/lib/wanctl/NAME_state.json" doc:"What the loop remembers over restarts."`
	_         struct{} `key:"lock_timeout" kind:"seconds" range:"1..86400" deprecated:"the lock is held by the kernel and judged by the process in it"`
	_         struct{} `key:"route_management" kind:"any" deprecated:"it concerned the router's routes, which wanctl never changes; steering switches one mangle rule"`
	Timeouts  Timeouts `key:"timeouts"`
	Health    Endpoint `key:"health_check" doc:"GET /health and the status page" defaults:"enabled=true port=9101"`
	Metrics   Endpoint `key:"metrics" doc:"GET /metrics for Prometheus" defaults:"enabled=false port=9100"`
}

// longestSocket is what the kernel takes as the path of a socket, in bytes.
const longestSocket = 107

// Socket is the unix socket on which the daemon of this configuration answers
// other commands while it runs: beside its lock file.
func (b *Base) Socket() string { return strings.TrimSuffix(b.LockFile, ".lock") + ".sock" }

// Router is one way to reach the router. Transport, port and TLS are final: whoever
// dials has no defaults to apply.
type Router struct {
	Transport Transport `key:"transport" kind:"enum" values:"rest,api,ssh" derived:"rest" doc:"Protocol to talk to the router; api is the fastest. Without it, an ssh_key and no password mean ssh."`
	Host      string    `key:"host" kind:"host" required:"true" doc:"Address or name of the router."`
	User      string    `key:"user" kind:"user" required:"true" doc:"User on the router; it needs the policies read, write and that of the transport."`
	Password  Secret    `key:"password" kind:"password" derived:"environment ROUTER_PASSWORD" doc:"Password of the user; write ${ROUTER_PASSWORD} to keep it out of the file."`

	SSHKey        string `key:"ssh_key" kind:"path" doc:"Private key for transport ssh, readable by its owner alone (mode 600 or 400)."`
	SSHPassphrase Secret `key:"ssh_passphrase" kind:"password" derived:"environment WANCTL_SSH_PASSPHRASE" doc:"Passphrase of ssh_key, when that is encrypted; write ${WANCTL_SSH_PASSPHRASE} to keep it out of the file."`

	Port           int    `key:"port" range:"1..65535" derived:"rest 443, api 8729, ssh 22" doc:"Port of the service on the router; with tls: false the defaults are 80 and 8728."`
	TLS            bool   `key:"tls" derived:"true, unless port says otherwise" doc:"Encrypt rest and api; without it, and that is what port 80 (rest) and 8728 (api) mean, the password crosses the network in clear."`
	VerifyTLS      bool   `key:"verify_ssl" default:"false" doc:"Check the certificate against the system's authorities; routers ship self-signed ones, so a pinned tls_fingerprint is the usual protection."`
	TLSFingerprint string `key:"tls_fingerprint" kind:"tls_hash" doc:"The only certificate accepted, by its SHA-256; with verify_ssl: true the error names it."`

	KnownHosts     string `key:"known_hosts" kind:"path" derived:"~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts" doc:"File of host keys that transport ssh trusts."`
	SSHFingerprint string `key:"ssh_fingerprint" kind:"ssh_hash" doc:"The only host key transport ssh accepts, instead of known_hosts."`
	SSHLegacy      bool   `key:"ssh_legacy" default:"false" doc:"Let transport ssh also accept what RouterOS 6 needs and nobody should: SHA-1 in key exchange, signatures and message authentication."`

	// Failover is nil in its own entries.
	Failover []Router `key:"failover" kind:"routers" range:"0..8" doc:"Further ways to the router, tried in order when the first is unreachable; an entry takes from router all it leaves out, but never port and tls."`
}

// Endpoints returns the ways to the router in the order they are tried.
func (r Router) Endpoints() []Router { return append([]Router{r}, r.Failover...) }

// Transport is a protocol of the router.
type Transport string

// The protocols, by their names in the file.
const (
	REST Transport = "rest"
	API  Transport = "api"
	SSH  Transport = "ssh"
)

// Logging says where logs go.
type Logging struct {
	Main  string   `key:"main_log" kind:"path" derived:"/var/log/wanctl/NAME.log" doc:"Log file of the daemon."`
	Debug string   `key:"debug_log" kind:"path" derived:"no debug log" doc:"Second log file with debug messages."`
	_     struct{} `key:"log_cake_stats" kind:"bool" deprecated:"counters are in the metrics"`
}

// Timeouts bound single operations.
type Timeouts struct {
	Command time.Duration `key:"ssh_command" kind:"seconds" range:"0.1..300" default:"15" doc:"How long one command on the router may take, over any transport."`
	Ping    time.Duration `key:"ping" kind:"seconds" range:"0.1..60" default:"1" doc:"A probe without a reply counts as lost after this."`
	_       struct{}      `key:"ping_total" kind:"any" deprecated:"probes run all the time, and timeouts.ping bounds each of them"`
}

// Endpoint is an HTTP listener.
type Endpoint struct {
	Enabled bool   `key:"enabled" default:"false" doc:"Serve {}."`
	Host    string `key:"host" kind:"host" default:"127.0.0.1" doc:"Address to listen on for {}."`
	Port    int    `key:"port" range:"0..65535" default:"0" doc:"Port to listen on for {}; 0 picks a free one."`
}

// WAN is the configuration of one WAN, complete and checked: every field holds
// the value in force, so its users neither default nor validate again.
type WAN struct {
	Base

	Queues          Queues        `key:"queues"`
	Enabled         bool          `key:"continuous_monitoring.enabled" default:"true" doc:"False ends 'wanctl shape' at once, with a message."`
	BaselineInitial time.Duration `key:"continuous_monitoring.baseline_rtt_initial" kind:"millis" range:"1..1000" required:"true" doc:"Round-trip time of the idle line, to start from until it is measured."`
	Interval        time.Duration `key:"continuous_monitoring.interval" kind:"duration" range:"10..5000" default:"50ms" doc:"Time between two probes of one reflector, and of the loop."`
	Download        Direction     `key:"continuous_monitoring.download"`
	Upload          Direction     `key:"continuous_monitoring.upload"`
	Thresholds      Thresholds    `key:"continuous_monitoring.thresholds"`

	PingHosts     []string `key:"continuous_monitoring.ping_hosts" kind:"hosts" range:"1..16" default:"1.1.1.1, 8.8.8.8, 9.9.9.9" doc:"Reflectors to measure; three of three operators outvote one that misbehaves."`
	_             struct{} `key:"continuous_monitoring.use_median_of_three" kind:"bool" derived:"without effect" doc:"Has no effect any more: reflectors are always combined, by the median of three or more and the smaller of two."` // see warnMedian
	PingInterface string   `key:"continuous_monitoring.ping_interface" kind:"interface" derived:"the kernel's route" doc:"Interface of this host that probes leave by, so that they take this WAN."`
	PingSource    string   `key:"continuous_monitoring.ping_source" kind:"address" derived:"the kernel's choice" doc:"Source address of probes, for a router that routes by source."`
	Fallback      Fallback `key:"continuous_monitoring.fallback_checks"`
}

// Queues names what is shaped on the router, and the queue types that are written
// together with the limits; "" leaves the type of a queue alone.
type Queues struct {
	Download     string `key:"download" kind:"router_name" required:"true" doc:"Queue of the router's queue tree that limits the download."`
	Upload       string `key:"upload" kind:"router_name" required:"true" doc:"Queue of the router's queue tree that limits the upload."`
	DownloadType string `key:"download_type" kind:"router_name" derived:"the queue keeps its type" doc:"Queue type written together with the download limit."`
	UploadType   string `key:"upload_type" kind:"router_name" derived:"the queue keeps its type" doc:"Queue type written together with the upload limit."`
}

// Direction bounds the limit of one direction:
// FloorRed <= FloorSoftRed <= FloorYellow <= FloorGreen <= Ceiling.
type Direction struct {
	Ceiling      bitrate.Rate `key:"ceiling_mbps" kind:"mbps" range:"0.1..100000" required:"true" doc:"The limit never rises above this: what the line carries on a good day."`
	_            struct{}     `key:"floor_mbps" kind:"mbps" range:"0.1..100000" derived:"the four floors" doc:"The limit never falls below this, in any state; one of this and the four floors is required."`
	FloorGreen   bitrate.Rate `key:"floor_green_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state GREEN; at most the ceiling."`
	FloorYellow  bitrate.Rate `key:"floor_yellow_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state YELLOW; at most floor_green_mbps."`
	FloorSoftRed bitrate.Rate `key:"floor_soft_red_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_yellow_mbps" doc:"Lowest limit in state SOFT_RED; at most floor_yellow_mbps."`
	FloorRed     bitrate.Rate `key:"floor_red_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state RED, and so of all; at most floor_soft_red_mbps."`

	_ struct{} `key:"step_up_mbps" kind:"mbps" range:"0.1..100" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"factor_down" kind:"number" range:"0.1..1" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"factor_down_yellow" kind:"number" range:"0.8..1" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"green_required" kind:"int" range:"1..10" deprecated:"the law finds capacity and step sizes itself"`
}

// Thresholds are on the delay above the idle baseline, apart from
// BaselineMin < BaselineMax, which bound the baseline itself.
// TargetBloat < WarnBloat < HardRedBloat.
type Thresholds struct {
	TargetBloat      time.Duration `key:"target_bloat_ms" kind:"millis" range:"1..100" default:"15" doc:"Delay above the baseline that is still GREEN."`
	WarnBloat        time.Duration `key:"warn_bloat_ms" kind:"millis" range:"1..200" default:"45" doc:"Delay above the baseline where SOFT_RED begins; above target_bloat_ms."`
	HardRedBloat     time.Duration `key:"hard_red_bloat_ms" kind:"millis" range:"1..1000" default:"80" doc:"Delay above the baseline where RED begins; above warn_bloat_ms."`
	LoadTimeConstant time.Duration `key:"load_time_constant_sec" kind:"seconds" range:"0.05..10" default:"0.25" doc:"How slowly the states (GREEN .. RED) follow the delay."`

	_ struct{} `key:"alpha_load" kind:"number" range:"0.00001..1" derived:"load_time_constant_sec decides" doc:"Older form of load_time_constant_sec: the weight of one sample of 50 ms."`
	_ struct{} `key:"baseline_time_constant_sec" kind:"seconds" range:"1..600" deprecated:"the baseline is the lowest round-trip time of the last 30 seconds without load"`
	_ struct{} `key:"alpha_baseline" kind:"number" range:"0.00001..1" deprecated:"the baseline is the lowest round-trip time of the last 30 seconds without load"`
	_ struct{} `key:"baseline_update_threshold_ms" kind:"millis" range:"0.1..100" deprecated:"this threshold follows from the noise the link shows"`
	_ struct{} `key:"accel_threshold_ms" kind:"millis" range:"0.1..1000" deprecated:"this threshold follows from the noise the link shows"`

	_ struct{} `key:"dwell_cycles" kind:"any" deprecated:"it was how many cycles the delay had to stay above target_bloat_ms before YELLOW, and the law filters noise by how likely it is"`
	_ struct{} `key:"deadband_ms" kind:"any" deprecated:"it was how far below target_bloat_ms the delay had to fall before GREEN, and load_time_constant_sec smooths the states"`

	BaselineMin time.Duration `key:"baseline_rtt_bounds.min" kind:"millis" range:"0.1..1000" default:"1" doc:"The baseline is never believed to be below this."`
	BaselineMax time.Duration `key:"baseline_rtt_bounds.max" kind:"millis" range:"0.1..1000" default:"500" doc:"The baseline is never believed to be above this; above baseline_rtt_bounds.min."`
}

// Fallback says what to check, and to do, when no reflector answers.
type Fallback struct {
	Enabled      bool         `key:"enabled" default:"true" doc:"When no reflector answers, find out why before acting."`
	CheckGateway bool         `key:"check_gateway" default:"true" doc:"Probe the gateway, which tells whether this host still reaches the router."`
	CheckTCP     bool         `key:"check_tcp" default:"true" doc:"Open TCP connections, which tells whether ICMP alone is filtered."`
	GatewayIP    string       `key:"gateway_ip" kind:"host" derived:"the gateway of the default route" doc:"Gateway to probe."`
	TCPTargets   []string     `key:"tcp_targets" kind:"targets" range:"0..16" default:"1.1.1.1:443, 8.8.8.8:443" doc:"Where to open TCP connections."`
	Mode         FallbackMode `key:"fallback_mode" kind:"enum" values:"graceful_degradation,freeze,use_last_rtt" default:"graceful_degradation" doc:"While ICMP has not been answered for a second: graceful_degradation measures by TCP connections, freeze holds the limits until three replies have come, use_last_rtt until one has."`
	_            struct{}     `key:"max_fallback_cycles" kind:"int" range:"1..1000000" deprecated:"limits are held as soon as no reflector has answered for a second"`
}

// FallbackMode is what the loop does while nothing can be measured.
type FallbackMode string

// The modes, by their names in the file.
const (
	GracefulDegradation FallbackMode = "graceful_degradation"
	Freeze              FallbackMode = "freeze"
	UseLastRTT          FallbackMode = "use_last_rtt"
)
