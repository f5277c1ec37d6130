package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// steeringKeys is the table of the steering file.
func steeringKeys() []schema.Bound[Steering] {
	keys := baseKeys(func(s *Steering) *Base { return &s.Base }, "9102")
	keys = append(keys, []schema.Bound[Steering]{
		{Key: schema.Key{Name: "topology.primary_wan", Type: schema.Identifier, Required: true,
			Doc: "WAN that new connections leave while it is congested, by its wan_name."},
			Field: func(s *Steering) any { return &s.Primary }},
		{Key: schema.Key{Name: "topology.primary_wan_config", Type: schema.Path, Derived: "not read",
			Doc: "Configuration of the primary WAN: its queues and its state file are taken from there; relative to the directory of this file."},
			Field: func(s *Steering) any { return &s.PrimaryConfig }},
		{Key: schema.Key{Name: "topology.alternate_wan", Type: schema.Identifier, Required: true,
			Doc: "WAN that new connections are steered to, by its wan_name."},
			Field: func(s *Steering) any { return &s.Alternate }},
		{Key: schema.Key{Name: "topology.alternate_wan_config", Type: schema.Path, Derived: "not read",
			Doc: "Configuration of the alternate WAN, whose loop is asked how it is; nothing is steered to a WAN that is congested or down."},
			Field: func(s *Steering) any { return &s.AlternateConfig }},
		{Key: schema.Key{Name: "mangle_rule.comment", Type: schema.Comment, Required: true,
			Doc: "Comment of the one mangle rule that is enabled to steer; compared exactly, and no two rules may have it."},
			Field: func(s *Steering) any { return &s.Rule }},
		{Key: schema.Key{Name: "address_lists.force_out", Type: schema.Identifier, Derived: "FORCE_OUT_ and alternate_wan in upper case",
			Doc: "Address list whose members always leave by the alternate WAN; shown beside the rule, never changed."},
			Field: func(s *Steering) any { return &s.ForceOut }},
		{Key: schema.Key{Name: "cake_state_sources.primary", Type: schema.Path, Derived: "state file of primary_wan_config",
			Doc: "State file of the primary WAN's loop: its baseline is used while that loop does not run; without one, ping_host is measured."},
			Field: func(s *Steering) any { return &s.PrimaryState }},
		alias(schema.Key{Name: "cake_state_sources.spectrum", Type: schema.Path}, "cake_state_sources.primary"),
		{Key: schema.Key{Name: "cake_queues.primary_download", Type: schema.Identifier, Derived: "queue of primary_wan_config",
			Doc: "Download queue of the primary WAN, whose drops and depth tell of congestion; without queues, round-trip time alone decides."},
			Field: func(s *Steering) any { return &s.PrimaryDownload }},
		{Key: schema.Key{Name: "cake_queues.primary_upload", Type: schema.Identifier, Derived: "queue of primary_wan_config",
			Doc: "Upload queue of the primary WAN."},
			Field: func(s *Steering) any { return &s.PrimaryUpload }},
		alias(schema.Key{Name: "cake_queues.spectrum_download", Type: schema.Identifier}, "cake_queues.primary_download"),
		alias(schema.Key{Name: "cake_queues.spectrum_upload", Type: schema.Identifier}, "cake_queues.primary_upload"),
		{Key: schema.Key{Name: "measurement.interval_seconds", Type: schema.Seconds, Min: 0.01, Max: 60, Default: "0.5",
			Doc: "Time between two assessments of the primary WAN."},
			Field: func(s *Steering) any { return &s.Interval }},
		{Key: schema.Key{Name: "measurement.ping_host", Type: schema.Host, Default: "1.1.1.1",
			Doc: "Reflector to measure while the primary WAN's loop does not run; it must be reached by that WAN."},
			Field: func(s *Steering) any { return &s.PingHost }},
		{Key: schema.Key{Name: "measurement.ping_count", Type: schema.Int, Min: 1, Max: 20, Default: "3",
			Doc: "Probes for each assessment, then."},
			Field: func(s *Steering) any { return &s.PingCount }},
	}...)
	keys = append(keys, assessKeys()...)
	keys = append(keys, modeKeys()...)
	keys = append(keys, confidenceKeys()...)
	return append(keys,
		alias(schema.Key{Name: "state.file", Type: schema.Path}, "state_file"),
		schema.Bound[Steering]{Key: schema.Key{Name: "state.history_size", Type: schema.Int, Min: 1, Max: 3000, Default: "240",
			Doc: "Samples and transitions kept in the state file."},
			Field: func(s *Steering) any { return &s.History }})
}

