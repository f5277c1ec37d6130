package autorate

import "time"

// Every number of the law is here, with its unit in the type or in the comment, and what
// it is for. In brackets stands the scenario of `wanctl sim link` that suffered most when
// the idea was switched off. wanctl-law(7) quotes all of them from this file.

// Load: what a direction carries, as a share of its applied limit.
const (
	loadedShare    = 0.4  // a queue is likely this direction's doing
	idleShare      = 0.03 // below it, it cannot be: never cut, and delay is the path's own
	negligibleRate = 90e3 // bit/s, beside the probes: fills no line
	limitedShare   = 0.85 // the limit is what holds the flow
	busyShare      = 0.5  // the same, where the shaper is seen queueing: counters may leave out the overhead of the line
	burstyShare    = 0.8  // the same on a noisy line, where it is empty between bursts [jitter-40]
	heldShare      = 0.9  // a download with a busy shaper: nothing before it binds [bbr-download]
	underusedLeast = 0.05 // less is no flow that something else could hold
	underusedMost  = 0.93 // clearly less than the limit lets through
	endedShare     = 0.1  // a flow that was cut has ended
	onsetRise      = 1.5  // times what was carried before: the throughput has risen [throttled]
	onsetEnded     = 0.5  // of the most that was carried since the delay began: its queue would have drained
	rampRise       = 1.25 // times the mean of rampBefore: a flow that is only starting [bbr-download]
	fewerAcks      = 0.7  // of the throughput at the cut: its acknowledgements have become few
	ratePerAcks    = 12   // times what acknowledges it in the other direction: a direction's rate
)

// Counters of the router's queues.
const (
	readingRing    = 64                      // readings kept: those of a few seconds
	staleAtLeast   = 2 * time.Second         // older counters do not say what the load is
	staleTicks     = 3                       // or so many intervals, where they are read seldom
	loadSpan       = 280 * time.Millisecond  // over which load is averaged: the jitter of an answer is a few percent of it
	recentSpan     = 80 * time.Millisecond   // what passes now
	ackSpan        = 380 * time.Millisecond  // what passed before acknowledgements became late
	rampNow        = 150 * time.Millisecond  // rate now, of a flow that may be starting
	rampBefore     = 600 * time.Millisecond  // rate before, beside it
	busySpan       = 250 * time.Millisecond  // the shaper was busy just now
	burstSpan      = 100 * time.Millisecond  // the same on a noisy line, where it is empty between bursts [jitter-40]
	quietSpan      = time.Second             // the shaper was not busy for so long: idle
	underusedSpan  = 1500 * time.Millisecond // the shaper was busy a moment ago
	usualSpan      = 2 * time.Second         // mean of what is carried without delay
	onsetSpan      = 1500 * time.Millisecond // after the last sample without delay a throughput has to rise to be its cause
	leapRate       = 1e12                    // bytes a second: more than any link carries
	leapSpan       = 100 * time.Millisecond  // at least, for that
	packetBytes    = 1514                    // of a full frame
	backlogPackets = 2                       // full packets queued, at most, in a shaper that is not busy
)

