// Package steering is the law of steering. A house has two ways to the
// Internet, and one mangle rule on its router that sends new latency-sensitive
// connections by the other one. From what the primary WAN is like the law
// decides when that rule is to be on.
//
// It is a pure function of its state, the time and the input, like autorate: no
// clock, no I/O, no logger. Whoever steps it measures, reads and writes.
//
// # What is measured
//
// Excess is the round-trip time above its idle baseline: the time that packets
// spend in queues, and what people feel. It is smoothed; RTTAlpha is the weight
// of the newest sample. With 0.3 a step of the delay is half believed after two
// samples and to nine tenths after seven.
//
// Drops are the packets that CAKE dropped between two readings of the router's
// counters, in both directions together. A counter only ever grows, so the first
// reading says nothing, and one that went down was reset, or its router booted:
// it says nothing either. A 32-bit counter that started over is recognised, and
// a difference over a long pause is thrown away, since it is not of this moment.
//
// Depth is how many packets wait in the longer of the two queues, smoothed by
// QueueAlpha. The longer one, not the sum: a packet waits in one queue only.
//
// A reading stands until there is a newer one, for 2 s or three times the usual
// interval of readings, whichever is longer.
//
// # One sample
//
// Every sample is given a colour.
//
//	RED     excess >= RedRTT, and drops >= MinDropsRed or depth >= MinQueueRed;
//	        or excess >= 4 RedRTT
//	GREEN   excess < GreenRTT, fewer drops than that, and depth < MinQueueYellow
//	YELLOW  excess >= YellowRTT, or as many drops, or depth >= MinQueueYellow
//
// What is left lies between the delays of GREEN and YELLOW, and keeps the colour
// of the sample before, but for RED, which becomes YELLOW.
//
// RED takes two witnesses. Delay alone may be a reflector that is busy or a path
// that has changed, and then steering helps nobody. Drops and depth alone are a
// full line on which CAKE does its work: bulk transfers wait in their own queue
// and the call beside them feels nothing. Both together say that packets wait
// and that the load of this line is why. Of drops and depth either will do: CAKE
// drops early where one flow misbehaves and holds a long queue where there are
// many, and a reading seldom catches both. Four times RedRTT needs no witness: the
// queue may stand where no counter sees it, in the box of the provider, and
// whatever the reason, a call is better off on a line without such delay.
//
// Where the counters are not known, because no queue is configured or the router
// does not tell, the delay alone decides, by the same thresholds. After a start
// they are waited for first, for 2 s.
//
// Without Yellow there is no such colour; what would have it is called GREEN.
//
// With CakeAware false there are no witnesses. A sample is bad (RED) with
// excess >= Bad, good (GREEN) with excess < Recovery, and neither in between.
//
// # Rows of samples
//
// RedSamples RED in a row turn the rule on; GreenSamples GREEN in a row turn it
// off. It takes much longer to come back than to leave, since a line that was
// congested a moment ago is likely to be so again. What the other samples do:
//
//	                                row of RED     row of GREEN
//	RED                             grows          ends
//	GREEN                           ends           grows
//	YELLOW                          waits          ends
//	between GREEN and YELLOW        waits          waits
//	YELLOW, with Yellow false       waits          waits
//	between Recovery and Bad        waits          waits
//
// So drops that come in every second sample are still a row, and while there are
// signs of congestion nothing comes back. A row waits for as many samples as it
// needs to have; the next one ends it. So an hour of YELLOW does not join two
// samples of RED that have nothing to do with one another.
//
// # Score
//
// The other judge weighs the same signs into a score of 0 to 100: 60 points for
// the delay, 40 for the queues, of which the stronger of drops and depth has three
// quarters. Each rises in straight lines through the thresholds above:
//
//	delay  0 up to half of GreenRTT, 17 % at it, 50 % at YellowRTT, 60 % at RedRTT, all at 4 times RedRTT
//	drops  0 up to half of MinDropsRed, 70 % at it, all at 10 times that
//	depth  0 up to half of MinQueueYellow, 35 % at it, 70 % at MinQueueRed, all at 4 times that
//
// Drops are smoothed like the depth here. Without counters the delay has all 100
// points. More of anything never lowers the score. With the default thresholds a
// sample that is just RED scores 57, one that is GREEN less than 20, the fullest
// line without delay 40, and delay without a queue of ours 55 from about 50 ms on:
// the score steers away from a severe delay whoever makes it, the rows do not.
// Its slope has no part in it: Sustain outlasts the lead that it would give.
//
// A score at or above SteerThreshold for Sustain turns the rule on, one at or
// below RecoveryThreshold for RecoverySustain turns it off. Where steps without a
// sample lie between two with one, no more time counts than samples usually take.
//
// Both judges always sit, and Scored says which one decides. What the other would
// have made of the rule is Decision.WouldSteer.
//
// # Brakes
//
// Connections that are moved to and fro are worse off than on either WAN. The
// brakes hold in both modes, whoever changed the rule, and over restarts.
//
// Hold-down: after a change there is no other one, in either direction, for
// HoldDown. It counts from when the change was seen on the router, not from when
// it was wished for.
//
// Flap brake: while more than MaxToggles changes lie within the last FlapWindow,
// nothing is steered. What is steered may still come back, once, so that the rule
// rests where the network is as its owner built it. That is the penalty's
// extended hold. The penalty itself lasts as long, and for Penalty after it: the
// steer threshold is raised by PenaltyThreshold, though never above 100. Then the
// score has to stand at the raised threshold for Sustain, whoever decides: if the
// rows do, the score is asked as well.
//
// So there are never more than MaxToggles+2 changes of ours within any FlapWindow,
// and never two within HoldDown. Ways back from a WAN that is down are not counted
// in that, since the flap brake does not apply to them; there can be more of those
// only if somebody else turns the rule on each time.
//
// # The alternate WAN
//
// Nothing is steered to a WAN that is known to be down or degraded. Nothing known
// of it is no obstacle: many have no loop that could tell.
//
// When it goes down while the rule is on, the rule is turned off, whatever the
// primary WAN is like and whether it is seen at all; only hold-down comes first. A
// WAN that is down carries nothing, so why wait? Because what is known of it is a
// measurement, which fails more often than lines do, and because the router
// itself takes away the route over a dead gateway within seconds. A hold-down
// that gives way to whoever says "down" would let the rule flap at the pace of
// that measurement.
//
// When it is degraded for Sustain on end, the rule is turned off as well, also if
// the primary WAN is no better: what was steered may be what degrades it, and of
// two bad ways the usual one is preferred.
//
// # No data
//
// A step without a usable round-trip time changes nothing: no count advances, and
// what was decided stands. A dead line has none, so the law does not steer away
// from it. That is for the router's own failover. Times of no sense are taken for
// none. After 10 s without samples, or three times the usual interval, all that
// was counted and smoothed is forgotten and begins anew with the next one.
//
// # Whose rule it is
//
// The rule is what the router says it is, not what was wished for or remembered.
// A change that was not asked for was made by somebody else. It stands like one
// of ours: hold-down begins, the rows begin anew, and only after that the law has
// its own opinion again. The same goes for the first reading after a start.
//
// While the rule cannot be changed, all goes on but the wish: Decision.Steer is
// what the rule is. When it can be, what is right then is asked for, not what was
// right before.
package steering