// alias is another name of a key. A rule reads it; see rules.alias.
func alias(k schema.Key, of string) schema.Bound[Steering] {
	k.Derived, k.Doc = of, "Another name of "+of+"."
	return schema.Bound[Steering]{Key: k}
}

func assessKeys() []schema.Bound[Steering] {
	in := func(k schema.Key, field func(*SteeringThresholds) any) schema.Bound[Steering] {
		k.Name = "thresholds." + k.Name
		return schema.Bound[Steering]{Key: k, Field: func(s *Steering) any { return field(&s.Assess) }}
	}
	return []schema.Bound[Steering]{
		in(schema.Key{Name: "green_rtt_ms", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "5",
			Doc: "A sample is GREEN while the delay above the baseline is below this; less than yellow_rtt_ms."},
			func(t *SteeringThresholds) any { return &t.GreenRTT }),
		in(schema.Key{Name: "yellow_rtt_ms", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "15",
			Doc: "Delay above the baseline where YELLOW begins; at most red_rtt_ms."},
			func(t *SteeringThresholds) any { return &t.YellowRTT }),
		in(schema.Key{Name: "red_rtt_ms", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "15",
			Doc: "Delay above the baseline where RED begins, once drops or a queue confirm it; four times that is RED by itself."},
			func(t *SteeringThresholds) any { return &t.RedRTT }),
		in(schema.Key{Name: "min_drops_red", Type: schema.Int, Min: 0, Max: 1000000, Default: "1",
			Doc: "Packets that CAKE has dropped since the sample before which confirm RED; with 0 it needs no confirmation."},
			func(t *SteeringThresholds) any { return &t.MinDropsRed }),
		in(schema.Key{Name: "min_queue_yellow", Type: schema.Int, Min: 1, Max: 1000000, Default: "10",
			Doc: "Packets queued where YELLOW begins; at most min_queue_red."},
			func(t *SteeringThresholds) any { return &t.MinQueueYellow }),
		in(schema.Key{Name: "min_queue_red", Type: schema.Int, Min: 1, Max: 1000000, Default: "50",
			Doc: "Packets queued which confirm RED without drops."},
			func(t *SteeringThresholds) any { return &t.MinQueueRed }),
		in(schema.Key{Name: "red_samples_required", Type: schema.Int, Min: 1, Max: 1000, Default: "2",
			Doc: "RED samples in a row before connections are steered."},
			func(t *SteeringThresholds) any { return &t.RedSamples }),
		in(schema.Key{Name: "green_samples_required", Type: schema.Int, Min: 1, Max: 10000, Default: "15",
			Doc: "GREEN samples in a row before they come back."},
			func(t *SteeringThresholds) any { return &t.GreenSamples }),
		in(schema.Key{Name: "rtt_ewma_alpha", Type: schema.Number, Min: 0.001, Max: 1, Default: "0.3",
			Doc: "Weight of the newest sample in the smoothed delay."},
			func(t *SteeringThresholds) any { return &t.RTTAlpha }),
		in(schema.Key{Name: "queue_ewma_alpha", Type: schema.Number, Min: 0.001, Max: 1, Default: "0.4",
			Doc: "Weight of the newest sample in the smoothed queue depth."},
			func(t *SteeringThresholds) any { return &t.QueueAlpha }),
		in(schema.Key{Name: "baseline_rtt_bounds.min", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "1",
			Doc: "The baseline is never believed to be below this."},
			func(t *SteeringThresholds) any { return &t.BaselineMin }),
		in(schema.Key{Name: "baseline_rtt_bounds.max", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "500",
			Doc: "The baseline is never believed to be above this; above baseline_rtt_bounds.min."},
			func(t *SteeringThresholds) any { return &t.BaselineMax }),
		in(schema.Key{Name: "bad_threshold_ms", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "25",
			Doc: "With mode.cake_aware false: delay above the baseline from which a sample is bad."},
			func(t *SteeringThresholds) any { return &t.Bad }),
		in(schema.Key{Name: "recovery_threshold_ms", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "12",
			Doc: "With mode.cake_aware false: delay below which a sample is good; less than bad_threshold_ms."},
			func(t *SteeringThresholds) any { return &t.Recovery }),
		in(schema.Key{Name: "bad_samples", Type: schema.Int, Min: 1, Max: 1000, Default: "8",
			Doc: "With mode.cake_aware false: bad samples in a row before connections are steered."},
			func(t *SteeringThresholds) any { return &t.BadSamples }),
		in(schema.Key{Name: "good_samples", Type: schema.Int, Min: 1, Max: 10000, Default: "15",
			Doc: "With mode.cake_aware false: good samples in a row before they come back."},
			func(t *SteeringThresholds) any { return &t.GoodSamples }),
	}
}