// Evidence: when a delay is a queue.
const (
	maxSamples      = 8                      // an excess has to last, at most [jitter-40-upload]
	sampleCost      = 0.07                   // of a sample's time: what another one costs, since the queue grows meanwhile
	aboveTarget     = 4.                     // times what noise exceeds target_bloat_ms by: what that costs beside [jitter-40-up]
	samplesChange   = time.Millisecond       // by how much another number of samples has to be better
	noiseLeast      = 3 * time.Millisecond   // the threshold on a line without noise
	noiseFactor     = 1.2                    // times the noise: the threshold
	noiseStepIdle   = 500 * time.Microsecond // of the 90th percentile: long while every sample is the line's own
	noiseStepLoaded = 200 * time.Microsecond // the same under load
	noiseStepShare  = 1. / 16                // of the percentile itself, beside
	noiseQuantile   = 0.9                    // the percentile that is tracked
	noiseLoaded     = 5 * time.Millisecond   // learned under load, at most, where no more was seen without [bbr-download]
	falseAlarmStep  = 2 * time.Millisecond   // more of it for every alarm that was reverted [starlink]
	falseAlarmMost  = 8 * time.Millisecond   // at most [starlink]
	falseAlarmFades = 12000                  // samples
	noisyFrom       = 6 * time.Millisecond   // of an unloaded line's noise in single samples: a noisy line [jitter-40]
	goneWithin      = 4                      // samples in which noise has gone, and a queue has not [jitter-40-upload]
	noiseHeldFor    = 500 * time.Millisecond // a download held by its shaper shows noise
	noiseCalmFor    = 2 * time.Second        // any other load
	noiseCalmWeight = 0.05                   // with this weight: a queue that grows slowly would pass for noise
	cusumUnit       = 50 * time.Millisecond  // an excess lasting so long counts once
	cusumSample     = 4                      // thresholds, of one sample at most
	cusumMost       = 12                     // thresholds
	cusumAlarm      = 2                      // thresholds: the alarm
	earlyLeast      = 0.6                    // thresholds: the alarm where a queue is expected, on a quiet line [throttled-upload]
	earlyNoise      = 16 * time.Millisecond  // of noise above noiseLeast: nothing is gained by haste
	expectFor       = 600 * time.Millisecond // and a loop time after a raise beyond the capacity a queue is expected
	slopePoints     = 5                      // samples
	slopeLeast      = 3                      // samples, for a slope at all
	overdueSign     = 0.5                    // thresholds of excess in replies, for overdue ones to count [both-step, slow router]
	oneWayShare     = 0.5                    // of the excess that one-way delays have to explain
	silentFor       = 250 * time.Millisecond // without a reply nothing is raised
	silentTicks     = 2                      // or so many intervals
	loopTicks       = 2                      // intervals in the loop time
)

// Attribution: whose queue it is. The weight of a suspect divides cusumAlarm.
const (
	weightAlone      = 1.                     // the other direction cannot be the cause
	weightUnderused  = 2.                     // the same, and less comes through than the limit lets
	weightWithin     = 0.3                    // nothing exceeds what is known to be carried, on a noisy line; or the other alone does [jitter-40-both]
	beyondShare      = 0.995                  // of what is known: beyond it
	weightAtFloor    = 0.2                    // nothing is left to cut
	weightAtFloorNew = 0.25                   // the same, raised last
	weightHeld       = 0.2                    // a download held by its own shaper [both-step, slow router]
	weightAcksLate   = 0.3                    // a download whose acknowledgements are late [jitter-40-both]
	weightAcksOther  = 1.5                    // the upload then
	weightStarved    = 1.5                    // a download that gets less than its limit lets [both-halved, slow router]
	weightBeyond     = 1.                     // it alone is above what is known to be carried; or the other is held by its shaper; or it was raised last
	weightEven       = 0.5                    // no evidence
	weightWeak       = 0.2                    // little of its limit in use, nobody else suspect [throttled]
	weakThresholds   = 4                      // of excess, for that
	atFloorShare     = 1.01                   // of a limit: equal to it but for rounding
	splitPending     = 0.5                    // one-way delays are about to come [both-step, one-way]
	acksLess         = 0.03                   // of the throughput, at least, and
	acksSlope        = 1.5                    // slopes: a download has become less than by a queue of its own
	acksLeast        = 0.9                    // of what the longer round trip leaves
	acksMost         = 2.                     // of that, at most
	settleTime       = 700 * time.Millisecond // and a loop time: a queue shows after a raise [both-step, slow router]
	retryOther       = 30 * time.Second       // between two trials of a direction without evidence against it
	giveUpAfter      = 5 * time.Second        // without a new low: everything is tried
	giveUpTrips      = 6                      // and so many idle round trips: senders far away react late [satellite/ramp/bbr]
	floorPatience    = 2 * time.Second        // and a loop time, with a floor under which nothing drains
	dropLeast        = 8 * time.Millisecond   // a queue has to be due to fall by this, or [both-fixed, slow router]
	dropThresholds   = 2                      // thresholds, before its not falling means something
	dropShare        = 0.3                    // of what it is due to fall by
	nearFloorShare   = 0.6                    // of the limit before the cut: deep
	exhaustedAfter   = time.Second            // and a loop time, deep and in force
	confirmedDrop    = 0.75                   // of the peak: the cut does help
	untriedShare     = 0.98                   // of the limit before: the cut has changed nothing
	idleSwitch       = 250 * time.Millisecond // the flow that was cut is gone: what stands is not its queue
	idleEnd          = time.Second            // and there is nothing left to learn
)

