package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Rules is what a configuration says about a state file. All of it is optional.
type Rules[T any] struct {
	// Validate returns the values of a readable state that the configuration does
	// not allow, so that no daemon would use them.
	Validate func(T) []Invalid

	// Lock is the lock file of the daemon that writes the state.
	Lock string

	// Name is the argument that names the file in the commands that findings
	// propose, such as "--wan cable"; without it, that is the path.
	Name string
}

// command is a subcommand of 'wanctl state' for the file at path.
func (r Rules[T]) command(sub, path string) string {
	if r.Name != "" {
		return "wanctl state " + sub + " " + r.Name
	}
	return "wanctl state " + sub + " " + Quote(path)
}

func invalidf(key, format string, args ...any) Invalid {
	return Invalid{Key: key, Why: fmt.Sprintf(format, args...)}
}

// WANBounds is what the configuration of a WAN allows. Zero: not known.
type WANBounds struct {
	Download, Upload         [2]bitrate.Rate // lowest floor and ceiling
	BaselineMin, BaselineMax time.Duration

	// Law reports what is wrong with what the law has learned.
	Law func(json.RawMessage) error
}

// Validate is for Rules.
func (b WANBounds) Validate(w WAN) []Invalid {
	var invalid []Invalid
	for _, d := range []struct {
		key    string
		rate   bitrate.Rate
		bounds [2]bitrate.Rate
	}{
		{"download.current_rate", w.Download.CurrentRate, b.Download},
		{"upload.current_rate", w.Upload.CurrentRate, b.Upload},
	} {
		if lo, hi := d.bounds[0], d.bounds[1]; d.rate > 0 && hi > 0 && (d.rate < lo || d.rate > hi) {
			invalid = append(invalid, invalidf(d.key, "%s is not within the configured %s and %s", d.rate.Human(), lo.Human(), hi.Human()))
		}
	}
	invalid = append(invalid, validateBaseline("ewma.baseline_rtt", w.BaselineRTT, b.BaselineMin, b.BaselineMax)...)
	return append(invalid, validateLaw(w.Law, b.Law)...)
}

// SteeringBounds is what the configuration of steering allows. Zero: not known.
type SteeringBounds struct {
	Primary                  string // name of the primary WAN
	BaselineMin, BaselineMax time.Duration

	// Law reports what is wrong with what the law keeps.
	Law func(json.RawMessage) error
}

// Suffixes of the two states of steering, after the name of the primary WAN.
const (
	Good     = "_GOOD"
	Degraded = "_DEGRADED"
)

// Validate is for Rules.
func (b SteeringBounds) Validate(s Steering) []Invalid {
	var invalid []Invalid
	wan, _ := strings.CutSuffix(s.Current, Degraded)
	wan, _ = strings.CutSuffix(wan, Good)
	switch {
	case s.Current == "":
	case wan == s.Current:
		invalid = append(invalid, invalidf("current_state", "%q ends neither in %s nor in %s", s.Current, Good, Degraded))
	case b.Primary != "" && wan != strings.ToUpper(b.Primary):
		invalid = append(invalid, invalidf("current_state", "%q is a state of %s, and the primary WAN is %s", s.Current, wan, b.Primary))
	}
	if c := s.Congestion; c != "" && !slices.Contains([]string{"GREEN", "YELLOW", "SOFT_RED", "RED", "UNKNOWN"}, c) {
		invalid = append(invalid, invalidf("congestion_state", "%q is not one of GREEN, YELLOW and RED", c))
	}
	invalid = append(invalid, validateBaseline("baseline_rtt", s.BaselineRTT, b.BaselineMin, b.BaselineMax)...)
	return append(invalid, validateLaw(s.Law, b.Law)...)
}

func validateBaseline(key string, rtt, lo, hi time.Duration) []Invalid {
	if rtt == 0 || hi == 0 || rtt >= lo && rtt <= hi {
		return nil
	}
	return []Invalid{invalidf(key, "%v ms is not within the configured %v and %v ms", millis(rtt), millis(lo), millis(hi))}
}

func validateLaw(law json.RawMessage, validate func(json.RawMessage) error) []Invalid {
	if len(law) == 0 || validate == nil {
		return nil
	}
	if err := validate(law); err != nil {
		return []Invalid{invalidf("wanctl.law", "%v", err)}
	}
	return nil
}
