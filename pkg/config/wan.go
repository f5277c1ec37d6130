package config

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// WAN is the configuration of one WAN, complete and checked: every field holds
// the value in force, so its users neither default nor validate again.
type WAN struct {
	Base

	Queues          Queues        `key:"queues"`
	Enabled         bool          `key:"continuous_monitoring.enabled" default:"true" doc:"False ends 'wanctl shape' at once, with a message."`
	BaselineInitial time.Duration `key:"continuous_monitoring.baseline_rtt_initial" kind:"millis" range:"1..1000" derived:"learned" doc:"Round-trip time of the idle line to start from, until it is measured."`
	Interval        time.Duration `key:"continuous_monitoring.interval" kind:"duration" range:"10..5000" default:"50ms" doc:"Time between two probes of one reflector, and between two steps of the loop."`
	Download        Direction     `key:"continuous_monitoring.download"`
	Upload          Direction     `key:"continuous_monitoring.upload"`
	Thresholds      Thresholds    `key:"continuous_monitoring.thresholds"`

	PingHosts     []string `key:"continuous_monitoring.ping_hosts" kind:"hosts" range:"1..64" default:"1.1.1.1, 8.8.8.8, 9.9.9.9, 208.67.222.222, 94.140.14.14, 64.6.64.6, 185.228.168.9" doc:"Reflectors to measure, in order of preference. Three of different operators are used, and their median ignores one that misbehaves. The others get a probe a second together; one of them replaces a reflector that stops answering, is noisy or disagrees with the others."`
	_             struct{} `key:"continuous_monitoring.use_median_of_three" kind:"bool" derived:"without effect" doc:"Has no effect any more: reflectors are always combined, by the median of three or more and the smaller of two."` // see warnMedian
	PingInterface string   `key:"continuous_monitoring.ping_interface" kind:"interface" derived:"the kernel's route" doc:"Interface of this host that probes leave by, so that they take this WAN."`
	PingSource    string   `key:"continuous_monitoring.ping_source" kind:"address" derived:"the kernel's choice" doc:"Source address of probes, for a router that routes by source."`
	PingMark      uint32   `key:"continuous_monitoring.ping_mark" kind:"mark" range:"0..4294967295" derived:"no mark" doc:"Mark of probes (fwmark, SO_MARK), for a rule of 'ip rule' on this host that sends them to this WAN; 0 is none. It needs CAP_NET_RAW, before Linux 5.17 CAP_NET_ADMIN."`
	ProbeDataMB   int      `key:"continuous_monitoring.probe_data_mb_per_day" kind:"int" range:"50..1000000" derived:"no cap" doc:"Most that probes may carry in 24 hours, in MB, both directions together, for a line that is metered. While it is spent, probes are as slow as on an idle line, and slower below 150 MB: queues are noticed late then, and limits may fall far. TCP probes do not count."`
	Fallback      Fallback `key:"continuous_monitoring.fallback_checks"`

	MetricsDetail MetricsDetail `key:"metrics.detail" kind:"enum" values:"full,fleet" default:"full" doc:"Which metrics there are of this WAN: full, or the 20 series that many WANs are watched by."`

	_ struct{} `key:"ping_source_ip" kind:"address" alias:"continuous_monitoring.ping_source"`
	_ struct{} `key:"continuous_monitoring.cake_stats_cadence_sec" kind:"any" deprecated:"it was how often counters of CAKE on a Linux host were read; those of the router's queues are read as often as the router answers quickly"`
	_ struct{} `key:"cake_params" kind:"any" deprecated:"it set up CAKE on a Linux host; queues of the router are limited here, which router.transport rest, api or ssh reaches"`
	_ struct{} `key:"cake_signal" kind:"any" deprecated:"it read drops and backlog of CAKE on a Linux host; the law uses the delay and the router's counters"`
	_ struct{} `key:"cake_optimization" kind:"any" deprecated:"it was what a check of the router's queue types expected; 'wanctl router export --diff' compares them"`
	_ struct{} `key:"signal_processing" kind:"any" deprecated:"it filtered outliers of the round-trip time, and the law filters noise by how likely it is"`
	_ struct{} `key:"irtt" kind:"any" deprecated:"it measured by a server of its own; one-way delays come from reflectors that answer timestamp requests"`
	_ struct{} `key:"owd_asymmetry" kind:"any" deprecated:"it distinguished the directions by irtt; one-way delays come from reflectors that answer timestamp requests"`
	_ struct{} `key:"fusion" kind:"any" deprecated:"it weighed irtt against ping; reflectors are combined by their median"`
	_ struct{} `key:"reflector_quality" kind:"any" deprecated:"it was how ping_hosts were rated, which needs no settings"`
	_ struct{} `key:"tuning" kind:"any" deprecated:"it changed thresholds at run time, and the law learns noise and capacity itself"`
}

