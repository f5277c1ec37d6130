package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// wanKeys is the table of a WAN's file.
func wanKeys() []schema.Bound[WAN] {
	keys := baseKeys(func(w *WAN) *Base { return &w.Base }, "9101")
	keys = append(keys, []schema.Bound[WAN]{
		{Key: schema.Key{Name: "queues.download", Type: schema.Identifier, Required: true,
			Doc: "Queue of the router's queue tree that limits the download."},
			Field: func(w *WAN) any { return &w.Queues.Download }},
		{Key: schema.Key{Name: "queues.upload", Type: schema.Identifier, Required: true,
			Doc: "Queue of the router's queue tree that limits the upload."},
			Field: func(w *WAN) any { return &w.Queues.Upload }},
		{Key: schema.Key{Name: "queues.download_type", Type: schema.Identifier, Derived: "the queue keeps its type",
			Doc: "Queue type written together with the download limit."},
			Field: func(w *WAN) any { return &w.Queues.DownloadType }},
		{Key: schema.Key{Name: "queues.upload_type", Type: schema.Identifier, Derived: "the queue keeps its type",
			Doc: "Queue type written together with the upload limit."},
			Field: func(w *WAN) any { return &w.Queues.UploadType }},
		{Key: schema.Key{Name: "continuous_monitoring.enabled", Type: schema.Bool, Default: "true",
			Doc: "False ends 'wanctl shape' at once, with a message."},
			Field: func(w *WAN) any { return &w.Enabled }},
		{Key: schema.Key{Name: "continuous_monitoring.baseline_rtt_initial", Type: schema.Millis, Min: 1, Max: 500, Required: true,
			Doc: "Round-trip time of the idle line, to start from until it is measured."},
			Field: func(w *WAN) any { return &w.BaselineInitial }},
		{Key: schema.Key{Name: "continuous_monitoring.interval", Type: schema.Duration, Min: 10, Max: 5000, Default: "50ms",
			Doc: "Time between two probes of one reflector, and of the loop."},
			Field: func(w *WAN) any { return &w.Interval }},
	}...)
	keys = append(keys, directionKeys("download", func(w *WAN) *Direction { return &w.Download })...)
	keys = append(keys, directionKeys("upload", func(w *WAN) *Direction { return &w.Upload })...)
	keys = append(keys, thresholdKeys(func(w *WAN) *Thresholds { return &w.Thresholds })...)
	return append(keys, measureKeys()...)
}

func directionKeys(name string, direction func(*WAN) *Direction) []schema.Bound[WAN] {
	in := func(k schema.Key, field func(*Direction) any) schema.Bound[WAN] {
		k.Name = "continuous_monitoring." + name + "." + k.Name
		return schema.Bound[WAN]{Key: k, Field: func(w *WAN) any { return field(direction(w)) }}
	}
	old := func(k schema.Key) schema.Bound[WAN] {
		k.Name = "continuous_monitoring." + name + "." + k.Name
		return idle[WAN](k, whySteps)
	}
	one := schema.Bound[WAN]{Key: schema.Key{Name: "continuous_monitoring." + name + ".floor_mbps", Type: schema.Mbps, Min: 0.1, Max: 100000,
		Derived: "the four floors",
		Doc:     "The limit never falls below this, in any state; one of this and the four floors is required."}}
	return []schema.Bound[WAN]{
		in(schema.Key{Name: "ceiling_mbps", Type: schema.Mbps, Min: 1, Max: 100000, Required: true,
			Doc: "The limit never rises above this: what the line carries on a good day."},
			func(d *Direction) any { return &d.Ceiling }),
		one,
		in(schema.Key{Name: "floor_green_mbps", Type: schema.Mbps, Min: 0.1, Max: 100000, Derived: "floor_mbps",
			Doc: "Lowest limit in state GREEN; at most the ceiling."},
			func(d *Direction) any { return &d.FloorGreen }),
		in(schema.Key{Name: "floor_yellow_mbps", Type: schema.Mbps, Min: 0.1, Max: 100000, Derived: "floor_mbps",
			Doc: "Lowest limit in state YELLOW; at most floor_green_mbps."},
			func(d *Direction) any { return &d.FloorYellow }),
		in(schema.Key{Name: "floor_soft_red_mbps", Type: schema.Mbps, Min: 0.1, Max: 100000, Derived: "floor_yellow_mbps",
			Doc: "Lowest limit in state SOFT_RED; at most floor_yellow_mbps."},
			func(d *Direction) any { return &d.FloorSoftRed }),
		in(schema.Key{Name: "floor_red_mbps", Type: schema.Mbps, Min: 0.1, Max: 100000, Derived: "floor_mbps",
			Doc: "Lowest limit in state RED, and so of all; at most floor_soft_red_mbps."},
			func(d *Direction) any { return &d.FloorRed }),
		old(schema.Key{Name: "step_up_mbps", Type: schema.Mbps, Min: 0.1, Max: 100}),
		old(schema.Key{Name: "factor_down", Type: schema.Number, Min: 0.1, Max: 1}),
		old(schema.Key{Name: "factor_down_yellow", Type: schema.Number, Min: 0.8, Max: 1}),
		old(schema.Key{Name: "green_required", Type: schema.Int, Min: 1, Max: 10}),
	}
}

