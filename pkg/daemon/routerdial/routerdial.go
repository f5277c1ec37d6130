// Package routerdial makes router clients from configurations: the protocol,
// the address and the secrets of each endpoint, and the failover between several.
// It opens no connection itself: a router that is down is an error of the first
// call.
package routerdial

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/ssh"
)

// Bounds are the limits of each call on each endpoint.
type Bounds struct {
	Timeout time.Duration
	Answer  int // size of an answer in bytes; 0: rosconn.MaxAnswer

	// Dial opens TCP connections; nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	shared bool // by several loops: they are not to connect one after the other
}

// Open returns a client for the router of a configuration. Without entries in
// router.failover, the client uses router.transport alone and never calls onSwitch.
func Open(base *config.Base, most Bounds, log *slog.Logger, onSwitch func(failover.Switch)) (router.Client, error) {
	endpoints, err := endpoints(base, most)
	if err != nil {
		return nil, err
	}
	if len(endpoints) == 1 {
		return endpoints[0].Open()
	}
	return failover.New(failover.Config{Endpoints: endpoints, Log: log, OnSwitch: onSwitch}), nil
}

// endpoints lists the endpoints of the router in the order they are tried. Each
// is checked as far as that needs no network: a mistake in the last one must not
// show on the day it is needed. They share the memory of changes whose outcome is
// not known.
func endpoints(base *config.Base, most Bounds) ([]failover.Endpoint, error) {
	routers := base.Router.Endpoints()
	uncertain := new(rosclient.Uncertain)
	list := make([]failover.Endpoint, len(routers))
	for i, r := range routers {
		key := "router"
		if i > 0 {
			key = fmt.Sprintf("router.failover[%d]", i-1)
		}
		var redial *rosclient.Redial
		if most.shared {
			redial = new(rosclient.Redial)
		}
		open := func() (router.Client, error) {
			client, err := Client(r, most)
			if err != nil {
				return nil, config.ErrorAt(base.Path, key, err.Error())
			}
			client.ShareUncertain(uncertain)
			client.ShareRedial(redial)
			return client, nil
		}
		client, err := open()
		if err != nil {
			return nil, err
		}
		_ = client.Close() // it has no connection
		list[i] = failover.Endpoint{Label: label(r), Open: open}
	}
	return list, nil
}

// Client returns a client for one endpoint of a router.
func Client(r config.Router, most Bounds) (*rosclient.Client, error) {
	switch r.Transport {
	case config.REST:
		return rest.New(rest.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			Plain: !r.TLS, Fingerprint: r.TLSFingerprint, Verify: r.VerifyTLS,
			Timeout: most.Timeout, MaxAnswer: most.Answer, Dial: most.Dial,
		})
	case config.API:
		return api.New(api.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			Plain: !r.TLS, Fingerprint: r.TLSFingerprint, Verify: r.VerifyTLS,
			Timeout: most.Timeout, MaxAnswer: most.Answer, Dial: most.Dial,
		})
	case config.SSH:
		return ssh.New(ssh.Config{
			Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
			KeyFile: r.SSHKey, Passphrase: r.SSHPassphrase.Reveal,
			KnownHosts: r.KnownHosts, Fingerprint: r.SSHFingerprint, Legacy: r.SSHLegacy,
			Timeout: most.Timeout, MaxAnswer: most.Answer, Dial: most.Dial,
		})
	}
	return nil, fmt.Errorf("transport %q: use rest, api or ssh", r.Transport)
}

// label names an endpoint: "rest 192.0.2.1:443".
func label(r config.Router) string {
	target := rosconn.Target{Host: r.Host, Port: r.Port, Password: r.Password.Reveal}
	return string(r.Transport) + " " + target.Name()
}

// InUse returns the endpoint that a client of Open uses now, and how many times
// it has changed that.
func InUse(r config.Router, c router.Client) (transport, address string, switches int) {
	for {
		w, ok := c.(interface{ Unwrap() router.Client })
		if !ok {
			break
		}
		c = w.Unwrap()
	}
	endpoint := label(r)
	if f, ok := c.(*failover.Client); ok {
		endpoint, switches, _ = f.Status()
	}
	transport, address, _ = strings.Cut(endpoint, " ")
	return transport, address, switches
}
