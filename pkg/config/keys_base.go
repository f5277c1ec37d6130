package config

import "github.com/wanctl/wanctl/pkg/config/schema"

// baseKeys are the keys both kinds of file share. healthPort is the kind's own
// default, so that both daemons run on one host.
func baseKeys[T any](base func(*T) *Base, healthPort string) []schema.Bound[T] {
	in := func(k schema.Key, field func(*Base) any) schema.Bound[T] {
		return schema.Bound[T]{Key: k, Field: func(t *T) any { return field(base(t)) }}
	}
	keys := []schema.Bound[T]{
		{Key: schema.Key{Name: "schema_version", Type: schema.Version, Default: "1.0",
			Doc: "Version of the layout of this file."}},
		in(schema.Key{Name: "wan_name", Type: schema.Identifier, Required: true,
			Doc: "Name of the WAN in logs, metrics and file names."},
			func(b *Base) any { return &b.Name }),
	}
	for _, k := range routerKeys() {
		k.Name = "router." + k.Name
		keys = append(keys, in(k.Key, func(b *Base) any { return k.Field(&b.Router) }))
	}
	return append(keys,
		schema.Bound[T]{Key: schema.Key{Name: "router.failover", Type: schema.RouterList, Min: 0, Max: 8,
			Doc: "Further ways to the router, tried in order when the first is unreachable; an entry takes from router all it leaves out, but never port and tls."}},
		in(schema.Key{Name: "logging.main_log", Type: schema.Path, Derived: "/var/log/wanctl/NAME.log",
			Doc: "Log file of the daemon."},
			func(b *Base) any { return &b.Logging.Main }),
		in(schema.Key{Name: "logging.debug_log", Type: schema.Path, Derived: "no debug log",
			Doc: "Second log file with debug messages."},
			func(b *Base) any { return &b.Logging.Debug }),
		idle[T](schema.Key{Name: "logging.log_cake_stats", Type: schema.Bool}, whyCakeStats),
		in(schema.Key{Name: "lock_file", Type: schema.Path, Derived: "/run/wanctl/NAME.lock",
			Doc: "Lock that keeps a second instance from controlling the same queues."},
			func(b *Base) any { return &b.LockFile }),
		in(schema.Key{Name: "state_file", Type: schema.Path, Derived: "/var/lib/wanctl/NAME_state.json",
			Doc: "What the loop remembers over restarts."},
			func(b *Base) any { return &b.StateFile }),
		idle[T](schema.Key{Name: "lock_timeout", Type: schema.Seconds, Min: 1, Max: 86400}, whyLockTimeout),
		in(schema.Key{Name: "timeouts.ssh_command", Type: schema.Seconds, Min: 0.1, Max: 300, Default: "15",
			Doc: "How long one command on the router may take, over any transport."},
			func(b *Base) any { return &b.Timeouts.Command }),
		in(schema.Key{Name: "timeouts.ping", Type: schema.Seconds, Min: 0.1, Max: 60, Default: "1",
			Doc: "A probe without a reply counts as lost after this."},
			func(b *Base) any { return &b.Timeouts.Ping }),
		in(schema.Key{Name: "health_check.enabled", Type: schema.Bool, Default: "true",
			Doc: "Serve GET /health and the status page."},
			func(b *Base) any { return &b.Health.Enabled }),
		in(schema.Key{Name: "health_check.host", Type: schema.Host, Default: "127.0.0.1",
			Doc: "Address the health listener binds."},
			func(b *Base) any { return &b.Health.Host }),
		in(schema.Key{Name: "health_check.port", Type: schema.Int, Min: 0, Max: 65535, Default: healthPort,
			Doc: "Port of the health listener; 0 picks a free one."},
			func(b *Base) any { return &b.Health.Port }),
		in(schema.Key{Name: "metrics.enabled", Type: schema.Bool, Default: "false",
			Doc: "Serve GET /metrics for Prometheus."},
			func(b *Base) any { return &b.Metrics.Enabled }),
		in(schema.Key{Name: "metrics.host", Type: schema.Host, Default: "127.0.0.1",
			Doc: "Address the metrics listener binds."},
			func(b *Base) any { return &b.Metrics.Host }),
		in(schema.Key{Name: "metrics.port", Type: schema.Int, Min: 0, Max: 65535, Default: "9100",
			Doc: "Port of the metrics listener; 0 picks a free one."},
			func(b *Base) any { return &b.Metrics.Port }),
	)
}

