package host

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/configdir"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/aggregate"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// hostConfig is the configurations of a host, read anew at each reload.
type hostConfig struct {
	options *Options
	log     *slog.Logger

	good map[string]entry // by path, what was read last
}

// entry is one configuration; one of the fields is set.
type entry struct {
	wan      *config.WAN
	steering *config.Steering
	problem  string // why it cannot be used
}

// paths lists the files there are now: those that were named, or those of the
// directory.
func (v *hostConfig) paths() (paths []string, named bool, err error) {
	if v.options.Paths != nil {
		paths, err = v.options.Paths()
		return paths, true, err
	}
	return config.Paths(v.options.ConfigDir), false, nil
}

// read reads all configurations. One that has become bad is used as it was. The
// error is an *config.Error with all that is wrong; what can be served comes
// beside it.
func (v *hostConfig) read() (wans []aggregate.WAN, steering []aggregate.Steering, err error) {
	paths, named, err := v.paths()
	if err != nil {
		return nil, nil, err
	}
	var bad config.Error
	now := map[string]entry{}
	var order []string
	for _, path := range paths {
		e, err := v.readFile(path, named)
		var invalid *config.Error
		switch {
		case errors.As(err, &invalid):
			bad.Problems = append(bad.Problems, invalid.Problems...)
			e.problem = "its configuration cannot be used: " + invalid.Problems[0].String()
			if old, known := v.good[path]; known && old.problem == "" {
				e = old
			}
		case err != nil:
			return nil, nil, err
		}
		if e != (entry{}) {
			now[path] = e
			order = append(order, path)
		}
	}
	v.good = now
	wans, steering, clashes := v.members(order)
	bad.Problems = append(bad.Problems, clashes...)
	if len(order) == 0 && len(bad.Problems) == 0 {
		bad.Problems = append(bad.Problems, configdir.Nothing(v.options.ConfigDir))
	}
	if len(bad.Problems) > 0 {
		return wans, steering, &bad
	}
	return wans, steering, nil
}

// readFile reads one configuration. A file of another kind that merely is in
// the directory is an empty entry.
func (v *hostConfig) readFile(path string, named bool) (entry, error) {
	// The loops have read these files, in their environment: it is theirs to
	// warn, and ours to do without the passwords.
	opts := v.options.Config
	opts.FileAlone, opts.WithoutSecrets = true, true
	_, known := v.good[path]
	f, foreign := configdir.Read(path, named || known, opts, config.LoadSteering)
	if foreign {
		v.log.Info("not a configuration of a WAN or of steering: left out", "file", path)
		return entry{}, nil
	}
	return entry{wan: f.WAN, steering: f.Steering}, f.Err
}

// members are what the configurations describe. Two must not have one name.
func (v *hostConfig) members(order []string) (wans []aggregate.WAN, steering []aggregate.Steering, clashes []config.Problem) {
	owner := map[string]string{}
	taken := func(what, name, path string) bool {
		id := what + " " + telemetry.WANLabel(name)
		other, taken := owner[id]
		if taken {
			clashes = append(clashes, config.Problem{File: path, Key: "wan_name", Text: name + " is the name in " + other + " too"})
		} else {
			owner[id] = path
		}
		return taken
	}
	for _, path := range order {
		e := v.good[path]
		switch {
		case e.wan != nil && !e.wan.Enabled:
			v.log.Info("continuous_monitoring.enabled is false: left out", "file", path)
		case e.wan != nil:
			if taken("WAN", e.wan.Name, path) {
				continue
			}
			wans = append(wans, aggregate.WAN{Name: e.wan.Name, Loop: daemonsock.New(e.wan.Socket()),
				State: savedWAN(e.wan), Archive: history.NewArchive(e.wan.HistoryDir())})
		case e.steering != nil:
			if taken("steering", e.steering.Name, path) {
				continue
			}
			steering = append(steering, aggregate.Steering{Name: e.steering.Name, Primary: e.steering.Primary,
				Daemon: daemonsock.New(e.steering.Socket()), State: SavedSteering(e.steering), Archive: history.NewArchive(e.steering.HistoryDir())})
		// The name inside is not known, and that of the file may be another's.
		case config.DetectKind(path) == config.KindSteering:
			steering = append(steering, aggregate.Steering{Name: filepath.Base(path), Problem: e.problem})
		default:
			wans = append(wans, aggregate.WAN{Name: filepath.Base(path), Problem: e.problem})
		}
	}
	return wans, steering, clashes
}

