package doctor

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/notify"
)

// Notify is the receivers of notifications of one configuration.
type Notify struct {
	Path string // of the configuration

	Program    string // "": none
	ProgramErr error  // why it is not run
	Hidden     bool   // under the units it is out of sight
	Endpoints  []ReceiverEndpoint
}

// ReceiverEndpoint is an address that events are sent to.
type ReceiverEndpoint struct {
	Key, Address string // host:port; the rest of it may be secret
	Tried        bool
	Err          error // of the connection
}

// notifyWait bounds one connection to a receiver.
const notifyWait = 5 * time.Second

// readNotify reads the facts about the receivers of b. It connects to them if that is
// asked for, and sends nothing.
func readNotify(ctx context.Context, b *config.Base, connect bool) *Notify {
	n := &Notify{Path: b.Path, Program: b.Notify.Command.Path}
	if n.Program != "" {
		n.ProgramErr = notify.CheckProgram(n.Program)
		for _, dir := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
			n.Hidden = n.Hidden || strings.HasPrefix(n.Program, dir) && hasSystemd()
		}
	}
	for _, r := range []struct{ key, address, pin string }{
		{"notify.webhook.url", b.Notify.Webhook.URL.Reveal(), b.Notify.Webhook.TLSFingerprint},
		{"notify.mqtt.broker", b.Notify.MQTT.Broker, b.Notify.MQTT.TLSFingerprint},
	} {
		u, err := url.Parse(r.address)
		if err != nil || u.Hostname() == "" {
			continue
		}
		secure := u.Scheme == "https" || u.Scheme == "mqtts"
		port := cmp.Or(u.Port(), map[bool]string{true: "443", false: "80"}[secure])
		e := ReceiverEndpoint{Key: r.key, Address: net.JoinHostPort(u.Hostname(), port), Tried: connect}
		if connect {
			e.Err = tryEndpoint(ctx, e.Address, secure, r.pin)
		}
		n.Endpoints = append(n.Endpoints, e)
	}
	return n
}

func tryEndpoint(ctx context.Context, address string, secure bool, pin string) error {
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	conn, err := notify.Dial(ctx, address, secure, pin)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

var notifyChecks = []Check[Notify]{{"notify", checkNotify}}

func checkNotify(n *Notify) (results []Result) {
	test := "wanctl notify test --config " + n.Path
	switch {
	case n.Program == "":
	case n.ProgramErr != nil:
		results = append(results, warning("fix it, then: "+test, "notify.command.path: no notification is sent by it: %v", n.ProgramErr))
	case n.Hidden:
		results = append(results, warning("move it to /etc/wanctl, and set notify.command.path", "notify.command.path: %s is out of sight under the units of wanctl", n.Program))
	default:
		results = append(results, ok("%s may be run", n.Program))
	}
	for _, e := range n.Endpoints {
		switch {
		case e.Err != nil:
			results = append(results, warning(test, "%s: %s cannot be reached: %v", e.Key, e.Address, e.Err))
		case e.Tried:
			results = append(results, ok("%s: %s can be reached", e.Key, e.Address))
		default:
			results = append(results, skipped("%s: %s was not tried; with --receivers it is", e.Key, e.Address))
		}
	}
	return results
}