func thresholdKeys(thresholds func(*WAN) *Thresholds) []schema.Bound[WAN] {
	in := func(k schema.Key, field func(*Thresholds) any) schema.Bound[WAN] {
		k.Name = "continuous_monitoring.thresholds." + k.Name
		return schema.Bound[WAN]{Key: k, Field: func(w *WAN) any { return field(thresholds(w)) }}
	}
	old := func(k schema.Key, why string) schema.Bound[WAN] {
		k.Name = "continuous_monitoring.thresholds." + k.Name
		return idle[WAN](k, why)
	}
	alpha := schema.Bound[WAN]{Key: schema.Key{Name: "continuous_monitoring.thresholds.alpha_load", Type: schema.Number, Min: 0.00001, Max: 1,
		Derived: "load_time_constant_sec decides",
		Doc:     "Older form of load_time_constant_sec: the weight of one sample of 50 ms."}}
	return []schema.Bound[WAN]{
		in(schema.Key{Name: "target_bloat_ms", Type: schema.Millis, Min: 1, Max: 100, Default: "15",
			Doc: "Delay above the baseline that is still GREEN."},
			func(t *Thresholds) any { return &t.TargetBloat }),
		in(schema.Key{Name: "warn_bloat_ms", Type: schema.Millis, Min: 1, Max: 200, Default: "45",
			Doc: "Delay above the baseline where SOFT_RED begins; above target_bloat_ms."},
			func(t *Thresholds) any { return &t.WarnBloat }),
		in(schema.Key{Name: "hard_red_bloat_ms", Type: schema.Millis, Min: 1, Max: 1000, Default: "80",
			Doc: "Delay above the baseline where RED begins; above warn_bloat_ms."},
			func(t *Thresholds) any { return &t.HardRedBloat }),
		in(schema.Key{Name: "load_time_constant_sec", Type: schema.Seconds, Min: 0.05, Max: 10, Default: "0.25",
			Doc: "How slowly the states (GREEN .. RED) follow the delay."},
			func(t *Thresholds) any { return &t.LoadTimeConstant }),
		alpha,
		old(schema.Key{Name: "baseline_time_constant_sec", Type: schema.Seconds, Min: 1, Max: 600}, whyBaseline),
		old(schema.Key{Name: "alpha_baseline", Type: schema.Number, Min: 0.00001, Max: 1}, whyBaseline),
		old(schema.Key{Name: "baseline_update_threshold_ms", Type: schema.Millis, Min: 0.1, Max: 100}, whyThreshold),
		old(schema.Key{Name: "accel_threshold_ms", Type: schema.Millis, Min: 0.1, Max: 1000}, whyThreshold),
		in(schema.Key{Name: "baseline_rtt_bounds.min", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "1",
			Doc: "The baseline is never believed to be below this."},
			func(t *Thresholds) any { return &t.BaselineMin }),
		in(schema.Key{Name: "baseline_rtt_bounds.max", Type: schema.Millis, Min: 0.1, Max: 1000, Default: "500",
			Doc: "The baseline is never believed to be above this; above baseline_rtt_bounds.min."},
			func(t *Thresholds) any { return &t.BaselineMax }),
	}
}