// Capacity estimates.
const (
	lagSpan         = 250 * time.Millisecond // of limits, ending a loop time ago: what the queue has seen
	flatSlope       = 0.1                    // ms/ms: a download that hardly queues shows its capacity as throughput [both-step, slow router]
	sameLimit       = 0.9                    // of the mean limit: it was in force all the time
	clockedShare    = 0.95                   // of the lowest limit: the bottleneck clocks the flow [web, both-step]
	drainingSlope   = -0.02                  // ms/ms: less arrives than the capacity
	refractory      = time.Second            // after a drain a new queue is likely its rebound [both-step, slow router]
	reboundFloor    = 0.85                   // of the capacity: a cut by a rebound, or by starting flows [bbr-download]
	confirmedShare  = 0.95                   // of where it settles: back at a capacity that was not refuted
	heldReached     = 0.99                   // of reboundFloor: nothing has refuted the capacity
	lagLeast        = 0.2                    // of the limit, and of the estimate when it is revised
	drainSpan       = 250 * time.Millisecond // of a limit and of the slope
	drainThresholds = 2                      // of excess, for the slope of a drain to say something [slow/step/upload]
	drainSteady     = 0.03                   // share by which a limit in force may have moved
	drainSlopeMost  = 0.5                    // ms/ms
	stuckAfter      = 300 * time.Millisecond // and a loop time without a new low: the estimate is too high
	stuckFactor     = 0.92                   // of the estimate: what is left of it then
	newLow          = 1. / 16                // lower than the lowest
	growSlope       = 0.05                   // ms/ms although the cut is in force [both-halved, slow router]
	growAfter       = 100 * time.Millisecond // and the time to an effect, before a cut that does not stop the growth was too small
	floorBinds      = 0.97                   // of the estimate: a floor keeps the limit from draining
	stallPeak       = 25 * time.Millisecond  // the least queue whose end says something about the capacity [slow/walk/web, lte]
	stallRise       = 1.25                   // times the estimate
	stallFell       = 0.9                    // ms/ms: no queue is believed to fall faster
	samePlace       = 0.05                   // share: a probe has failed where the last one did
	capacityAge     = 10 * time.Minute       // after that a capacity is only a memory
	restoreOver     = 0.1                    // above the ceiling, as a share: plausible from an earlier run
)

// Cut and drain.
const (
	depthLeast   = 0.03                   // below the capacity, as a share
	deepest      = 0.45                   // of the capacity: deeper starves TCP, and the line stays empty long after the queue
	depthQueue   = 150 * time.Millisecond // the queue that is drained at that depth
	lowerLeast   = 0.025                  // share by which a limit is lowered during a drain: less is not worth a write
	settleDown   = 0.975                  // of the capacity: bursts meet the bottleneck before the shaper
	settleUp     = 0.985                  // paced by the shaper
	settleNoisy  = 0.03                   // less than that on a noisy line, whose bursts last [jitter-40-upload]
	drainFastest = 0.25                   // of the time that a queue takes to drain: what is gone sooner was none [wifi, starlink]
	freezeDrain  = time.Second            // a drain that has had so long is over when nothing can be seen
)

