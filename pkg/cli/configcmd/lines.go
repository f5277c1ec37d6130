package configcmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// line is a kind of line, with what its preset sets.
type line struct {
	name    string
	ceiling float64 // share of the contract
	floor   float64 // share of the ceiling
	// target, warn and red are thresholds in ms.
	target, warn, red int
	baseline          [2]int // bounds in ms; zero: the defaults
	why               string
}

// kinds are those of the presets in configs/, which explain the figures.
var kinds = []line{
	{"fibre", 0.935, 0.02, 5, 15, 40, [2]int{}, "little jitter: a small queue is seen"},
	{"cable", 0.94, 0.03, 15, 45, 80, [2]int{}, "request and grant make 5 to 15 ms of jitter"},
	{"dsl", 0.92, 0.04, 8, 25, 60, [2]int{}, "an interleaved line is slow but even"},
	{"lte", 1, 0.01, 30, 70, 150, [2]int{15, 200}, "scheduling on the radio makes 10 to 30 ms of jitter"},
	{"starlink", 1, 0.02, 25, 60, 120, [2]int{15, 150}, "satellites change every 15 s, and the path with them"},
}

func kindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// findKind returns the kind of a line.
func findKind(name string) (line, error) {
	i := slices.IndexFunc(kinds, func(k line) bool { return k.name == name })
	if i < 0 {
		return line{}, fmt.Errorf("is not one of %s", strings.Join(kindNames(), ", "))
	}
	return kinds[i], nil
}

// kindOf proposes a kind by the interface of the router that the line is on.
func kindOf(interfaceType string) string {
	switch interfaceType {
	case "lte", "ppp-out":
		return "lte"
	case "pppoe-out":
		return "dsl"
	}
	return "cable"
}

// bounds are the limits of one direction; zero where it is not shaped.
type bounds struct{ ceiling, floor bitrate.Rate }

// least is the lowest floor.
const least = 500 * bitrate.Kbps

// bounds returns those for a line; limit is the limit of the queue where that was
// chosen, and not the speed of the contract.
func (k line) bounds(contract, limit bitrate.Rate) bounds {
	if contract == 0 {
		return bounds{}
	}
	ceiling := bitrate.Rate(k.ceiling*float64(contract)).Clamp(1, contract)
	if contract == limit {
		ceiling = limit
	}
	ceiling = rounded(ceiling)
	return bounds{ceiling, min(ceiling, max(least, rounded(bitrate.Rate(k.floor*float64(ceiling)))))}
}

// rounded returns a rate with three digits.
func rounded(r bitrate.Rate) bitrate.Rate {
	unit := bitrate.Rate(1)
	for r/unit >= 1000 {
		unit *= 10
	}
	return (r + unit/2) / unit * unit
}
