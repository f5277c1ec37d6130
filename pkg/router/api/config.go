package api

import (
	"github.com/wanctl/wanctl/pkg/router/dial"
	"github.com/wanctl/wanctl/pkg/router/menus"
)

// Config says which router to talk to and as whom.
type Config = dial.Access

// New checks cfg and returns a client that has not connected yet: a router that
// is down is an error of the first call, not of New.
func New(cfg Config) (*menus.Client, error) {
	target, err := cfg.Target(dial.Service{TLS: "api-ssl", TLSPort: 8729, Plain: "api", PlainPort: 8728})
	if err != nil {
		return nil, err
	}
	w := &wire{user: cfg.User, password: cfg.Password, target: target}
	return menus.New(menus.Config{Wire: w, User: cfg.User, Timeout: cfg.Timeout, AuthBackoff: cfg.AuthBackoff, Now: cfg.Now}), nil
}
