package steering_test

import (
	"math"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// No configuration makes the law compute nonsense, or leave a rule on for ever.
func TestInvalidConfig(t *testing.T) {
	low := steering.Config{
		CakeAware: true, GreenRTT: -ms, YellowRTT: -ms, RedRTT: -ms, Bad: -ms, Recovery: -ms,
		MinDropsRed: -1, MinQueueYellow: -1, MinQueueRed: -1,
		RedSamples: -1, GreenSamples: -1, BadSamples: -1, GoodSamples: -1, RTTAlpha: -1, QueueAlpha: math.NaN(),
		Confidence: steering.Confidence{
			SteerThreshold: -1, RecoveryThreshold: 200, Sustain: -second, RecoverySustain: -second, HoldDown: -second,
			FlapDetection: true, FlapWindow: time.Minute, MaxToggles: -1, Penalty: -second, PenaltyThreshold: -50,
		},
	}
	old := low
	old.CakeAware = false
	high := plain()
	high.Confidence.SteerThreshold, high.Confidence.PenaltyThreshold = 400, math.Inf(1)
	high.Confidence.FlapWindow, high.Confidence.Penalty, high.Confidence.MaxToggles = math.MaxInt64, math.MaxInt64, 1
	nan := plain()
	nan.RTTAlpha, nan.Confidence.SteerThreshold, nan.Confidence.RecoveryThreshold, nan.Confidence.PenaltyThreshold = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	for _, tt := range []struct {
		name string
		cfg  steering.Config
	}{{"zero", steering.Config{}}, {"low", low}, {"low, not cake aware", old}, {"high", high}, {"no numbers", nan}} {
		for _, scored := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				tt.cfg.Scored = scored
				r := newRig(tt.cfg)
				for range 300 {
					for _, s := range []sample{red, green, {}} {
						dec := r.step(3, s)
						if !(dec.Score >= 0 && dec.Score <= 100 && dec.SteerThreshold >= 0 && dec.SteerThreshold <= 100 && dec.DepthEWMA >= 0) {
							t.Fatalf("%+v", dec)
						}
						if dec.PenaltyUntil != 0 && dec.SteerThreshold < min(100, tt.cfg.Confidence.SteerThreshold) {
							t.Fatalf("a penalty lowers the threshold: %+v", dec)
						}
					}
				}
				r.until(t, time.Hour, sample{}, off)
			})
		}
	}
}
