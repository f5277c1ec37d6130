// Package steering decides when the traffic-steering rule of a router is enabled:
// the mangle rule that sends new latency-sensitive connections over the alternate
// WAN while the primary WAN is congested.
//
// The law is a pure function of its state, the time and the input: no clock, no
// I/O, no logger. Its caller measures, reads the router and writes the rule.
//
// # Measurements
//
// Excess is the round-trip time above its idle baseline: the queueing delay that
// users feel. It is smoothed (EWMA); RTTAlpha is the weight of the newest sample.
// With 0.3, a step of the delay reaches half its height after two samples and nine
// tenths after seven.
//
// Drops are the packets that CAKE dropped between two readings of the router's
// counters, in both directions together. The first reading gives no difference, and
// neither does a counter that went down: it was reset, or the router rebooted. The
// overflow of a 32-bit counter is recognised. A difference over a long pause is
// ignored, since it does not describe the present.
//
// Depth is the number of packets in the longer of the two queues, smoothed by
// QueueAlpha. The longer one, not the sum: a packet waits in one queue only.
//
// RouterOS does not count what CAKE and fq_codel drop inside the leaf of a queue: the
// counter stands at 0 for ever. A queue's drops are "not counted" once the queue has
// sent 500 kB over 5 s of congestion (smoothed excess >= YellowRTT, and the other
// queue no longer than this one) without one drop since the law first saw it, restarts
// included. The first drop that is counted ends that for good.
//
// A reading is used until there is a newer one, for 2 s or three times the usual
// interval between readings, whichever is longer.
//
// # Assessment of a sample
//
//	RED     excess >= RedRTT, and drops >= MinDropsRed or depth >= MinQueueRed;
//	        or excess >= 4 RedRTT
//	GREEN   excess < GreenRTT, fewer drops than that, and depth < MinQueueYellow
//	YELLOW  excess >= YellowRTT, or as many drops, or depth >= MinQueueYellow
//
// Any other sample lies between the thresholds of GREEN and YELLOW. It keeps the
// assessment of the sample before, except that RED becomes YELLOW.
//
// Of a queue whose drops are not counted, a depth >= MinQueueYellow confirms RED: one
// dropped packet would have, and drops begin where the queue is no longer short.
//
// RED requires both delay and a sign of load. Delay alone may come from a busy
// reflector or a changed path, where steering does not help. Drops and depth alone
// mean a full line on which CAKE works: bulk transfers wait in their own queue, and
// a call beside them is not affected. Either of drops and depth suffices: CAKE drops
// early where one flow misbehaves and holds a long queue where there are many, and a
// reading seldom catches both. An excess of four times RedRTT is RED by itself: the
// queue may be in equipment of the provider, which no counter shows, and a call is
// better off on another line whatever the reason.
//
// Where the counters are not known, because no queue is configured or the router
// does not answer, delay alone decides, by the same thresholds. After a start the law
// waits up to 2 s for the first reading.
//
// Without Yellow, samples that would be YELLOW are reported as GREEN.
//
// With CakeAware false, drops and depth are not used. A sample is bad (RED) with
// excess >= Bad, good (GREEN) with excess < Recovery, and neutral between them.
//
// # Streaks
//
// RedSamples RED in a row turn the rule on; GreenSamples GREEN in a row turn it
// off. Returning takes much longer than leaving, since a line that was congested a
// moment ago is likely to be congested again. Other samples interrupt a streak or end
// it:
//
//	                                RED streak     GREEN streak
//	RED                             grows          ends
//	GREEN                           ends           grows
//	YELLOW                          interrupted    ends
//	between GREEN and YELLOW        interrupted    interrupted
//	YELLOW, with Yellow false       interrupted    interrupted
//	between Recovery and Bad        interrupted    interrupted
//
// So drops in every second sample still make a streak, and nothing returns while
// there are signs of congestion. A streak survives as many interrupting samples as
// it must be long; the next one ends it. So an hour of YELLOW does not join two
// unrelated samples of RED.
//
// # Score
//
// The other method weighs the same measurements into a score of 0 to 100: 60 points
// for the delay and 40 for the queues, of which the stronger of drops and depth
// contributes three quarters. Each rises linearly between these points:
//
//	delay  0 up to half of GreenRTT, 17 % at it, 50 % at YellowRTT, 60 % at RedRTT, all at 4 times RedRTT
//	drops  0 up to half of MinDropsRed, 70 % at it, all at 10 times that
//	depth  0 up to half of MinQueueYellow, 35 % at it, 70 % at MinQueueRed, all at 4 times that
//
// Drops are smoothed like the depth here. Without counters the delay has all 100
// points; a queue whose drops are not counted has those of drops and depth by its depth
// alone, if that is more. More of any measurement never lowers the score. With the default
// thresholds a sample that is just RED scores 57, a GREEN one less than 20, a full
// line without delay 40, and delay without a queue of ours reaches 55 at about 50 ms:
// the score steers away from a severe delay of any cause, the streaks do not. The
// slope of the delay is not used: Sustain lasts longer than the lead it would give.
//
// A score at or above SteerThreshold for Sustain turns the rule on; one at or below
// RecoveryThreshold for RecoverySustain turns it off. Where steps without a sample
// lie between two samples, no more than the usual interval is counted.
//
// Both methods are always evaluated, and Scored selects the one that decides. What
// the other would have decided is Decision.WouldSteer.
//
// # Hold-down and flap damping
//
// Moving connections to and fro is worse than either WAN. These limits hold in both
// modes, for every change of the rule, whoever made it, and over restarts.
//
// Hold-down: after a change there is no other one, in either direction, for HoldDown
// from when the change was seen on the router.
//
// Flap damping: while more than MaxToggles changes lie within the last FlapWindow,
// the rule is not turned on. It may be turned off once more, so that it comes to rest
// as the owner of the network built it. This is the extended hold of the penalty. The
// penalty lasts until there have not been too many changes for Penalty: the steer
// threshold is raised by PenaltyThreshold, to at most 100, and the score must stay
// there for Sustain, even where the streaks decide.
//
// So the law makes at most MaxToggles+2 changes within any FlapWindow, and never two
// within HoldDown. Returns from a WAN that is down are exempt from flap damping.
//
// # The alternate WAN
//
// The rule is not turned on while the alternate WAN is known to be down or degraded,
// or not measurably better than the primary WAN:
//
//	its excess is not lower by a quarter of the primary's smoothed excess, and by
//	GreenRTT (Recovery with CakeAware false) at least;
//	or it loses 10 % of its probes, and no less than the primary.
//
// An unknown state is no obstacle: many alternate WANs have no loop that measures
// them. Without a delay of the alternate WAN its state decides.
//
// When it goes down while the rule is on, the rule is turned off after hold-down,
// whatever the primary WAN does and whether or not it is measured. Hold-down applies
// because "down" is a measurement, which fails more often than lines do, and because
// the router itself withdraws the route over a dead gateway within seconds. Without
// hold-down the rule would flap at the pace of that measurement.
//
// When it is measurably worse than the primary WAN for Sustain without interruption,
// the rule is turned off too: the primary's smoothed excess is lower by a quarter of
// the alternate's, and by GreenRTT at least, or the alternate loses 10 % of its probes
// more. Between better and worse nothing changes, so that two WANs that are equally
// bad do not exchange their traffic. Where they cannot be compared, degraded counts as
// worse: the steered traffic may be what degrades it, and of two bad lines the usual
// one is preferred.
//
// # Missing data
//
// A step without a usable round-trip time changes nothing: no streak advances, and
// the last decision stays in force. A dead line has no round-trip time, so the law
// does not steer away from it; that is for the router's own failover. Implausible
// times count as missing. After 10 s without samples, or three times the usual
// interval, streaks and averages start afresh with the next sample.
//
// # Changes by others
//
// The rule is what the router reports, not what was requested or remembered. A change
// that was not requested was made by somebody else, by hand. The same applies to the
// first reading after a start, compared with the memory. Hold-down and flap damping
// count such a change, and streaks start afresh.
//
// A rule that was enabled by hand stays enabled until it is disabled by hand, whatever
// either WAN does: the law turns off only what it turned on itself. A rule that was
// disabled by hand stays disabled until the congestion is over, by the condition that
// would have turned it off (GreenSamples GREEN in a row, or the score at or below
// RecoveryThreshold for RecoverySustain). After that the law decides again. Both
// outlive a restart. A write of ours whose outcome was not known is ours whenever it is
// seen. A dry run has no changes by hand, since it goes its own way.
//
// While the rule cannot be changed, everything but the request goes on:
// Decision.Steer is what the rule is. Once it can be changed, the request is what is
// right then, not what was right before.
package steering
