package simcmd

import (
	"slices"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/score"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// On a full line that gives far less in the evening than the ceiling of its preset,
// the queue stays short and the line is used. Floors for each state, above what such
// a line gives, made these figures 26 and 57 ms on cable, 29 and 50 on DSL, 12 and 13
// on fibre, 114 and 146 on LTE, 33 and 57 on Starlink.
func TestPresetsKeepDelayLowInTheEvening(t *testing.T) {
	for _, tt := range []struct {
		preset  string
		evening [2]bitrate.Rate // what the line gives
		p95MS   float64         // of the excess delay, at most
	}{
		{"cable", [2]bitrate.Rate{300 * bitrate.Mbps, 12 * bitrate.Mbps}, 12},
		{"dsl", [2]bitrate.Rate{40 * bitrate.Mbps, 15 * bitrate.Mbps}, 8},
		{"fibre", [2]bitrate.Rate{350 * bitrate.Mbps, 350 * bitrate.Mbps}, 8},
		{"lte", [2]bitrate.Rate{12 * bitrate.Mbps, 4 * bitrate.Mbps}, 45},
		{"starlink", [2]bitrate.Rate{40 * bitrate.Mbps, 5 * bitrate.Mbps}, 24},
	} {
		wan, _, err := config.Load("../../../configs/"+tt.preset+".yaml", config.Options{WithoutSecrets: true})
		if err != nil {
			t.Fatal(err)
		}
		kinds := scenario.Kinds()
		kind := kinds[slices.IndexFunc(kinds, func(k scenario.Kind) bool { return k.Name == tt.preset })]
		for _, d := range autorate.Directions {
			t.Run(tt.preset+"/"+d.String(), func(t *testing.T) {
				var runs []simrun.Result
				for seed := range uint64(5) {
					line := eveningLine(kind, seed, tt.evening)
					line.Flows[d] = linksim.Constant(4)
					runs = append(runs, runPreset(shape.LawConfig(wan), line))
				}
				row := score.New(t.Name(), "", "", runs)
				if p95 := *row.P95.Median; p95 > tt.p95MS {
					t.Errorf("the 95th percentile of the excess delay is %.0f ms, want at most %.0f", p95, tt.p95MS)
				}
				for _, used := range []*score.Spread{row.UtilisationDown, row.UtilisationUp} {
					if used != nil && *used.Median < 0.8 {
						t.Errorf("%.0f %% of the line is used, want at least 80", 100**used.Median)
					}
				}
			})
		}
	}
}

// eveningLine is a line of the kind that gives a share of its usual capacity, with
// buffers of as many milliseconds.
func eveningLine(kind scenario.Kind, seed uint64, gives [2]bitrate.Rate) linksim.Config {
	line := kind.Line(seed)
	for d, usual := range line.Capacity {
		share := float64(gives[d]) / float64(usual(0))
		line.Capacity[d] = func(at time.Duration) bitrate.Rate { return bitrate.Rate(float64(usual(at)) * share) }
		line.Buffer[d] = int(float64(line.Buffer[d]) * share)
	}
	return line
}

// runPreset runs the law for a minute after a quarter of one.
func runPreset(law autorate.Config, line linksim.Config) simrun.Result {
	line.Limit = [2]bitrate.Rate{law.Directions[0].Ceiling, law.Directions[1].Ceiling}
	s := simrun.Simulation{
		Link: linksim.New(line), Controller: autorate.New(law, line.Limit), Router: simrun.Routers()[0], Seed: line.Seed,
		Bounds: actuate.LawBounds(law),
	}
	return s.Run(15*time.Second, 75*time.Second)
}
