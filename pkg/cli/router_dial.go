package cli

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
)

// dialRouter returns a client for the router of a WAN. Nothing is sent yet: a
// router that is down is an error of the first call.
func (a *App) dialRouter(wan *config.WAN) (router.Client, error) {
	r := wan.Router
	if r.Transport != config.REST {
		return nil, configError(wan.Path, "router.transport", fmt.Sprintf("%s is not available yet; use transport: rest", r.Transport))
	}
	client, err := rest.New(rest.Config{
		Host: r.Host, Port: r.Port, User: r.User, Password: r.Password.Reveal,
		Plain: !r.TLS, Fingerprint: r.TLSFingerprint, Verify: r.VerifyTLS,
		Timeout: wan.Timeouts.Command,
	})
	if err != nil {
		return nil, configError(wan.Path, "router", err.Error())
	}
	return client, nil
}

// configError is one problem of a file that only showed when it was used.
func configError(file, key, text string) error {
	return &config.Error{Problems: []config.Problem{{File: file, Key: key, Text: text}}}
}
