package config

import "time"

// Steering is the configuration of the steering daemon, complete and checked:
// every field holds the value in force.
type Steering struct {
	Base `defaults:"health_check.port=9102"`

	// The files of the WANs are absolute paths; see LoadWANs.
	Primary         string `key:"topology.primary_wan" kind:"identifier" required:"true" doc:"WAN that new connections leave while it is congested, by its wan_name."`
	PrimaryConfig   string `key:"topology.primary_wan_config" kind:"path" derived:"not read" doc:"Configuration of the primary WAN: its queues and its state file are taken from there; relative to the directory of this file."`
	Alternate       string `key:"topology.alternate_wan" kind:"identifier" required:"true" doc:"WAN that new connections are steered to, by its wan_name."`
	AlternateConfig string `key:"topology.alternate_wan_config" kind:"path" derived:"not read" doc:"Configuration of the alternate WAN; its loop is queried, and nothing is steered to a WAN that is congested or down."`

	Rule         string   `key:"mangle_rule.comment" kind:"router_name" required:"true" doc:"Comment of the one mangle rule that is enabled to steer; compared exactly, and no two rules may have it."`
	ForceOut     string   `key:"address_lists.force_out" kind:"identifier" derived:"FORCE_OUT_ and alternate_wan in upper case" doc:"Address list whose members always leave by the alternate WAN; shown beside the rule, never changed."`
	PrimaryState string   `key:"cake_state_sources.primary" kind:"path" derived:"state file of primary_wan_config" doc:"State file of the primary WAN's loop: its baseline is used while that loop does not run; without one, ping_host is measured."`
	_            struct{} `key:"cake_state_sources.spectrum" kind:"path" alias:"cake_state_sources.primary"`

	// Without queues, steering decides by round-trip time alone.
	PrimaryDownload string   `key:"cake_queues.primary_download" kind:"router_name" derived:"queue of primary_wan_config" doc:"Download queue of the primary WAN, whose drops and depth show congestion; without queues, round-trip time alone decides."`
	PrimaryUpload   string   `key:"cake_queues.primary_upload" kind:"router_name" derived:"queue of primary_wan_config" doc:"Upload queue of the primary WAN."`
	_               struct{} `key:"cake_queues.spectrum_download" kind:"router_name" alias:"cake_queues.primary_download"`
	_               struct{} `key:"cake_queues.spectrum_upload" kind:"router_name" alias:"cake_queues.primary_upload"`

	_ struct{} `key:"wan_state" kind:"any" deprecated:"it added the state of the primary WAN's loop to the score; that loop is asked directly, and nothing needs to be set"`
	_ struct{} `key:"capacity_protection" kind:"any" deprecated:"it was to reserve bandwidth of the alternate WAN and had no effect"`

	Interval  time.Duration `key:"measurement.interval_seconds" kind:"seconds" range:"0.01..60" usual:"0.01..10" default:"0.5" doc:"Time between two assessments of the primary WAN."`
	PingHost  string        `key:"measurement.ping_host" kind:"host" default:"1.1.1.1" doc:"Reflector to measure while the primary WAN's loop does not run; it must be reached by that WAN."`
	PingCount int           `key:"measurement.ping_count" range:"1..20" default:"3" doc:"Probes per assessment in that case."`

	Assess     SteeringThresholds `key:"thresholds"`
	Mode       SteeringMode       `key:"mode"`
	Confidence Confidence         `key:"confidence"`

	_       struct{} `key:"state.file" kind:"path" alias:"state_file"`
	History int      `key:"state.history_size" range:"1..3000" default:"240" doc:"Samples and transitions kept in the state file."`
}

