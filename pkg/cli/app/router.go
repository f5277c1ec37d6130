package app

import (
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
)

// DialRouter returns a client for the router of a configuration, for a command
// that a person waits for. Nothing is sent yet: a router that is down is an
// error of the first call.
func (a *App) DialRouter(base *config.Base) (router.Client, error) {
	return routerdial.Open(base, routerdial.Bounds{Timeout: base.Timeouts.Command}, nil, func(s failover.Switch) {
		if s.Why != nil {
			a.Warnf("%v; using %s instead", s.Why, s.To)
		}
	})
}