// MetricsDetail is how much the metrics say about a WAN.
type MetricsDetail string

// The sets of metrics.
const (
	FullMetrics  MetricsDetail = "full"
	FleetMetrics MetricsDetail = "fleet"
)

// Queues names what is shaped on the router: queues of the tree, of which one may
// be "", or one simple queue for both directions. It also names the queue types that
// are written together with the limits; "" leaves the type of a queue alone.
type Queues struct {
	Download     string `key:"download" kind:"router_name" derived:"not limited" doc:"Queue of the router's queue tree that limits the download. Without it, simple names one, or the download is not limited."`
	Upload       string `key:"upload" kind:"router_name" derived:"not limited" doc:"Queue of the router's queue tree that limits the upload. Without it, simple names one, or the upload is not limited."`
	Simple       string `key:"simple" kind:"router_name" derived:"download and upload" doc:"One simple queue that limits both directions, in place of download and upload, or one of them where the section of the other is absent from continuous_monitoring."`
	Target       Target `key:"target" kind:"enum" values:"lan,wan" derived:"read from the router" doc:"Which number of a simple queue's A/B is the download: A is what its target sends, so with the LAN as target B is the download, and with the port to the provider A is. It is read from the router where the target is the interface of a default route, a private network or a bridge, and required otherwise."`
	DownloadType string `key:"download_type" kind:"router_name" derived:"the queue keeps its type" doc:"Queue type written together with the download limit."`
	UploadType   string `key:"upload_type" kind:"router_name" derived:"the queue keeps its type" doc:"Queue type written together with the upload limit."`
}

// Controlled reports of the download and the upload whether their limits are set.
func (w *WAN) Controlled() [2]bool {
	simple := w.Queues.Simple != ""
	return [2]bool{
		w.Download.Ceiling > 0 && (simple || w.Queues.Download != ""),
		w.Upload.Ceiling > 0 && (simple || w.Queues.Upload != ""),
	}
}

// Target is the kind of target that a simple queue has.
type Target string

// Targets of simple queues.
const (
	TargetLAN Target = "lan"
	TargetWAN Target = "wan"
)

// Direction bounds the limit of one direction:
// FloorRed <= FloorSoftRed <= FloorYellow <= FloorGreen <= Ceiling.
type Direction struct {
	Ceiling      bitrate.Rate `key:"ceiling_mbps" kind:"mbps" range:"0.1..100000" usual:"0.1..10000" required:"section" doc:"The limit never rises above this: what the line carries on a good day."`
	_            struct{}     `key:"floor_mbps" kind:"mbps" range:"0.1..100000" derived:"the four floors" doc:"The limit never falls below this, in any state, so that it should lie below what the line gives on its worst evening; one of this and the four floors is required."`
	FloorGreen   bitrate.Rate `key:"floor_green_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state GREEN; at most the ceiling."`
	FloorYellow  bitrate.Rate `key:"floor_yellow_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state YELLOW; at most floor_green_mbps."`
	FloorSoftRed bitrate.Rate `key:"floor_soft_red_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_yellow_mbps" doc:"Lowest limit in state SOFT_RED; at most floor_yellow_mbps."`
	FloorRed     bitrate.Rate `key:"floor_red_mbps" kind:"mbps" range:"0.1..100000" derived:"floor_mbps" doc:"Lowest limit in state RED, and so of all; at most floor_soft_red_mbps."`

	_ struct{} `key:"step_up_mbps" kind:"mbps" range:"0.1..100" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"factor_down" kind:"number" range:"0.1..1" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"factor_down_yellow" kind:"number" range:"0.8..1" deprecated:"the law finds capacity and step sizes itself"`
	_ struct{} `key:"green_required" kind:"int" range:"1..10" deprecated:"the law finds capacity and step sizes itself"`

	_ struct{} `key:"target_bloat_ms" kind:"any" deprecated:"it was a threshold of one direction; thresholds.target_bloat_ms is for both"`
	_ struct{} `key:"warn_bloat_ms" kind:"any" deprecated:"it was a threshold of one direction; thresholds.warn_bloat_ms is for both"`
	_ struct{} `key:"consecutive_yellow_decay_clamp" kind:"any" deprecated:"it bounded the number of cuts in a row, and the law finds capacity and step sizes itself"`
	_ struct{} `key:"docsis_mode" kind:"any" deprecated:"it held the upload at a rate below the ceiling, and the law finds the capacity itself"`
	_ struct{} `key:"setpoint_mbps" kind:"any" deprecated:"it was the rate of docsis_mode, and the law finds the capacity itself"`
	_ struct{} `key:"integral_window_seconds" kind:"any" deprecated:"it tuned docsis_mode, and the law finds the capacity itself"`
	_ struct{} `key:"integral_threshold_ms_s" kind:"any" deprecated:"it tuned docsis_mode, and the law finds the capacity itself"`
	_ struct{} `key:"cake_backlog_low_threshold_bytes" kind:"any" deprecated:"it tuned docsis_mode, and the law finds the capacity itself"`
	_ struct{} `key:"cake_delay_delta_low_threshold_us" kind:"any" deprecated:"it tuned docsis_mode, and the law finds the capacity itself"`
}

