package routerdial

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/ssh"
)

// Fingerprint returns what an endpoint identifies itself by now: the SHA-256 of its
// certificate as router.tls_fingerprint has it, or its host key as router.ssh_fingerprint
// does; "" for a connection without TLS. It trusts nothing, and does not log in.
func Fingerprint(ctx context.Context, r config.Router, timeout time.Duration) (string, error) {
	switch {
	case r.Transport == config.SSH:
		return ssh.HostKey(ctx, ssh.Config{Host: r.Host, Port: r.Port, Legacy: r.SSHLegacy, Timeout: timeout})
	case !r.TLS:
		return "", nil
	}
	service := map[config.Transport]string{config.REST: "www-ssl", config.API: "api-ssl"}[r.Transport]
	t := &rosconn.Target{Host: r.Host, Port: r.Port, Service: service, TLS: rosconn.Trust{}.Config(r.Host), Timeout: timeout}
	return t.Certificate(ctx)
}
