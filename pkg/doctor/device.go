package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/export"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Device is the router of a configuration, as its endpoints show it.
type Device struct {
	Config    string // path of the configuration
	Command   string // that prints what the router needs: "wanctl router export --config FILE"
	Endpoints []Endpoint

	Accounts    []Account
	AccountsErr error // why they are not known
}

// Account is a user of the router that a daemon logs in as.
type Account struct {
	User, Group string   // Group is "" if the router has no such user, as with RADIUS
	Need, Have  []string // policies
}

// Endpoint is one way to the router.
type Endpoint struct {
	config.Router
	Key         string // in the configuration
	Err         error  // of the first request
	Info        router.Info
	Latency     time.Duration // of one request, the median
	Slowest     time.Duration
	Fingerprint string // that it presents; "" without TLS, or without an answer
}

// label names the endpoint.
func (e Endpoint) label() string { return fmt.Sprintf("%s at port %d", e.Transport, e.Port) }

// Bounds of what is asked of a router.
const (
	requests    = 5               // to measure the latency
	mostWaiting = 5 * time.Second // for one answer
)

// bounds returns those of each call.
func bounds(b *config.Base) routerdial.Bounds {
	return routerdial.Bounds{Timeout: min(b.Timeouts.Command, mostWaiting)}
}

// readDevice asks every endpoint, and returns a client of the first that answers beside
// the facts; nil if none does.
func readDevice(ctx context.Context, b *config.Base) (*Device, router.Client) {
	d := &Device{Config: b.Path, Command: "wanctl router export --config " + b.Path}
	var client router.Client
	for i, r := range b.Router.Endpoints() {
		key := "router"
		if i > 0 {
			key = fmt.Sprintf("router.failover[%d]", i-1)
		}
		e, c := readEndpoint(ctx, r, bounds(b))
		e.Key = key
		d.Endpoints = append(d.Endpoints, e)
		switch {
		case c == nil:
		case client == nil && e.Err == nil:
			client = c
		default:
			_ = c.Close() // it was only read
		}
	}
	if client != nil {
		d.readAccounts(ctx, client, b.Router.Endpoints())
	}
	return d, client
}

func readEndpoint(ctx context.Context, r config.Router, most routerdial.Bounds) (Endpoint, router.Client) {
	e := Endpoint{Router: r}
	client, err := routerdial.Client(r, most)
	if err != nil {
		e.Err = err
		return e, nil
	}
	if e.Info, e.Err = client.Info(ctx); e.Err != nil {
		return e, client
	}
	var took []time.Duration
	for begun := time.Now(); len(took) < requests && time.Since(begun) < mostWaiting/2; {
		start := time.Now()
		if _, err := client.Rows(ctx, "/system/identity"); err != nil {
			break
		}
		took = append(took, time.Since(start))
	}
	if slices.Sort(took); len(took) > 0 {
		e.Latency, e.Slowest = took[len(took)/2], took[len(took)-1]
	}
	e.Fingerprint, _ = routerdial.Fingerprint(ctx, r, most.Timeout) // an endpoint that answers has one
	return e, client
}

// readAccounts reads the groups of the users.
func (d *Device) readAccounts(ctx context.Context, client router.Client, endpoints []config.Router) {
	users, err := client.Rows(ctx, "/user")
	if err != nil {
		d.AccountsErr = err
		return
	}
	groups, err := client.Rows(ctx, "/user/group")
	d.AccountsErr = err
	find := func(rows []rosdata.Row, name string) rosdata.Row {
		i := slices.IndexFunc(rows, func(r rosdata.Row) bool { return r["name"] == name })
		if i < 0 {
			return nil
		}
		return rows[i]
	}
	for _, u := range routerdial.Users(endpoints) {
		group := find(users, u.Name)["group"]
		policies := strings.FieldsFunc(find(groups, group)["policy"], func(r rune) bool { return r == ',' || r == ';' })
		d.Accounts = append(d.Accounts, Account{
			User: u.Name, Group: group, Need: strings.Split(u.Policies(), ","),
			Have: slices.DeleteFunc(policies, func(p string) bool { return strings.HasPrefix(p, "!") }),
		})
	}
}

var deviceChecks = []Check[Device]{
	{"router", checkRouter},
	{"fingerprint", checkFingerprint},
	{"policies", checkPolicies},
}

