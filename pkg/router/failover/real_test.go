package failover_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// overAPI and overREST are endpoints of r.
func overAPI(r *simrouter.Router, timeout time.Duration, uncertain *rosclient.Uncertain) failover.Endpoint {
	host, port := r.HostPortOf(simrouter.API)
	return failover.Endpoint{Label: "api " + r.AddrOf(simrouter.API), Open: func() (router.Client, error) {
		c, err := api.New(api.Config{Host: host, Port: port, User: "admin", Plain: true, Timeout: timeout})
		if err == nil {
			c.ShareUncertain(uncertain)
		}
		return c, err
	}}
}

func overREST(r *simrouter.Router, o routertest.Options, uncertain *rosclient.Uncertain) failover.Endpoint {
	host, port := r.HostPortOf(simrouter.WWWSSL)
	return failover.Endpoint{Label: "rest " + r.AddrOf(simrouter.WWWSSL), Open: func() (router.Client, error) {
		c, err := rest.New(rest.Config{
			Host: host, Port: port, User: o.User, Password: func() string { return o.Password },
			Fingerprint: r.Fingerprint(), Timeout: o.Timeout, Now: o.Now,
		})
		if err == nil {
			c.ShareUncertain(uncertain)
		}
		return c, err
	}}
}

// closed is an endpoint that nothing listens on.
var closed = failover.Endpoint{Label: "api 127.0.0.1:1", Open: func() (router.Client, error) {
	return api.New(api.Config{Host: "127.0.0.1", Port: 1, User: "admin"})
}}

// Behind an endpoint that does not work, a router is what it is without.
func TestConformance(t *testing.T) {
	suite := routertest.Suite{Service: simrouter.WWWSSL, RequestsPerWrite: 1, Dial: func(t testing.TB, r *simrouter.Router, o routertest.Options) router.Client {
		if o.Timeout == 0 {
			o.Timeout = 10 * time.Second
		}
		c := failover.New(failover.Config{Endpoints: []failover.Endpoint{closed, overREST(r, o, new(rosclient.Uncertain))}})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}}
	suite.Run(t, simrouter.Config{})
}

// A limit that took effect without an answer over one service is found, and
// not written again, over the other.
func TestUnansweredWriteIsFoundOverAnotherService(t *testing.T) {
	r := routertest.StartService(t, simrouter.API, simrouter.Config{})
	if err := r.StartService(t.Context(), simrouter.WWWSSL, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	uncertain := new(rosclient.Uncertain)
	c := failover.New(failover.Config{Endpoints: []failover.Endpoint{
		overAPI(r, 200*time.Millisecond, uncertain), overREST(r, routertest.Options{User: "admin", Timeout: 10 * time.Second}, uncertain),
	}})
	defer c.Close()
	if _, err := c.Queue(t.Context(), routertest.Download); err != nil {
		t.Fatal(err)
	}
	rate := 321 * bitrate.Mbps
	set := router.QueueChange{Name: routertest.Download, QueueSettings: router.QueueSettings{MaxLimit: &rate}}
	r.Inject(simrouter.Fault{Kind: simrouter.Stall, Service: simrouter.API, Command: "set", Applied: true})
	_, err := c.SetQueues(t.Context(), set)
	if !errors.Is(err, router.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an answer: %v", err)
	}
	if n := r.Writes(); n != 1 {
		t.Fatalf("%d writes", n)
	}

	r.Refuse(simrouter.API)
	r.DropConnections(simrouter.API)
	queues, err := c.SetQueues(t.Context(), set)
	if err != nil || queues[0].MaxLimit != rate {
		t.Errorf("over rest: %v, %v", queues, err)
	}
	if n := r.Writes(); n != 1 {
		t.Errorf("%d writes: the outcome was not read back first", n)
	}
	if active, n, _ := c.Status(); active != "rest "+r.AddrOf(simrouter.WWWSSL) || n != 1 {
		t.Errorf("active is %s after %d switches", active, n)
	}
}