func modeKeys() []schema.Bound[Steering] {
	return []schema.Bound[Steering]{
		{Key: schema.Key{Name: "mode.cake_aware", Type: schema.Bool, Default: "true",
			Doc: "Judge by delay, drops and queue depth; false judges by delay alone, by bad_threshold_ms and recovery_threshold_ms."},
			Field: func(s *Steering) any { return &s.Mode.CakeAware }},
		{Key: schema.Key{Name: "mode.enable_yellow_state", Type: schema.Bool, Default: "true",
			Doc: "Tell YELLOW, early congestion, apart from GREEN: it steers nothing, but ends a row of GREEN samples."},
			Field: func(s *Steering) any { return &s.Mode.Yellow }},
		{Key: schema.Key{Name: "mode.use_confidence_scoring", Type: schema.Bool, Default: "false",
			Doc: "Weigh all signs of congestion into a score of 0 to 100, see confidence."},
			Field: func(s *Steering) any { return &s.Mode.Confidence }},
		idle[Steering](schema.Key{Name: "mode.reset_counters", Type: schema.Bool}, whyResetCounters),
	}
}

func confidenceKeys() []schema.Bound[Steering] {
	in := func(k schema.Key, field func(*Confidence) any) schema.Bound[Steering] {
		k.Name = "confidence." + k.Name
		return schema.Bound[Steering]{Key: k, Field: func(s *Steering) any { return field(&s.Confidence) }}
	}
	return []schema.Bound[Steering]{
		in(schema.Key{Name: "steer_threshold", Type: schema.Int, Min: 1, Max: 100, Default: "55",
			Doc: "Score from which connections are steered."},
			func(c *Confidence) any { return &c.SteerThreshold }),
		in(schema.Key{Name: "recovery_threshold", Type: schema.Int, Min: 0, Max: 99, Default: "20",
			Doc: "Score down to which they come back; below steer_threshold."},
			func(c *Confidence) any { return &c.RecoveryThreshold }),
		in(schema.Key{Name: "sustain_duration_sec", Type: schema.Seconds, Min: 0, Max: 3600, Default: "2",
			Doc: "The score must stand that high for so long."},
			func(c *Confidence) any { return &c.Sustain }),
		in(schema.Key{Name: "recovery_sustain_sec", Type: schema.Seconds, Min: 0, Max: 3600, Default: "3",
			Doc: "The score must stand that low for so long."},
			func(c *Confidence) any { return &c.RecoverySustain }),
		in(schema.Key{Name: "hold_down_duration_sec", Type: schema.Seconds, Min: 1, Max: 86400, Default: "30",
			Doc: "After a change of the rule, no other change for so long; holds without scoring too."},
			func(c *Confidence) any { return &c.HoldDown }),
		in(schema.Key{Name: "flap_detection_enabled", Type: schema.Bool, Default: "true",
			Doc: "Brake when the rule changes too often: no change until the window has passed; holds without scoring too."},
			func(c *Confidence) any { return &c.FlapDetection }),
		in(schema.Key{Name: "flap_window_minutes", Type: schema.Minutes, Min: 0.1, Max: 1440, Default: "5",
			Doc: "Changes are counted over this time."},
			func(c *Confidence) any { return &c.FlapWindow }),
		in(schema.Key{Name: "max_toggles", Type: schema.Int, Min: 1, Max: 1000, Default: "4",
			Doc: "Changes within the window before the brake takes hold."},
			func(c *Confidence) any { return &c.MaxToggles }),
		in(schema.Key{Name: "penalty_duration_sec", Type: schema.Seconds, Min: 1, Max: 86400, Default: "60",
			Doc: "How long steer_threshold stays raised after that."},
			func(c *Confidence) any { return &c.Penalty }),
		in(schema.Key{Name: "penalty_threshold_add", Type: schema.Int, Min: 0, Max: 100, Default: "15",
			Doc: "What is added to steer_threshold meanwhile."},
			func(c *Confidence) any { return &c.PenaltyThreshold }),
		in(schema.Key{Name: "dry_run", Type: schema.Bool, Default: "true",
			Doc: "Only tell what the score would decide; the counts of samples decide still."},
			func(c *Confidence) any { return &c.DryRun }),
	}
}
