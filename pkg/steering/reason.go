package steering

// Reason is why the rule is, or should be, what a Decision says.
type Reason uint8

// Reasons, roughly from quiet to busy.
const (
	Clear                Reason = iota + 1 // not steered, and no reason to
	Congested                              // not steered; congestion, but not yet long or severe enough
	SustainedCongestion                    // congested long enough: steer
	Steered                                // steered, and the primary WAN is not green
	Recovering                             // steered; green, but not yet long enough
	Recovered                              // green long enough: return
	HoldDown                               // a change is due, but the last one was a moment ago
	FlapBrake                              // a change is due, but there have been too many
	AlternateIsDown                        // the alternate WAN is down: not steered to, or return
	AlternateIsDegraded                    // the alternate WAN is congested: not steered to, or return
	AlternateIsNotBetter                   // the alternate WAN is not measurably better: not steered to; or it is worse: return
	ByHand                                 // somebody else made the rule what it is: respected
	NoData                                 // no round-trip time: nothing changes
	RuleUnusable                           // a change is due, but the rule cannot be changed now
	Foreign                                // somebody else changed the rule: accepted
)

var reasonNames = [...]string{
	Clear: "clear", Congested: "congested", SustainedCongestion: "sustained_congestion",
	Steered: "steered", Recovering: "recovering", Recovered: "recovered",
	HoldDown: "hold_down", FlapBrake: "flap_brake",
	AlternateIsDown: "alternate_down", AlternateIsDegraded: "alternate_degraded",
	AlternateIsNotBetter: "alternate_not_better", ByHand: "by_hand",
	NoData: "no_data", RuleUnusable: "rule_unusable", Foreign: "foreign",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) && reasonNames[r] != "" {
		return reasonNames[r]
	}
	return "unknown"
}
