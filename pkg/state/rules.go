package state

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Rules is what is known of a state file beside what is in it. The zero Rules
// know nothing.
type Rules[T any] struct {
	// Judge finds the values of a readable state that a configuration does not
	// allow, so that no daemon would use them.
	Judge func(T) []Bad

	// Lock is the lock file of the daemon that writes the state.
	Lock string

	// Name is what names the file to the commands that findings propose, such
	// as "--wan cable"; without it, the path does.
	Name string
}

// command is a subcommand of 'wanctl state' for the file at path.
func (r Rules[T]) command(sub, path string) string {
	if r.Name != "" {
		return "wanctl state " + sub + " " + r.Name
	}
	return "wanctl state " + sub + " " + Quote(path)
}

func (r Rules[T]) judge(v T) []Bad {
	if r.Judge == nil {
		return nil
	}
	return r.Judge(v)
}

func badf(key, format string, args ...any) Bad {
	return Bad{Key: key, Why: fmt.Sprintf(format, args...), path: strings.Split(key, ".")}
}

// WANBounds is what the configuration of a WAN allows. What is zero is not
// known.
type WANBounds struct {
	Download, Upload         [2]bitrate.Rate // lowest floor and ceiling
	BaselineMin, BaselineMax time.Duration

	// Law reports what is wrong with what the law has learned.
	Law func(json.RawMessage) error
}

// Judge is for Rules.
func (b WANBounds) Judge(w WAN) []Bad {
	var bad []Bad
	for _, d := range []struct {
		key    string
		rate   bitrate.Rate
		bounds [2]bitrate.Rate
	}{
		{"download.current_rate", w.Download.CurrentRate, b.Download},
		{"upload.current_rate", w.Upload.CurrentRate, b.Upload},
	} {
		if lo, hi := d.bounds[0], d.bounds[1]; d.rate > 0 && hi > 0 && (d.rate < lo || d.rate > hi) {
			bad = append(bad, badf(d.key, "%s is not within the configured %s and %s", d.rate.Human(), lo.Human(), hi.Human()))
		}
	}
	bad = append(bad, judgeBaseline("ewma.baseline_rtt", w.BaselineRTT, b.BaselineMin, b.BaselineMax)...)
	return append(bad, judgeLaw(w.Law, b.Law)...)
}

// SteeringBounds is what the configuration of steering allows. What is zero is
// not known.
type SteeringBounds struct {
	Primary                  string // name of the primary WAN
	BaselineMin, BaselineMax time.Duration

	// Law reports what is wrong with what the law keeps.
	Law func(json.RawMessage) error
}

// Good and Degraded end the names of the two states of steering.
const (
	Good     = "_GOOD"
	Degraded = "_DEGRADED"
)

// Judge is for Rules.
func (b SteeringBounds) Judge(s Steering) []Bad {
	var bad []Bad
	wan, _ := strings.CutSuffix(s.Current, Degraded)
	wan, _ = strings.CutSuffix(wan, Good)
	switch {
	case s.Current == "":
	case wan == s.Current:
		bad = append(bad, badf("current_state", "%q ends neither in %s nor in %s", s.Current, Good, Degraded))
	case b.Primary != "" && wan != strings.ToUpper(b.Primary):
		bad = append(bad, badf("current_state", "%q is a state of %s, and the primary WAN is %s", s.Current, wan, b.Primary))
	}
	if c := s.Congestion; c != "" && !slices.Contains([]string{"GREEN", "YELLOW", "SOFT_RED", "RED", "UNKNOWN"}, c) {
		bad = append(bad, badf("congestion_state", "%q is not one of GREEN, YELLOW and RED", c))
	}
	bad = append(bad, judgeBaseline("baseline_rtt", s.BaselineRTT, b.BaselineMin, b.BaselineMax)...)
	return append(bad, judgeLaw(s.Law, b.Law)...)
}

func judgeBaseline(key string, rtt, lo, hi time.Duration) []Bad {
	if rtt == 0 || hi == 0 || rtt >= lo && rtt <= hi {
		return nil
	}
	return []Bad{badf(key, "%v ms is not within the configured %v and %v ms", millis(rtt), millis(lo), millis(hi))}
}

func judgeLaw(law json.RawMessage, judge func(json.RawMessage) error) []Bad {
	if len(law) == 0 || judge == nil {
		return nil
	}
	if err := judge(law); err != nil {
		return []Bad{badf("wanctl.law", "%v", err)}
	}
	return nil
}
