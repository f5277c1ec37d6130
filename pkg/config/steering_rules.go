package config

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// finishSteering applies the rules that compare several keys of the steering file.
// It does not check keys that have no effect in the chosen mode.
func (v rules) finishSteering(s *Steering) {
	v.finishBase(&s.Base)
	v.finishTopology(s)
	v.finishPrimary(s)
	v.finishAssess(s)
	v.finishConfidence(s)
}

func (v rules) finishTopology(s *Steering) {
	if s.Primary != "" && strings.EqualFold(s.Primary, s.Alternate) {
		v.Errorf("topology.alternate_wan", "%q is the primary WAN too; steering needs another", s.Alternate)
	}
	if s.ForceOut == "" && s.Alternate != "" {
		s.ForceOut = "FORCE_OUT_" + strings.ToUpper(s.Alternate)
		if !isName(s.ForceOut) {
			v.Errorf("address_lists.force_out", "is missing: %s is longer than 64 characters; name the address list here", s.ForceOut)
		}
	}
	for _, path := range []*string{&s.PrimaryConfig, &s.AlternateConfig} {
		if *path != "" {
			*path = namedFile(s.Path, *path)
		}
	}
	// The files of a WAN's loop are made of its name in the same way.
	for _, wan := range []string{s.Primary, s.Alternate} {
		if wan != "" && strings.EqualFold(s.Name, wan) && v.Valid("wan_name") && (!v.IsSet("lock_file") || !v.IsSet("state_file")) {
			v.Errorf("wan_name", "%q is a WAN, whose loop has its own lock and state file of that name; call this something else, such as steering", s.Name)
			break
		}
	}
}

// finishPrimary checks what the file says about the primary WAN.
func (v rules) finishPrimary(s *Steering) {
	const down, up = "cake_queues.primary_download", "cake_queues.primary_upload"
	if s.PrimaryState != "" && s.PrimaryState == s.StateFile && v.Valid("wan_name") {
		v.Errorf("state_file", "%s is that of the primary WAN's loop; steering needs its own", s.StateFile)
	}
	if !v.Valid(down, up) {
		return
	}
	given, missing := down, up
	if s.PrimaryDownload == "" {
		given, missing = up, down
	}
	switch {
	case s.PrimaryDownload != "" && s.PrimaryDownload == s.PrimaryUpload:
		v.Errorf(up, "%q is also the download queue; each direction has its own", s.PrimaryUpload)
	case s.PrimaryConfig != "" || (s.PrimaryDownload != "" && s.PrimaryUpload != ""):
	case v.IsSet(given):
		v.Errorf(missing, "is missing beside %s; name both queues, or give topology.primary_wan_config", given)
	case s.Mode.CakeAware:
		v.Warnf("cake_queues", "no queues of the primary WAN are named, so that round-trip time alone decides; name them, or give topology.primary_wan_config")
	}
}

func (v rules) finishAssess(s *Steering) {
	t := &s.Assess
	delay := func(name string, d interface{ Seconds() float64 }, text string) schema.Limit {
		return schema.Limit{Name: "thresholds." + name, Value: d.Seconds(), Text: text + " ms"}
	}
	count := func(name string, n int) schema.Limit {
		return schema.Limit{Name: "thresholds." + name, Value: float64(n), Text: schema.Decimal(float64(n)) + " packets"}
	}
	if s.Mode.CakeAware {
		yellow := delay("yellow_rtt_ms", t.YellowRTT, millis(t.YellowRTT))
		v.Ascending(true, delay("green_rtt_ms", t.GreenRTT, millis(t.GreenRTT)), yellow)
		v.Ascending(false, yellow, delay("red_rtt_ms", t.RedRTT, millis(t.RedRTT)))
		v.Ascending(false, count("min_queue_yellow", t.MinQueueYellow), count("min_queue_red", t.MinQueueRed))
	} else {
		v.Ascending(true, delay("recovery_threshold_ms", t.Recovery, millis(t.Recovery)),
			delay("bad_threshold_ms", t.Bad, millis(t.Bad)))
	}
	v.Ascending(true, delay("baseline_rtt_bounds.min", t.BaselineMin, millis(t.BaselineMin)),
		delay("baseline_rtt_bounds.max", t.BaselineMax, millis(t.BaselineMax)))
}

func (v rules) finishConfidence(s *Steering) {
	c := &s.Confidence
	if !s.Mode.Confidence {
		return
	}
	score := func(name string, n int) schema.Limit {
		return schema.Limit{Name: "confidence." + name, Value: float64(n), Text: schema.Decimal(float64(n))}
	}
	v.Ascending(true, score("recovery_threshold", c.RecoveryThreshold), score("steer_threshold", c.SteerThreshold))
	if c.DryRun && !v.IsSet("confidence.dry_run") {
		v.Warnf("confidence.dry_run", "is true by default, so that the score decides nothing yet; write false to let it decide, or true to keep it so")
	}
}
