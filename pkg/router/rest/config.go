package rest

import (
	"errors"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// Config is the configuration of a client.
type Config = rosconn.Access

// New checks cfg and returns a client that has not connected yet: a router that
// is down is an error of the first call, not of New.
func New(cfg Config) (*rosclient.Client, error) {
	target, err := cfg.Target(rosconn.Service{TLS: "www-ssl", TLSPort: 443, Plain: "www", PlainPort: 80, Protocols: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	if strings.Contains(cfg.User, ":") {
		return nil, errors.New("router user contains a colon, which HTTP cannot carry: choose another user name")
	}
	scheme := "https"
	if cfg.Plain {
		scheme = "http"
	}
	// The zone of a link-local address is escaped in a URL.
	authority := strings.ReplaceAll(target.Addr(), "%", "%25")
	t := &transport{user: cfg.User, password: cfg.Password, target: target, base: scheme + "://" + authority + "/rest"}
	return rosclient.New(rosclient.Config{Transport: t, User: cfg.User, Timeout: cfg.Timeout, AuthBackoff: cfg.AuthBackoff, Now: cfg.Now}), nil
}
