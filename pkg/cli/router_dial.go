package cli

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/ssh"
)

// dialRouter returns a client for the router of a configuration, for a command
// that a person waits for. Nothing is sent yet: a router that is down is an
// error of the first call.
func dialRouter(a *app.App, base *config.Base) (router.Client, error) {
	return openRouter(base, base.Timeouts.Command, nil, func(s failover.Switch) {
		if s.Why != nil {
			a.Warnf("%v; using %s instead", s.Why, s.To)
		}
	})
}

// openRouter returns a client for the router of a configuration, each call of
// which may take so long on each way. It goes by router.transport alone, unless
// there are entries in router.failover.
func openRouter(base *config.Base, timeout time.Duration, log *slog.Logger, onSwitch func(failover.Switch)) (router.Client, error) {
	ways, err := routerWays(base, timeout)
	if err != nil {
		return nil, err
	}
	if len(ways) == 1 {
		return ways[0].Open()
	}
	return failover.New(failover.Config{Endpoints: ways, Log: log, OnSwitch: onSwitch}), nil
}

// routerWays lists the ways to the router in the order they are tried. All of
// them are tried out as far as that needs no network: what is wrong with the
// last one must not show on the day it is needed.
func routerWays(base *config.Base, timeout time.Duration) ([]failover.Endpoint, error) {
	routers := base.Router.Endpoints()
	uncertain := new(rosclient.Uncertain)
	ways := make([]failover.Endpoint, len(routers))
	for i, r := range routers {
		key := "router"
		if i > 0 {
			key = fmt.Sprintf("router.failover[%d]", i-1)
		}
		open := func() (router.Client, error) {
			client, err := newRouterClient(r, timeout)
			if err != nil {
				return nil, configError(base.Path, key, err.Error())
			}
			client.ShareUncertain(uncertain)
			return client, nil
		}
		client, err := open()
		if err != nil {
			return nil, err
		}
		_ = client.Close() // it has no connection
		ways[i] = failover.Endpoint{Label: routerLabel(r), Open: open}
	}
	return ways, nil
}

// newRouterClient returns a client for one way to a router.
func newRouterClient(r config.Router, timeout time.Duration) (*rosclient.Client, error) {
	switch r.Transport {
	case config.REST:
		return rest.New(rest.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			Plain: !r.TLS, Fingerprint: r.TLSFingerprint, Verify: r.VerifyTLS,
			Timeout: timeout,
		})
	case config.API:
		return api.New(api.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			Plain: !r.TLS, Fingerprint: r.TLSFingerprint, Verify: r.VerifyTLS,
			Timeout: timeout,
		})
	case config.SSH:
		return ssh.New(ssh.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			KeyFile: r.SSHKey, Passphrase: r.SSHPassphrase.Reveal,
			KnownHosts: r.KnownHosts, Fingerprint: r.SSHFingerprint, Legacy: r.SSHLegacy,
			Timeout: timeout,
		})
	}
	return nil, fmt.Errorf("transport %q: use rest, api or ssh", r.Transport)
}

// routerLabel is what a way to the router is called.
func routerLabel(r config.Router) string {
	return string(r.Transport) + " " + net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
}

// routerInUse tells which way a client that openRouter returned goes now, and
// how often it has changed that.
func routerInUse(r config.Router, c router.Client) (transport, address string, switches int) {
	label := routerLabel(r)
	if f, ok := c.(*failover.Client); ok {
		label, switches, _ = f.Status()
	}
	transport, address, _ = strings.Cut(label, " ")
	return transport, address, switches
}

// configError is one problem of a file that only showed when it was used.
func configError(file, key, text string) error {
	return &config.Error{Problems: []config.Problem{{File: file, Key: key, Text: text}}}
}