// The test pulse: is the delay ours at all?
const (
	pulseAfter     = 600 * time.Millisecond  // and a loop time: a cut must show by then [starlink-upload, lte]
	pulseLength    = 450 * time.Millisecond  // and a loop time
	pulseShare     = 0.5                     // of the estimate, or of what flows
	pulseFloor     = 0.6                     // of what flows: a floor that is lower leaves room for a pulse
	pulseFell      = 0.8                     // of the peak
	pulseGrew      = 1.1                     // of the peak: the capacity has collapsed further
	pulseLower     = 0.6                     // of the estimate, when it has grown
	pulseSpacing   = 10 * time.Second        // between two pulses
	pulseWindow    = 10 * time.Minute        // in which pulses are counted
	pulsesMost     = 4                       // per pulseWindow
	persistentCuts = 3                       // in a row that leave a delay [lte, starlink-upload]
	persistentFor  = 1500 * time.Millisecond // at least, from the first of them
	persistentLow  = 0.5                     // thresholds: an excess below it ends the count
	persistentHigh = 4                       // thresholds: far above is no small matter of a longer route
	persistentFell = 0.75                    // of the lowest
	flatFor        = time.Second             // a stretch of a drain, two of which agree
	flatWithin     = 0.2                     // share by which two stretches agree
	flatNoise      = 1500 * time.Microsecond // or this, on a noisy line
	flatMost       = 150 * time.Millisecond  // could be a buffer kept full by a capacity below the floor
)

// Raising.
const (
	raiseEvery     = 200 * time.Millisecond  // or
	raiseLoops     = 1.5                     // loop times
	recoverFactor  = 1.10                    // a step back to a known capacity, or half the way
	recoverBelow   = 0.95                    // of where it settles
	growthFirst    = 0.013                   // of a probe's first step
	growthRate     = 3.5                     // doublings a second [foreign]
	growthMost     = 0.12                    // of any step
	growthSlow     = 2.                      // times as much, where a slow router makes steps few [both-halved, slow router]
	refutedShare   = 1.06                    // times a capacity without a queue: it has grown
	refutedGrowth  = 5. / 3                  // times growthMost then [both-step, slow router]
	holdRough      = 600 * time.Millisecond  // at an estimate still rough [throttled-upload, both-step]
	holdFirst      = 1500 * time.Millisecond // after the first failed probes, and after a cut that was taken back
	holdLong       = 2200 * time.Millisecond // where probes keep failing at the same place
	holdFailures   = 4                       // in a row, for that
	holdSteady     = 5 * time.Second         // where they have failed there for half a minute: every probe is four writes
	steadyFailures = 12                      // in a row, for that
	holdNoise      = 400.                    // times the noise above noisyLine: there a probe costs more delay [router-refuses]
	noisyLine      = 3500 * time.Microsecond // noise from which a hold is longer
	holdBoth       = 15. / 8                 // times as long while the other is loaded: two share what the router bears [both-step, slow router]
	probeTurn      = 1200 * time.Millisecond // and [both-step, slow router]
	probeTurnLoop  = 10                      // loop times, for which one of two directions probes
)

// Residual delay: what bursts leave at a bottleneck that is nearly full.
const (
	residualSlow  = 2 * time.Second        // time constant of the usual delay
	residualFast  = 300 * time.Millisecond // time constant of the delay now
	residualLeast = 300 * time.Microsecond // below it there is nothing to miss
	residualShare = 0.3                    // of the slow mean: vanished [router-refuses]
	residualHeld  = 300 * time.Millisecond // after the hold began
	residualFrom  = 0.9                    // of the capacity
	residualTo    = 1.02                   // of the capacity
)

// States.
const stateLeave = 0.8 // of its threshold: a state is left downwards
