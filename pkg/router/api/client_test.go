package api

import (
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// config is that of a client of r, which runs this service, as admin.
func config(r *simrouter.Router, service simrouter.Service) Config {
	host, port := r.HostPortOf(service)
	return Config{Host: host, Port: port, User: "admin", Plain: service == simrouter.API, Timeout: 10 * time.Second}
}
