package api

import (
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// Config is the configuration of a client.
type Config = rosconn.Access

// New checks cfg and returns a client that has not connected yet: a router that
// is down is an error of the first call, not of New.
func New(cfg Config) (*rosclient.Client, error) {
	target, err := cfg.Target(rosconn.Service{TLS: "api-ssl", TLSPort: 8729, Plain: "api", PlainPort: 8728})
	if err != nil {
		return nil, err
	}
	t := &transport{user: cfg.User, password: cfg.Password, target: target}
	return rosclient.New(rosclient.Config{Transport: t, User: cfg.User, Timeout: cfg.Timeout, AuthBackoff: cfg.AuthBackoff, Now: cfg.Now}), nil
}
