package host

import (
	"fmt"
	"net"

	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// ExposedError says that others would reach an unprotected listener.
type ExposedError struct{ msg string }

func (e *ExposedError) Error() string { return e.msg }

// checkReach refuses an address that others reach without TLS and users.
func (o *Options) checkReach(has supervisor.Protection) error {
	encrypted, closed := has.TLS != nil, has.Closed()
	if o.InsecurePublic || isLoopback(o.Listen) || encrypted && closed {
		return nil
	}
	missing := "TLS and users"
	switch {
	case encrypted:
		missing = "users (basic_auth_users)"
	case closed:
		missing = "TLS (tls_server_config)"
	}
	fix := "write them into a file and name it with --web-config FILE"
	if o.WebConfig != "" {
		fix = "add that to " + o.WebConfig
	}
	_, port, _ := net.SplitHostPort(o.Listen)
	return &ExposedError{fmt.Sprintf("--listen %s can be reached by others and has no %s: %s, or stay on this host with --listen 127.0.0.1:%s, or let everybody read with --insecure-public",
		o.Listen, missing, fix, port)}
}

// isLoopback reports whether only processes of this host reach addr.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
