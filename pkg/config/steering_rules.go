package config

import (
	"path/filepath"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// finishSteering applies the rules that look at several keys of the steering
// file. What is not in force, for the mode that was chosen, is left alone.
func (v rules) finishSteering(s *Steering) {
	v.alias("state_file", "state.file", &s.StateFile)
	v.alias("cake_state_sources.primary", "cake_state_sources.spectrum", &s.PrimaryState)
	v.alias("cake_queues.primary_download", "cake_queues.spectrum_download", &s.PrimaryDownload)
	v.alias("cake_queues.primary_upload", "cake_queues.spectrum_upload", &s.PrimaryUpload)
	v.finishBase(&s.Base)
	v.finishTopology(s)
	v.finishPrimary(s)
	v.finishAssess(s)
	v.finishConfidence(s)
}

// alias reads the other name of a key. A stronger source wins; within one,
// both names must say the same.
func (v rules) alias(name, other string, dst *string) {
	value, ok := v.Loose(other).(string)
	if !ok {
		if !v.Sound(other) {
			v.MarkBad(name)
		}
		return
	}
	if !v.Sound(name) {
		return
	}
	mine, _ := v.Cell(name)
	its, _ := v.Cell(other)
	switch {
	case !v.Given(name), its.Origin.Source.Beats(mine.Origin.Source):
		*dst = value
		v.Adopt(name, other)
	case *dst != value && mine.Origin.Source == its.Origin.Source:
		v.Report(other, "%q differs from %s, which is %q: both are names of one setting; remove one", value, name, *dst)
	}
}

func (v rules) finishTopology(s *Steering) {
	if s.Primary != "" && strings.EqualFold(s.Primary, s.Alternate) {
		v.Report("topology.alternate_wan", "%q is the primary WAN too; steering needs another", s.Alternate)
	}
	if s.ForceOut == "" && s.Alternate != "" {
		s.ForceOut = "FORCE_OUT_" + strings.ToUpper(s.Alternate)
		if !isName(s.ForceOut) {
			v.Report("address_lists.force_out", "is missing: %s is longer than 64 characters; name the address list here", s.ForceOut)
		}
	}
	for _, path := range []*string{&s.PrimaryConfig, &s.AlternateConfig} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(s.Path), *path)
		}
	}
	// The files of a WAN's loop are made of its name in the same way.
	for _, wan := range []string{s.Primary, s.Alternate} {
		if wan != "" && strings.EqualFold(s.Name, wan) && v.Sound("wan_name") && (!v.Given("lock_file") || !v.Given("state_file")) {
			v.Report("wan_name", "%q is a WAN, whose loop has its own lock and state file of that name; call this something else, such as steering", s.Name)
			break
		}
	}
}

// finishPrimary settles what is known of the primary WAN.
func (v rules) finishPrimary(s *Steering) {
	const down, up = "cake_queues.primary_download", "cake_queues.primary_upload"
	if s.PrimaryState != "" && s.PrimaryState == s.StateFile && v.Sound("wan_name") {
		v.Report("state_file", "%s is that of the primary WAN's loop; steering needs its own", s.StateFile)
	}
	if !v.Sound(down, up) {
		return
	}
	given, missing := down, up
	if s.PrimaryDownload == "" {
		given, missing = up, down
	}
	switch {
	case s.PrimaryDownload != "" && s.PrimaryDownload == s.PrimaryUpload:
		v.Report(up, "%q is also the download queue; each direction has its own", s.PrimaryUpload)
	case s.PrimaryConfig != "" || (s.PrimaryDownload != "" && s.PrimaryUpload != ""):
	case v.Given(given):
		v.Report(missing, "is missing beside %s; name both queues, or give topology.primary_wan_config", given)
	case s.Mode.CakeAware:
		v.Doubt("cake_queues", "no queues of the primary WAN are named, so that round-trip time alone decides; name them, or give topology.primary_wan_config")
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
	if c.DryRun && !v.Given("confidence.dry_run") {
		v.Doubt("confidence.dry_run", "is true by default, so that the score decides nothing yet; write false to let it decide, or true to keep it so")
	}
}
