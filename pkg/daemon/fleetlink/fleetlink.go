// Package fleetlink connects a host to its fleet as node.yaml says. Loops do not know of it.
package fleetlink

import (
	"context"
	"log/slog"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/fleet/bus"
)

// retry is the time between two looks at files, such as credentials, that cannot be used.
const retry = 10 * time.Second

// Config returns the connection of a node, which has a fleet.
func Config(n *config.Node) bus.Config {
	f := &n.Fleet
	return bus.Config{
		URL: f.URL, Name: "wanctl " + n.Name, Credentials: f.Credentials, User: f.User, Password: f.Password.Reveal(),
		CA: f.TLSCA, Cert: f.TLSCert, Key: f.TLSKey,
	}
}

// Keep returns the connection of a node once its files can be used, which need not be a
// connection to a server yet; nil when ctx ends before. The log says what is awaited.
func Keep(ctx context.Context, n *config.Node, log *slog.Logger) *bus.Conn {
	last := ""
	for {
		c, err := bus.Keep(Config(n), log)
		if err == nil {
			return c
		}
		if err.Error() != last {
			last = err.Error()
			log.Error("the connection to the fleet cannot be made: trying again", "file", n.Path, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
}
