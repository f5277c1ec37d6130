// Package calibrate measures one line, idle and under load, without limits and with
// them, and proposes ceilings, floors and thresholds. It owns the order of the phases
// and the estimates; the router, the probes and the load are behind interfaces, so that
// simulated lines are measured by the same code in virtual time.
//
// It never leaves a limit changed: Run restores the limits on every way out, and the
// Router of its caller remembers them for when the process is killed.
package calibrate
