package host

import (
	"errors"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry/aggregate"
)

// Find returns the daemons of this host, to be asked without serving them. A
// configuration in the directory that cannot be used is one of them, degraded; of
// those that Paths names, and where nothing can be used, the error is returned. Of
// the options, Listen and what follows it are not used.
func Find(o Options) (*aggregate.Host, error) {
	configs := hostConfig{options: &o, log: supervisor.NewLogger(o.Err, "warn", o.Log.JSON)}
	wans, steering, err := configs.read()
	var invalid *config.Error
	if err != nil && (o.Paths != nil || !errors.As(err, &invalid) || len(wans)+len(steering) == 0) {
		return nil, err
	}
	h := aggregate.New(o.Version)
	h.Set(wans, steering)
	return h, nil
}
