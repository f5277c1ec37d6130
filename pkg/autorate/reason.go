package autorate

// Reason says in a word why a direction's limit is what it is.
type Reason uint8

// Reasons, roughly from quiet to busy.
const (
	Starting      Reason = iota + 1 // no counters have come yet
	Idle                            // carries too little for the limit to matter
	AtCeiling                       // the limit is the ceiling and there is no queue
	Holding                         // just below the capacity, waiting to probe again
	Recovering                      // back up to a capacity that is known
	Probing                         // probing beyond what is known
	Cut                             // a queue has formed and this direction causes it
	Draining                        // below the capacity until the queue is gone
	Settled                         // queue gone: limit set just below the capacity
	Reverted                        // the delay was gone before the cut could act: taken back
	Verifying                       // a short dip to see whether the delay is ours at all
	BaselineReset                   // it was not: the delay is the new idle RTT
	ExternalDelay                   // delay is high but this direction carries little
	NoCounters                      // the router's counters are not known: hold
	Silent                          // no reflector answers: hold
	Held                            // told to hold
)

var reasonNames = [...]string{
	Starting: "starting", Idle: "idle", AtCeiling: "at ceiling", Holding: "holding",
	Recovering: "returning", Probing: "climbing", Cut: "cut", Draining: "draining",
	Settled: "settled", Reverted: "undone", Verifying: "verifying", BaselineReset: "rebased",
	ExternalDelay: "delay not ours", NoCounters: "no counters", Silent: "no replies", Held: "held",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) && reasonNames[r] != "" {
		return reasonNames[r]
	}
	return "unknown"
}

// Notable reports whether r is worth a log line at the default level: a finding
// of the law rather than its usual work.
func (r Reason) Notable() bool {
	switch r {
	case Cut, Settled, Reverted, Verifying, BaselineReset:
		return true
	default:
		return false
	}
}