// Latencies of a router from which the loop notices them.
const slowRouter = 100 * time.Millisecond

func checkRouter(d *Device) (results []Result) {
	for _, e := range d.Endpoints {
		switch {
		case e.Err != nil:
			text, hint := splitHint(e.Err)
			results = append(results, failure(orElse(hint, "wanctl router info --config "+d.Config), "%s (%s): %s", e.Key, e.Transport, text))
		case e.Latency > slowRouter:
			next := "name the faster transport first: router.transport: api"
			if e.Transport == config.API {
				next = "look at the router's load: wanctl router info --config " + d.Config
			}
			results = append(results, warning(next, "%s answers in %s, at most %s: reactions are late by that", e.label(), ms(e.Latency), ms(e.Slowest)))
		default:
			results = append(results, ok("%s, RouterOS %s, answers in %s over %s", orElse(e.Info.Board, e.Info.Identity), e.Info.Version, ms(e.Latency), e.label()))
		}
	}
	return results
}

// splitHint separates what a router's error says from what it suggests.
func splitHint(err error) (text, hint string) {
	text = err.Error()
	var of *rosdata.Error
	if errors.As(err, &of) && of.Hint != "" {
		hint = of.Hint
		if of.Redact != nil {
			hint = of.Redact(hint)
		}
		text = strings.TrimSuffix(text, "; "+hint)
	}
	return text, hint
}

func checkFingerprint(d *Device) (results []Result) {
	for _, e := range d.Endpoints {
		switch {
		case e.Err != nil: // said above
		case e.Transport == config.SSH && e.SSHFingerprint == "":
			results = append(results, ok("the host key is in known_hosts; %s pins it in the configuration", pin(e)))
		case e.Transport == config.SSH, e.TLSFingerprint != "":
			results = append(results, ok("%s: the pinned one", e.label()))
		case !e.TLS && config.IsLoopback(e.Host):
		case !e.TLS:
			results = append(results, warning("enable "+secure(e.Transport)+" on the router, and remove port and tls of "+e.Key+" in "+d.Config,
				"%s is without encryption: the password crosses the network in clear", e.label()))
		case e.VerifyTLS:
			results = append(results, ok("%s: the certificate is verified", e.label()))
		default:
			results = append(results, warning("if that is the router's own, set "+pin(e)+" in "+d.Config,
				"%s: the certificate is not pinned, so that any host that takes over the router's address gets the password", e.label()))
		}
	}
	return results
}

// pin is the setting that pins what the endpoint presents.
func pin(e Endpoint) string {
	if e.Transport == config.SSH {
		return e.Key + ".ssh_fingerprint: " + e.Fingerprint
	}
	return e.Key + ".tls_fingerprint: " + e.Fingerprint
}

func secure(t config.Transport) string {
	if t == config.API {
		return "api-ssl"
	}
	return "www-ssl"
}

func checkPolicies(d *Device) (results []Result) {
	if d.AccountsErr != nil {
		return one(skipped("users and groups are not shown to this user: %v", d.AccountsErr))
	}
	for _, a := range d.Accounts {
		missing, more := without(a.Need, a.Have), without(a.Have, a.Need)
		set := onRouter("/user group set [find name=" + rosdata.QuoteRSC(a.Group) + "] policy=" + strings.Join(a.Need, ","))
		if slices.Contains([]string{"full", "write", "read"}, a.Group) { // other users have those
			set = onRouter("/user group add name=wanctl policy=" + strings.Join(a.Need, ",") + "; /user set [find name=" + rosdata.QuoteRSC(a.User) + "] group=wanctl")
		}
		switch {
		case a.User == export.Admin:
			results = append(results, warning(d.Command+" prints a user of its own; then set router.user", "user admin may do everything on the router"))
		case a.Group == "":
			results = append(results, skipped("the router does not show the user %q, as with RADIUS", a.User))
		case len(missing) > 0:
			results = append(results, failure(set, "user %q lacks %s: its group is %q", a.User, strings.Join(missing, ", "), a.Group))
		case len(more) > 0:
			results = append(results, warning(set, "user %q may do more than is needed, by its group %q: %s", a.User, a.Group, strings.Join(more, ", ")))
		default:
			results = append(results, ok("user %q may do what is needed, and no more", a.User))
		}
	}
	return results
}

// without returns what is in all and not in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