func measureKeys() []schema.Bound[WAN] {
	in := func(k schema.Key, field func(*WAN) any) schema.Bound[WAN] {
		k.Name = "continuous_monitoring." + k.Name
		return schema.Bound[WAN]{Key: k, Field: field}
	}
	return []schema.Bound[WAN]{
		in(schema.Key{Name: "ping_hosts", Type: schema.HostList, Min: 1, Max: 16, Default: "1.1.1.1, 8.8.8.8, 9.9.9.9",
			Doc: "Reflectors to measure; three of three operators outvote one that misbehaves."},
			func(w *WAN) any { return &w.PingHosts }),
		// Worth a warning only where it asks for something else: see doubtMedian.
		{Key: schema.Key{Name: "continuous_monitoring.use_median_of_three", Type: schema.Bool,
			Derived: withoutEffect, Doc: noEffectDoc(whyMedian)}},
		in(schema.Key{Name: "ping_interface", Type: schema.Interface, Derived: "the kernel's route",
			Doc: "Interface of this host that probes leave by, so that they take this WAN."},
			func(w *WAN) any { return &w.PingInterface }),
		in(schema.Key{Name: "ping_source", Type: schema.Address, Derived: "the kernel's choice",
			Doc: "Source address of probes, for a router that routes by source."},
			func(w *WAN) any { return &w.PingSource }),
		in(schema.Key{Name: "fallback_checks.enabled", Type: schema.Bool, Default: "true",
			Doc: "When no reflector answers, find out why before acting."},
			func(w *WAN) any { return &w.Fallback.Enabled }),
		in(schema.Key{Name: "fallback_checks.check_gateway", Type: schema.Bool, Default: "true",
			Doc: "Probe the gateway, which tells whether this host still reaches the router."},
			func(w *WAN) any { return &w.Fallback.CheckGateway }),
		in(schema.Key{Name: "fallback_checks.check_tcp", Type: schema.Bool, Default: "true",
			Doc: "Open TCP connections, which tells whether ICMP alone is filtered."},
			func(w *WAN) any { return &w.Fallback.CheckTCP }),
		in(schema.Key{Name: "fallback_checks.gateway_ip", Type: schema.Host, Derived: "the gateway of the default route",
			Doc: "Gateway to probe."},
			func(w *WAN) any { return &w.Fallback.GatewayIP }),
		in(schema.Key{Name: "fallback_checks.tcp_targets", Type: schema.TargetList, Min: 0, Max: 16, Default: "1.1.1.1:443, 8.8.8.8:443",
			Doc: "Where to open TCP connections."},
			func(w *WAN) any { return &w.Fallback.TCPTargets }),
		in(schema.Key{Name: "fallback_checks.fallback_mode", Type: schema.Enum, Default: "graceful_degradation",
			Values: []string{"graceful_degradation", "freeze", "use_last_rtt"},
			Doc:    "While ICMP has not been answered for a second: graceful_degradation measures by TCP connections, freeze holds the limits until three replies have come, use_last_rtt until one has."},
			func(w *WAN) any { return &w.Fallback.Mode }),
		idle[WAN](schema.Key{Name: "continuous_monitoring.fallback_checks.max_fallback_cycles", Type: schema.Int, Min: 1, Max: 1000000},
			whyMaxCycles),
	}
}
