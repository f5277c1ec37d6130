package configcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/router"
)

// patience is how long the router may take for one answer.
const patience = 5 * time.Second

// askRouter asks for the router and the user, until a connection works or the person
// goes on without.
func (i *initializer) askRouter(ctx context.Context) error {
	same, err := i.askSame()
	if err != nil {
		return err
	}
	if same {
		if err = i.try(ctx); err == nil {
			return nil
		}
	}
	for {
		if err != nil { // of the attempt before
			again, err := i.retry(err, "Try again with other answers? Without, the router can be set up later.")
			if err != nil {
				return err
			}
			if !again {
				return i.askUser()
			}
		}
		if err = i.askAddress(); err != nil {
			return err
		}
		if len(i.missing) > 0 && !i.tty {
			return i.askUser() // what else is missing is named with it
		}
		if err = i.askFingerprint(ctx); err == nil {
			err = i.logIn(ctx)
		}
		if err == nil {
			return nil
		}
	}
}

// askSame asks whether the router is that of another WAN here, and takes its settings
// then. Without a terminal it is, unless --host says otherwise.
func (i *initializer) askSame() (bool, error) {
	if len(i.others) == 0 || i.given("host") || i.given("transport") || i.given("user") {
		return false, nil
	}
	other := i.others[0]
	same, err := i.confirm(fmt.Sprintf("Is it the router of %s, %s?", other.Name, other.Router.Host), true, true)
	if err != nil || !same {
		return false, err
	}
	i.router = other.Router
	i.router.Failover, i.router.PasswordFile = nil, ""
	if i.router.Port == config.DefaultPort(i.router.Transport, i.router.TLS) {
		i.router.Port = 0
	}
	if err := i.refuseWith(other.Name, "fingerprint", "plain"); err != nil {
		return false, err
	}
	if i.router.SSHKey == "" && !i.router.Password.IsSet() {
		return true, i.askUser() // it cannot be read by this user
	}
	return true, i.refuseWith(other.Name, "ssh-key", "password-env")
}

// refuseWith returns an error for flags that say what is taken from another WAN.
func (i *initializer) refuseWith(other string, flags ...string) error {
	for _, flag := range flags {
		if i.given(flag) {
			return app.Usagef("--%s: the router is that of %s, and so is the way to it; --host HOST makes it one of its own", flag, other)
		}
	}
	return nil
}

// retry shows why the router cannot be used, and asks whether to try again. Without a
// person the error remains.
func (i *initializer) retry(err error, text string) (again bool, _ error) {
	switch {
	case !router.IsAccessError(err):
		return false, err
	case !i.tty:
		return false, fmt.Errorf("%w; --offline goes on without the router", err)
	}
	i.say("  %v\n", err)
	return i.confirm(text, true, false)
}

func (i *initializer) askAddress() error {
	propose := i.router.Host
	if gateway, err := (hostnet.Binding{}).Gateway(); propose == "" && err == nil && i.tty {
		propose = gateway.WithZone("").String()
	}
	host, err := i.ask(question{flag: "host", text: "Address of the router", propose: propose, check: checkHostPort}, i.flags.host)
	if err != nil {
		return err
	}
	r := &i.router
	r.Host, r.Port = host, 0
	if h, port, err := net.SplitHostPort(host); err == nil {
		r.Host = h
		r.Port, _ = strconv.Atoi(port) // it was checked
	}
	byPort, _ := config.ServiceAt(r.Port)
	transport, err := i.ask(question{
		flag: "transport", text: "Transport (rest, api, ssh)", propose: string(cmp.Or(byPort, config.REST)),
		explain: "Three services of the router will do: rest (www-ssl), api (api-ssl, the fastest) and\nssh (works with every version).",
		check:   oneOf(string(config.REST), string(config.API), string(config.SSH)),
	}, i.flags.transport)
	r.Transport = config.Transport(transport)
	r.TLS = r.Transport != config.SSH && !i.flags.plain && r.Port != 80 && r.Port != 8728
	if err != nil {
		return err
	}
	return i.checkAccess()
}

