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
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// endpoint is a service of r.
func endpoint(r *simrouter.Router, service simrouter.Service, timeout time.Duration, uncertain *rosclient.Uncertain) failover.Endpoint {
	open, name := rest.New, "rest "
	if service == simrouter.API {
		open, name = api.New, "api "
	}
	host, port := r.HostPortOf(service)
	return failover.Endpoint{Label: name + r.AddrOf(service), Open: func() (router.Client, error) {
		c, err := open(rosconn.Access{Host: host, Port: port, User: "admin", Plain: service == simrouter.API, Timeout: timeout})
		if err == nil {
			c.ShareUncertain(uncertain)
		}
		return c, err
	}}
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
		endpoint(r, simrouter.API, 2*time.Second, uncertain), endpoint(r, simrouter.WWWSSL, 10*time.Second, uncertain),
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