// savedWAN reads what the last loop of a WAN has left.
func savedWAN(cfg *config.WAN) func() (telemetry.WANHealth, error) {
	file := state.OpenWAN(cfg.StateFile)
	return func() (telemetry.WANHealth, error) {
		left, err := file.ReadOnly()
		if err != nil {
			return telemetry.WANHealth{Name: cfg.Name}, err
		}
		last := autorate.Decision{Baseline: left.BaselineRTT, RTT: left.LoadRTT, Excess: max(left.LoadRTT-left.BaselineRTT, 0)}
		last.Directions[autorate.Download].Limit = left.Download.CurrentRate
		last.Directions[autorate.Upload].Limit = left.Upload.CurrentRate
		h := telemetry.NewWANHealth(cfg.Name, savedAt(left.Timestamp, cfg.StateFile), last)
		h.Download.SetLimits(left.Download.Applied, cfg.Download.FloorRed, cfg.Download.Ceiling)
		h.Upload.SetLimits(left.Upload.Applied, cfg.Upload.FloorRed, cfg.Upload.Ceiling)
		for d, controlled := range cfg.Controlled() {
			h.Direction(autorate.Direction(d)).NotControlled = !controlled
		}
		return h, nil
	}
}

// savedAt is the time that a state bears. Files of the earlier system may have
// none: that of the file itself is as good.
func savedAt(borne time.Time, path string) time.Time {
	if borne.IsZero() {
		if st, err := os.Stat(path); err == nil {
			return st.ModTime()
		}
	}
	return borne
}

// SavedSteering reads what the last steering daemon has left.
func SavedSteering(cfg *config.Steering) func() (telemetry.SteeringHealth, error) {
	file := state.OpenSteering(cfg.StateFile)
	return func() (telemetry.SteeringHealth, error) {
		left, err := file.ReadOnly()
		var at time.Time
		if err == nil {
			at = savedAt(left.Timestamp, cfg.StateFile)
		}
		h := telemetry.NewSteeringHealth(cfg.Primary, left.Congestion, at)
		h.Detail.Name, h.Detail.Alternate = cfg.Name, telemetry.Alternate{WAN: cfg.Alternate, Condition: "unknown"}
		h.Detail.Rule.Comment, h.Detail.ForceOut.List = cfg.Rule, cfg.ForceOut
		h.Thresholds = telemetry.SteeringThresholds{
			GreenRTTMs: units.Millis(cfg.Assess.GreenRTT), YellowRTTMs: units.Millis(cfg.Assess.YellowRTT), RedRTTMs: units.Millis(cfg.Assess.RedRTT),
			RedSamplesRequired: cfg.Assess.RedSamples, GreenSamplesRequired: cfg.Assess.GreenSamples,
		}
		if err != nil {
			return h, err
		}
		h.SetState(strings.HasSuffix(left.Current, "_DEGRADED"), left.Current, "")
		if !left.LastTransition.IsZero() {
			h.SetSince(left.LastTransition, max(time.Since(left.LastTransition), 0))
		}
		h.Counters = telemetry.SteeringCounters{
			RedCount: left.RedCount, GoodCount: left.GoodCount, BadCount: left.BadCount, CakeReadFailures: left.CakeReadFailures,
		}
		var law steering.Memory
		if json.Unmarshal(left.Law, &law) == nil && law.ByHand {
			since := at.Add(-max(law.HandAge, 0))
			h.Detail.Reason, h.Detail.Rule.ByHand, h.Detail.Rule.Since = steering.ByHand.String(), true, &since
		}
		return h, nil
	}
}