// SteeringThresholds are what one sample is judged by.
type SteeringThresholds struct {
	GreenRTT  time.Duration `key:"green_rtt_ms" kind:"millis" range:"0.1..1000" default:"5" doc:"A sample is GREEN while the delay above the baseline is below this; less than yellow_rtt_ms."`
	YellowRTT time.Duration `key:"yellow_rtt_ms" kind:"millis" range:"0.1..1000" default:"15" doc:"Delay above the baseline where YELLOW begins; at most red_rtt_ms."`
	RedRTT    time.Duration `key:"red_rtt_ms" kind:"millis" range:"0.1..1000" default:"15" doc:"Delay above the baseline where RED begins, once drops or a queue confirm it; four times that is RED by itself."`

	MinDropsRed    int `key:"min_drops_red" range:"0..1000000" default:"1" doc:"Packets dropped by CAKE since the previous sample that confirm RED; 0 needs no confirmation."`
	MinQueueYellow int `key:"min_queue_yellow" range:"1..1000000" default:"10" doc:"Packets queued where YELLOW begins; at most min_queue_red."`
	MinQueueRed    int `key:"min_queue_red" range:"1..1000000" default:"50" doc:"Packets queued that confirm RED without drops."`

	RedSamples   int `key:"red_samples_required" range:"1..1000" default:"2" doc:"RED samples in a row before connections are steered."`
	GreenSamples int `key:"green_samples_required" range:"1..10000" default:"15" doc:"GREEN samples in a row before they return."`

	RTTAlpha   float64 `key:"rtt_ewma_alpha" kind:"number" range:"0.001..1" default:"0.3" doc:"Weight of the newest sample in the smoothed delay."`
	QueueAlpha float64 `key:"queue_ewma_alpha" kind:"number" range:"0.001..1" default:"0.4" doc:"Weight of the newest sample in the smoothed queue depth."`

	BaselineMin time.Duration `key:"baseline_rtt_bounds.min" kind:"millis" range:"0.1..1000" default:"1" doc:"Lowest plausible baseline."`
	BaselineMax time.Duration `key:"baseline_rtt_bounds.max" kind:"millis" range:"0.1..1000" usual:"5..1000" default:"500" doc:"Highest plausible baseline; above baseline_rtt_bounds.min."`

	Bad         time.Duration `key:"bad_threshold_ms" kind:"millis" range:"0.1..1000" default:"25" doc:"With mode.cake_aware false: delay above the baseline from which a sample is bad."`
	Recovery    time.Duration `key:"recovery_threshold_ms" kind:"millis" range:"0.1..1000" default:"12" doc:"With mode.cake_aware false: delay below which a sample is good; less than bad_threshold_ms."`
	BadSamples  int           `key:"bad_samples" range:"1..1000" default:"8" doc:"With mode.cake_aware false: bad samples in a row before connections are steered."`
	GoodSamples int           `key:"good_samples" range:"1..10000" default:"15" doc:"With mode.cake_aware false: good samples in a row before they return."`
}

// SteeringMode says how samples are judged.
type SteeringMode struct {
	CakeAware  bool     `key:"cake_aware" default:"true" doc:"Assess by delay, drops and queue depth; false assesses by delay alone, with bad_threshold_ms and recovery_threshold_ms."`
	Yellow     bool     `key:"enable_yellow_state" default:"true" doc:"Distinguish YELLOW, early congestion, from GREEN: it steers nothing, but interrupts a row of GREEN samples."`
	Confidence bool     `key:"use_confidence_scoring" default:"false" doc:"Weigh all signs of congestion into a score of 0 to 100, see confidence."`
	_          struct{} `key:"reset_counters" kind:"bool" deprecated:"counters are never reset, but compared with those of the sample before"`
}

// Confidence is the scoring of congestion and the brakes on switching. Hold-down
// and flap detection apply in every mode.
type Confidence struct {
	SteerThreshold    int           `key:"steer_threshold" range:"1..100" default:"55" doc:"Score from which connections are steered."`
	RecoveryThreshold int           `key:"recovery_threshold" range:"0..99" default:"20" doc:"Score down to which they return; below steer_threshold."`
	Sustain           time.Duration `key:"sustain_duration_sec" kind:"seconds" range:"0..3600" usual:"0..300" default:"2" doc:"How long the score must stay that high."`
	RecoverySustain   time.Duration `key:"recovery_sustain_sec" kind:"seconds" range:"0..3600" usual:"0..300" default:"3" doc:"How long the score must stay that low."`
	HoldDown          time.Duration `key:"hold_down_duration_sec" kind:"seconds" range:"1..86400" usual:"1..3600" default:"30" doc:"Time after a change of the rule in which it does not change again; applies without scoring too."`

	FlapDetection    bool          `key:"flap_detection_enabled" default:"true" doc:"Suspend changes when the rule changes too often, until the window has passed; applies without scoring too."`
	FlapWindow       time.Duration `key:"flap_window_minutes" kind:"minutes" range:"0.1..1440" usual:"0.1..120" default:"5" doc:"Window in which changes are counted."`
	MaxToggles       int           `key:"max_toggles" range:"1..1000" default:"4" doc:"Changes within the window that suspend further ones."`
	Penalty          time.Duration `key:"penalty_duration_sec" kind:"seconds" range:"1..86400" usual:"1..3600" default:"60" doc:"How long steer_threshold stays raised afterwards."`
	PenaltyThreshold int           `key:"penalty_threshold_add" range:"0..100" default:"15" doc:"Amount added to steer_threshold meanwhile."`

	DryRun bool `key:"dry_run" default:"true" doc:"Only report what the score would decide; the counts of samples still decide."`
}