// routerKeys are the keys below router and of an entry of router.failover.
func routerKeys() []schema.Bound[Router] {
	return []schema.Bound[Router]{
		{Key: schema.Key{Name: "transport", Type: schema.Enum, Values: []string{"rest", "api", "ssh"},
			Derived: "rest",
			Doc:     "Protocol to talk to the router; api is the fastest. Without it, an ssh_key and no password mean ssh."},
			Field: func(r *Router) any { return &r.Transport }},
		{Key: schema.Key{Name: "host", Type: schema.Host, Required: true,
			Doc: "Address or name of the router."},
			Field: func(r *Router) any { return &r.Host }},
		{Key: schema.Key{Name: "user", Type: schema.User, Required: true,
			Doc: "User on the router; it needs the policies read, write and that of the transport."},
			Field: func(r *Router) any { return &r.User }},
		{Key: schema.Key{Name: "password", Type: schema.Password, Derived: "environment " + PasswordVariable,
			Doc: "Password of the user; write ${ROUTER_PASSWORD} to keep it out of the file."},
			Field: func(r *Router) any { return &r.Password }},
		{Key: schema.Key{Name: "ssh_key", Type: schema.Path,
			Doc: "Private key for transport ssh, readable by its owner alone (mode 600 or 400)."},
			Field: func(r *Router) any { return &r.SSHKey }},
		{Key: schema.Key{Name: "ssh_passphrase", Type: schema.Password, Derived: "environment " + PassphraseVariable,
			Doc: "Passphrase of ssh_key, when that is encrypted; write ${" + PassphraseVariable + "} to keep it out of the file."},
			Field: func(r *Router) any { return &r.SSHPassphrase }},
		{Key: schema.Key{Name: "port", Type: schema.Int, Min: 1, Max: 65535,
			Derived: "rest 443, api 8729, ssh 22",
			Doc:     "Port of the service on the router; with tls: false the defaults are 80 and 8728."},
			Field: func(r *Router) any { return &r.Port }},
		{Key: schema.Key{Name: "tls", Type: schema.Bool, Derived: "true, unless port says otherwise",
			Doc: "Encrypt rest and api; without it, and that is what port 80 (rest) and 8728 (api) mean, the password crosses the network in clear."},
			Field: func(r *Router) any { return &r.TLS }},
		{Key: schema.Key{Name: "verify_ssl", Type: schema.Bool, Default: "false",
			Doc: "Check the certificate against the system's authorities; routers ship self-signed ones, so a pinned tls_fingerprint is the usual protection."},
			Field: func(r *Router) any { return &r.VerifyTLS }},
		{Key: schema.Key{Name: "tls_fingerprint", Type: schema.TLSHash,
			Doc: "The only certificate accepted, by its SHA-256; with verify_ssl: true the error names it."},
			Field: func(r *Router) any { return &r.TLSFingerprint }},
		{Key: schema.Key{Name: "known_hosts", Type: schema.Path, Derived: "~/.ssh/known_hosts, then /etc/ssh/ssh_known_hosts",
			Doc: "File of host keys that transport ssh trusts."},
			Field: func(r *Router) any { return &r.KnownHosts }},
		{Key: schema.Key{Name: "ssh_fingerprint", Type: schema.SSHHash,
			Doc: "The only host key transport ssh accepts, instead of known_hosts."},
			Field: func(r *Router) any { return &r.SSHFingerprint }},
		{Key: schema.Key{Name: "ssh_legacy", Type: schema.Bool, Default: "false",
			Doc: "Let transport ssh also accept what RouterOS 6 needs and nobody should: SHA-1 in key exchange, signatures and message authentication."},
			Field: func(r *Router) any { return &r.SSHLegacy }},
	}
}