// Thresholds are on the delay above the idle baseline, apart from
// BaselineMin < BaselineMax, which bound the baseline itself.
// TargetBloat < WarnBloat < HardRedBloat.
type Thresholds struct {
	TargetBloat      time.Duration `key:"target_bloat_ms" kind:"millis" range:"1..100" default:"15" doc:"Delay above the baseline that is still GREEN."`
	WarnBloat        time.Duration `key:"warn_bloat_ms" kind:"millis" range:"1..200" default:"45" doc:"Delay above the baseline where SOFT_RED begins; above target_bloat_ms."`
	HardRedBloat     time.Duration `key:"hard_red_bloat_ms" kind:"millis" range:"1..1000" default:"80" doc:"Delay above the baseline where RED begins; above warn_bloat_ms."`
	LoadTimeConstant time.Duration `key:"load_time_constant_sec" kind:"seconds" range:"0.05..10" default:"0.25" doc:"Time constant with which the states (GREEN .. RED) follow the delay."`

	_ struct{} `key:"alpha_load" kind:"number" range:"0.00001..1" derived:"load_time_constant_sec decides" doc:"Older form of load_time_constant_sec: the weight of one sample of 50 ms."`
	_ struct{} `key:"baseline_time_constant_sec" kind:"seconds" range:"1..600" deprecated:"the baseline is the lowest round-trip time of the last 30 seconds without load"`
	_ struct{} `key:"alpha_baseline" kind:"number" range:"0.00001..1" deprecated:"the baseline is the lowest round-trip time of the last 30 seconds without load"`
	_ struct{} `key:"baseline_update_threshold_ms" kind:"millis" range:"0.1..100" deprecated:"this threshold follows from the noise the link shows"`
	_ struct{} `key:"accel_threshold_ms" kind:"millis" range:"0.1..1000" deprecated:"this threshold follows from the noise the link shows"`

	_ struct{} `key:"dwell_cycles" kind:"any" deprecated:"it was how many cycles the delay had to stay above target_bloat_ms before YELLOW, and the law filters noise by how likely it is"`
	_ struct{} `key:"deadband_ms" kind:"any" deprecated:"it was how far below target_bloat_ms the delay had to fall before GREEN, and load_time_constant_sec smooths the states"`

	_ struct{} `key:"suppression_alert_threshold" kind:"any" deprecated:"it was how many suppressed state changes a minute raised an alert, and none are suppressed"`

	BaselineMin time.Duration `key:"baseline_rtt_bounds.min" kind:"millis" range:"0.1..1000" default:"1" doc:"Lowest plausible baseline."`
	BaselineMax time.Duration `key:"baseline_rtt_bounds.max" kind:"millis" range:"0.1..1000" usual:"5..1000" default:"500" doc:"Highest plausible baseline; above baseline_rtt_bounds.min."`
}

// Fallback says what to check, and to do, when no reflector answers.
type Fallback struct {
	Enabled      bool         `key:"enabled" default:"true" doc:"When no reflector answers, find out why before acting."`
	CheckGateway bool         `key:"check_gateway" default:"true" doc:"Probe the gateway to see whether this host still reaches the router."`
	CheckTCP     bool         `key:"check_tcp" default:"true" doc:"Open TCP connections to see whether only ICMP is filtered."`
	GatewayIP    string       `key:"gateway_ip" kind:"host" derived:"the gateway of the default route" doc:"Gateway to probe."`
	TCPTargets   []string     `key:"tcp_targets" kind:"targets" range:"0..16" default:"1.1.1.1:443, 8.8.8.8:443" doc:"Hosts and ports for these connections."`
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
