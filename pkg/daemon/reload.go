package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Reload reads a configuration again by load. It logs warnings and problems, and
// reports whether fresh can be used; otherwise the old configuration stays.
func Reload[T any](log *slog.Logger, load func() (T, []config.Problem, error)) (fresh T, err error) {
	fresh, warnings, err := load()
	for _, p := range warnings {
		log.Warn("configuration", "warning", p.String())
	}
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			log.Error("configuration is invalid: the old one is kept", "problem", p.String())
		}
	case err != nil:
		log.Error("configuration cannot be read: the old one is kept", "error", err)
	}
	return fresh, err
}

// KeptConfig is the reason why a loop runs with an old configuration. The zero value is
// none. Its methods may be called from several goroutines.
type KeptConfig struct{ why atomic.Pointer[string] }

// Set sets the reason, nil for none, and adds a new one to the history.
func (k *KeptConfig) Set(feed *history.Feed, err error) {
	if err == nil {
		k.why.Store(nil)
		return
	}
	text := "the old configuration is kept: " + err.Error()
	var invalid *config.Error
	if errors.As(err, &invalid) {
		text = "configuration is invalid, the old one is kept: " + invalid.Problems[0].String()
	}
	if before := k.why.Swap(&text); before == nil || *before != text {
		Events{Feed: feed}.Record("life", "", text)
	}
}

// Warnings returns the reason for the health document.
func (k *KeptConfig) Warnings() []string {
	if text := k.why.Load(); text != nil {
		return []string{telemetry.OneLine(*text)}
	}
	return nil
}

// Setting is a part of a configuration that is fixed while a loop runs.
type Setting struct {
	Key  string
	Same bool // the new configuration has the same value
}

// LogRestartNeeded logs the settings that changed but are fixed while running.
func LogRestartNeeded(log *slog.Logger, settings []Setting) {
	for _, key := range Changed(settings) {
		log.Warn("a changed setting needs a restart to take effect", "key", key)
	}
}

// Changed lists the keys of the settings that are not the same.
func Changed(settings []Setting) []string {
	var keys []string
	for _, s := range settings {
		if !s.Same {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// BaseSettings compares the settings that both kinds of configuration have and
// that are fixed while running.
func BaseSettings(old, fresh *config.Base) []Setting {
	return []Setting{
		{"wan_name", old.Name == fresh.Name},
		{"router", slices.EqualFunc(old.Router.Endpoints(), fresh.Router.Endpoints(), sameEndpoint)},
		{"timeouts", old.Timeouts == fresh.Timeouts},
		{"health_check", old.Health == fresh.Health},
		{"metrics", old.Metrics == fresh.Metrics},
		{"logging", old.Logging == fresh.Logging},
		{"lock_file", old.LockFile == fresh.LockFile},
		{"state_file", old.StateFile == fresh.StateFile},
	}
}

// sameEndpoint compares two endpoints with their secrets, which print alike.
func sameEndpoint(a, b config.Router) bool {
	return fmt.Sprint(a) == fmt.Sprint(b) && a.Password.Equal(b.Password) && a.SSHPassphrase.Equal(b.SSHPassphrase)
}

// Restore reads what the last run left in a state file. A file that cannot be
// used is a warning, and found is false.
func Restore[T state.Snapshot[T]](file *state.File[T], log *slog.Logger) (last T, found bool) {
	if dir := state.Exposed(file.Path()); dir != "" {
		log.Warn("everybody may replace the state file", "file", file.Path(), "directory", dir, "hint", "chmod o-w "+state.Quote(dir))
	}
	loaded, err := file.Load()
	switch {
	case err != nil:
		log.Warn("state file cannot be read: starting without it", "error", err)
	case loaded.Lost != nil:
		log.Warn("state file was damaged", "error", loaded.Lost, "used", loaded.Path)
	}
	return loaded.State, loaded.Found
}