// checkAccess refuses flags that the transport has no use for.
func (i *initializer) checkAccess() error {
	switch r := &i.router; {
	case i.flags.sshKey != "" && r.Transport != config.SSH:
		return app.Usagef("--ssh-key needs --transport ssh, not %s", r.Transport)
	case i.flags.plain && r.Transport == config.SSH:
		return app.Usagef("--plain needs --transport rest or api, not ssh")
	case i.flags.fingerprint != "" && i.flags.fingerprint != "none" && !r.TLS && r.Transport != config.SSH:
		return app.Usagef("--fingerprint needs TLS or ssh: %s without TLS has no certificate", r.Transport)
	}
	return nil
}

func checkHostPort(s string) (string, error) {
	host := s
	if h, port, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", errors.New("has no port from 1 to 65535")
		}
		host = h
	}
	if _, err := schema.ParseScalar(schema.Host, host); err != nil {
		return "", err
	}
	return s, nil
}

// endpoint is the router with its port.
func (i *initializer) endpoint() config.Router {
	r := i.router
	r.Port = cmp.Or(r.Port, config.DefaultPort(r.Transport, r.TLS))
	return r
}

// askFingerprint shows what the router identifies itself by, and pins it.
func (i *initializer) askFingerprint(ctx context.Context) error {
	r := &i.router
	if !r.TLS && r.Transport != config.SSH {
		return nil
	}
	kind, key := schema.TLSHash, "certificate (SHA-256)"
	if r.Transport == config.SSH {
		kind, key = schema.SSHHash, "host key"
	}
	given := i.flags.fingerprint
	pin := func(print string) {
		r.TLSFingerprint, r.SSHFingerprint = "", ""
		if r.Transport == config.SSH {
			r.SSHFingerprint = print
		} else {
			r.TLSFingerprint = print
		}
	}
	switch given {
	case "none":
		pin("")
		return nil
	case "", "accept":
	default:
		print, err := schema.ParseScalar(kind, given)
		if err != nil {
			return app.Usagef("--fingerprint %q %v", given, err)
		}
		pin(print)
		return nil
	}
	if i.flags.offline {
		return nil
	}
	seen, err := routerdial.Fingerprint(ctx, i.endpoint(), patience)
	if err != nil {
		return err
	}
	if given == "accept" {
		pin(seen)
		return nil
	}
	if !i.tty {
		i.missing = append(i.missing, "--fingerprint: what the router identifies itself by; it shows now "+seen+"; accept takes that, none checks nothing")
		return nil
	}
	i.say("\nThe router identifies itself by this %s:\n  %s\nCompare it on the router, or be sure that nothing is between.\n", key, seen)
	yes, err := i.confirm("Pin it, so that nothing else gets the password?", true, false)
	if yes {
		pin(seen)
	}
	return err
}

// try logs in.
func (i *initializer) try(ctx context.Context) error {
	if i.flags.offline || len(i.missing) > 0 {
		return nil
	}
	client, err := i.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	start := time.Now()
	info, err := client.Info(ctx)
	if err != nil {
		return err
	}
	i.reached = true
	i.say("  It works: %s, RouterOS %s, answered in %v.\n", cmp.Or(info.Board, info.Identity), info.Version, time.Since(start).Round(time.Millisecond))
	return nil
}

func (i *initializer) dial() (router.Client, error) {
	return routerdial.Client(i.endpoint(), routerdial.Bounds{Timeout: patience})
}

// found is what the router has.
type found struct {
	interfaces []router.Interface
	routes     []router.Route
	queues     []candidate
	limit      [2]bitrate.Rate // of the queues that were chosen
}

// candidate is a queue that can be chosen.
type candidate struct {
	name, kind, on, queueType string
	limit                     string
	max                       [2]bitrate.Rate // of a simple queue by direction, where known; else of the queue
	simple                    bool
	known                     bool // of a simple queue: which number is the download
	upload, download          bool // it is likely that of the direction
}

