package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// steeringInvariants returns what a validated Steering must never be.
func steeringInvariants(s *Steering) []string {
	var broken []string
	hold := func(what string, ok bool) {
		if !ok {
			broken = append(broken, what)
		}
	}
	within := func(what string, low, d, high time.Duration) { hold(what, low <= d && d <= high) }
	hold("two WANs", !strings.EqualFold(s.Primary, s.Alternate))
	hold("one of two queues needs the file of the WAN", s.PrimaryConfig != "" || (s.PrimaryDownload == "") == (s.PrimaryUpload == ""))
	hold("two queues", s.PrimaryDownload == "" || s.PrimaryDownload != s.PrimaryUpload)
	hold("a state file of its own", s.StateFile != "" && s.StateFile != s.PrimaryState)
	hold("a lock", s.LockFile != "" && strings.HasSuffix(s.Socket(), ".sock"))
	within("interval", 10*time.Millisecond, s.Interval, time.Minute)
	hold("ping count", 1 <= s.PingCount && s.PingCount <= 20)
	hold("history", 1 <= s.History && s.History <= 3000)

	t := s.Assess
	if s.Mode.CakeAware {
		hold("delays in order", 0 < t.GreenRTT && t.GreenRTT < t.YellowRTT && t.YellowRTT <= t.RedRTT)
		hold("queues in order", 0 <= t.MinQueueYellow && t.MinQueueYellow <= t.MinQueueRed)
	} else {
		hold("thresholds in order", 0 < t.Recovery && t.Recovery < t.Bad)
	}
	hold("baseline bounds in order", 0 < t.BaselineMin && t.BaselineMin < t.BaselineMax)
	hold("counts", t.MinDropsRed >= 0 && t.RedSamples > 0 && t.GreenSamples > 0 && t.BadSamples > 0 && t.GoodSamples > 0)
	hold("weights", 0 < t.RTTAlpha && t.RTTAlpha <= 1 && 0 < t.QueueAlpha && t.QueueAlpha <= 1)

	c := s.Confidence
	if s.Mode.Confidence {
		hold("scores in order", 0 <= c.RecoveryThreshold && c.RecoveryThreshold < c.SteerThreshold && c.SteerThreshold <= 100)
	}
	within("hold-down", time.Second, c.HoldDown, 24*time.Hour)
	within("flap window", 6*time.Second, c.FlapWindow, 24*time.Hour)
	within("penalty", time.Second, c.Penalty, 24*time.Hour)
	within("sustain", 0, min(c.Sustain, c.RecoverySustain), time.Hour)
	hold("toggles", c.MaxToggles > 0 && 0 <= c.PenaltyThreshold && c.PenaltyThreshold <= 100)

	for _, word := range []string{s.Name, s.Primary, s.Alternate, s.PingHost, s.ForceOut} {
		hold("an argument: "+word, word != "" && word[0] != '-' && !strings.ContainsAny(word, " \n\x00"))
	}
	_, err := schema.ParseScalar(schema.RouterName, s.Rule)
	hold("a comment", err == nil)
	return broken
}

// As FuzzParse, for the steering file.
func FuzzParseSteering(f *testing.F) {
	for _, name := range []string{"../../configs/" + steeringReference, "../../testdata/config/earlier-steering.yaml"} {
		text := read(f, name)
		f.Add(text)
		f.Add(optional.ReplaceAllString(text, "$1$2"))
	}
	f.Add(minimalSteering)
	f.Add(minimalSteering + "  spectrum_upload: x\nstate: {file: a}\nmode: {cake_aware: false, use_confidence_scoring: true}\n")
	opts := Options{LookupEnv: environment(map[string]string{"ROUTER_PASSWORD": "secret", "HOME": "/home/x"})}
	f.Fuzz(func(t *testing.T, text string) {
		s, _, err := ParseSteering(strings.NewReader(text), "f", opts)
		if err != nil {
			if strings.Contains(err.Error(), "secret") && !strings.Contains(text, "secret") {
				t.Fatalf("the password is in %q", err)
			}
			return
		}
		if broken := steeringInvariants(s); broken != nil {
			t.Fatalf("accepted without %q", broken)
		}
		if kind := ReadKind(strings.NewReader(text)); kind == KindWAN {
			t.Fatalf("accepted, though its kind is %s", kind)
		}
		printed, err := schema.Marshal(Settings(s, nil))
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := ParseSteering(strings.NewReader(string(printed)), "f", Options{})
		if err != nil {
			t.Fatalf("printed, but does not load: %v\n%s", err, printed)
		}
		if diff := cmp.Diff(s, again, cmp.Comparer(func(a, b Secret) bool { return a.IsSet() == b.IsSet() })); diff != "" {
			t.Fatalf("-first +again:\n%s\n%s", diff, printed)
		}
	})
}
