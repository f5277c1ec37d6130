// Package local is how the daemons of one host read each other: HTTP over a
// unix socket beside the lock file, /run/wanctl/NAME.sock, read-only.
//
//	GET /health    telemetry.Health or, of steering, telemetry.SteeringHealth
//	GET /history?since=T   history.Excerpt
//	GET /metrics
package local