// readRouter reads what can be proposed.
func (i *initializer) readRouter(ctx context.Context) error {
	if !i.reached {
		return i.askInterfaces()
	}
	client, err := i.dial()
	if err != nil {
		return err
	}
	defer client.Close()
	i.found.interfaces, _ = client.Interfaces(ctx) // what is not shown is not proposed
	i.found.routes, _ = client.DefaultRoutes(ctx)
	tree, err := client.Queues(ctx)
	if err != nil {
		return err
	}
	if err := i.askInterfaces(tree...); err != nil {
		return err
	}
	for _, q := range tree {
		c := candidate{name: q.Name, kind: "tree", on: q.Parent, queueType: q.Type, limit: q.MaxLimit.String(), max: [2]bitrate.Rate{q.MaxLimit, q.MaxLimit}}
		c.upload = q.Parent == i.wan || named(q.Name, "up")
		c.download = !c.upload || named(q.Name, "down")
		i.found.queues = append(i.found.queues, c)
	}
	simple, err := client.SimpleQueues(ctx)
	if err != nil {
		return err
	}
	for _, q := range simple {
		if q.Dynamic {
			continue
		}
		c := candidate{name: q.Name, kind: "simple", on: strings.Join(q.Target, ","), queueType: q.Type[0] + "/" + q.Type[1],
			limit: q.MaxLimit[0].String() + "/" + q.MaxLimit[1].String(), simple: true}
		side, _, err := q.DownloadSide(i.found.routes, i.found.interfaces)
		if c.known = err == nil; c.known {
			c.max = [2]bitrate.Rate{q.MaxLimit[side], q.MaxLimit[1-side]}
		}
		i.found.queues = append(i.found.queues, c)
	}
	return nil
}

func named(name, part string) bool { return strings.Contains(strings.ToLower(name), part) }

// askInterfaces finds the interfaces of the router, which a set-up of queues needs. An
// interface on which another WAN has its queue is not proposed.
func (i *initializer) askInterfaces(tree ...router.Queue) error {
	i.wan, i.lan = i.flags.wanInterface, i.flags.lanInterface
	taken := func(name string) bool {
		return slices.ContainsFunc(tree, func(q router.Queue) bool {
			return q.Parent == name && slices.ContainsFunc(i.others, func(w *config.WAN) bool { return w.Queues.Upload == q.Name })
		})
	}
	for _, r := range i.found.routes {
		if i.wan == "" && !r.Disabled && !r.Blackhole && !taken(r.Interface) {
			i.wan = r.Interface
		}
	}
	if i.lan == "" {
		n := slices.IndexFunc(i.found.interfaces, func(f router.Interface) bool { return f.Type == "bridge" && !f.Disabled && f.Name != i.wan })
		if n >= 0 {
			i.lan = i.found.interfaces[n].Name
		}
	}
	if !i.reached {
		return nil
	}
	var err error
	if i.wan, err = i.ask(question{flag: "wan-interface", text: "Interface of the router to the Internet, for " + i.name, propose: i.wan, empty: true}, i.flags.wanInterface); err != nil {
		return err
	}
	i.lan, err = i.ask(question{flag: "lan-interface", text: "Interface of the router to the LAN", propose: i.lan, empty: true}, i.flags.lanInterface)
	return err
}

func (f *found) typeOf(name string) string {
	n := slices.IndexFunc(f.interfaces, func(i router.Interface) bool { return i.Name == name })
	if n < 0 {
		return ""
	}
	return f.interfaces[n].Type
}

func (f *found) gatewayOf(wan string) string {
	n := slices.IndexFunc(f.routes, func(r router.Route) bool { return r.Interface == wan && wan != "" && !r.Disabled })
	if n < 0 {
		return ""
	}
	return f.routes[n].Gateway
}
