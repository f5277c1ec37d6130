package routertest

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// options of a client under test. Zero fields mean the current time, and a timeout that
// no call reaches.
type options struct {
	user, password string // admin without a password
	timeout        time.Duration
	now            func() time.Time
}

// protocol is one way to a router, and the routers that the suite is run against.
type protocol struct {
	name    string
	service simrouter.Service
	open    func(*simrouter.Router, options) (router.Client, error)
	routers []simrouter.Config

	// requestsPerWrite is the number of requests, as the router counts them, for
	// one limit over a warm session.
	requestsPerWrite int
}

var protocols = []protocol{
	{"rest", simrouter.WWWSSL, overREST, versions("7.12", "7.18", "7.22.1", newest), 1},
	{"api", simrouter.API, overAPI(simrouter.API), versions("6.49.10", "7.12", "7.18", "7.22.1", newest), 2}, // set and print, sent together
	{"api-ssl", simrouter.APISSL, overAPI(simrouter.APISSL), versions(newest), 2},
	{"ssh", simrouter.SSH, overSSH, []simrouter.Config{ // every way a console may show what the client relies on
		{Version: "7.22.1"},
		{Version: newest},
		{Version: "7.18", Quirks: simrouter.Quirks{SSH: simrouter.SSHQuirks{Exit: simrouter.ExitOne}}},
		{Version: "7.12", Quirks: simrouter.Quirks{SSH: simrouter.SSHQuirks{Pad: 100}}},
		{Version: "6.49.10", Quirks: simrouter.Quirks{SSH: simrouter.SSHQuirks{Exit: simrouter.ExitMissing, HostKey: "ed25519"}}},
	}, 1},
	{"failover", simrouter.WWWSSL, overFailover, versions(newest), 1},
}

func versions(all ...string) []simrouter.Config {
	routers := make([]simrouter.Config, len(all))
	for i, v := range all {
		routers[i].Version = v
	}
	return routers
}

// dial returns a client of r until the end of the test.
func (p protocol) dial(t testing.TB, r *simrouter.Router, o options) router.Client {
	t.Helper()
	if o.timeout == 0 {
		o.timeout = time.Minute // also of a machine that is busy with other tests
	}
	c, err := p.open(r, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (o options) access(r *simrouter.Router, service simrouter.Service) rosconn.Access {
	host, port := r.HostPortOf(service)
	return rosconn.Access{Host: host, Port: port, User: o.user, Password: func() string { return o.password }, Timeout: o.timeout, Now: o.now}
}

func overREST(r *simrouter.Router, o options) (router.Client, error) {
	a := o.access(r, simrouter.WWWSSL)
	a.Fingerprint = r.Fingerprint()
	return rest.New(a)
}

func overAPI(service simrouter.Service) func(*simrouter.Router, options) (router.Client, error) {
	return func(r *simrouter.Router, o options) (router.Client, error) {
		a := o.access(r, service)
		if a.Plain = service == simrouter.API; !a.Plain {
			a.Fingerprint = r.Fingerprint()
		}
		return api.New(a)
	}
}

func overSSH(r *simrouter.Router, o options) (router.Client, error) {
	a := o.access(r, simrouter.SSH)
	return ssh.New(ssh.Config{Host: a.Host, Port: a.Port, User: a.User, Password: a.Password, Fingerprint: r.SSHFingerprint(), Timeout: a.Timeout, Now: a.Now})
}

// overFailover is REST behind an endpoint that nothing listens on: it behaves like REST
// alone.
func overFailover(r *simrouter.Router, o options) (router.Client, error) {
	closed := func() (router.Client, error) {
		return api.New(api.Config{Host: "127.0.0.1", Port: 1, User: "admin"})
	}
	uncertain := new(rosclient.Uncertain)
	open := func() (router.Client, error) {
		c, err := overREST(r, o)
		if err == nil {
			c.(*rosclient.Client).ShareUncertain(uncertain)
		}
		return c, err
	}
	return failover.New(failover.Config{Endpoints: []failover.Endpoint{
		{Label: "api 127.0.0.1:1", Open: closed},
		{Label: "rest " + r.AddrOf(simrouter.WWWSSL), Open: open},
	}}), nil
}
