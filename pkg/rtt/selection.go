package rtt

import "time"

const (
	// MaxUsed is how many reflectors are used for control: the median of three ignores
	// one that misbehaves.
	MaxUsed = 3
	// ReviewInterval is the time between two calls of Selection.Review.
	ReviewInterval = time.Second

	// restFor is how long a reflector that was replaced, or failed its trial, is not
	// considered again.
	restFor = 10 * time.Minute
	// unsentRest is that of a spare to which nothing could be sent.
	unsentRest = 30 * time.Second
	// A trial is as many probes as fit into trialFor, within these limits: a little
	// less than two reviews. The law learns the idle RTT of a spare from them.
	trialFor       = 1800 * time.Millisecond
	minTrialProbes = 8
	maxTrialProbes = 40
	// similarNoise is the difference between two spares' noise from which the less
	// noisy one is chosen; below it the order of the list decides.
	similarNoise = 3 * time.Millisecond
)

// Role is what a reflector is used for.
type Role uint8

// Roles.
const (
	Standby Role = iota // a spare, probed rarely
	OnTrial             // a spare, probed as if in use
	InUse
)

func (r Role) String() string {
	switch r {
	case Standby:
		return "spare"
	case OnTrial:
		return "trial"
	case InUse:
		return "in use"
	}
	return "unknown"
}

// Quality is what a Selection knows about one reflector.
type Quality struct {
	Role         Role
	Operator     string
	Known        bool          // a probe was answered or lost; the figures are valid
	AnswerRate   float64       // share of the newest probes that were answered, 0 to 1
	Baseline     time.Duration // idle RTT, 0 when unknown
	Noise        time.Duration // mean deviation of its delay from that of the others
	Disagreement time.Duration // mean excess beyond that of the others; in use only
	Fault        Fault         // in use: what is wrong now; a spare: why it was dropped
}

// Change is a reflector that changes its role.
type Change struct {
	Reflector int
	Role      Role
	Other     int // the reflector that it replaces or that replaces it, -1 without one
	Fault     Fault
	Quality   Quality // of the faulty one, before the change
}

// Selection decides which of many reflectors are used: want of them, of different
// operators where there are enough, and the first of the list to begin with. A faulty
// one is replaced by a spare that passed a trial, and stays in use until then. It is
// a pure state machine.
type Selection struct {
	interval time.Duration // between two probes of a reflector in use
	want     int
	hosts    []candidate
	scratch  [MaxReflectors]time.Duration
}

// candidate is one reflector.
type candidate struct {
	role     Role
	operator string
	fault    Fault

	base    Baseline
	answers average // 1 for each answered probe, 0 for each lost one
	idle    average // RTT less the combined excess, ns
	noise   average // deviation from idle, ns
	differs average // own excess less the combined one, ns

	lastRTT   time.Duration
	lastReply time.Duration // or when probing began
	replied   bool
	since     time.Duration // start of the fault, 0 without one; on trial: its start
	lowSince  time.Duration // start of a low answer rate, 0 without one
	resting   time.Duration // end of the rest
	probes    int           // sent in the present role
	first     uint32        // the first of them
	replaces  int           // on trial: the reflector to be replaced
}

// average is a mean over the newest values.
type average struct {
	mean float64
	n    int
}

func (a *average) add(v float64, over int) {
	a.n++
	a.mean += (v - a.mean) / float64(min(a.n, over))
}

// NewSelection returns a selection of want reflectors from those of operators, which
// is in order of preference. Those in use are probed once an interval.
func NewSelection(operators []string, want int, interval time.Duration) *Selection {
	s := &Selection{interval: interval, want: want, hosts: make([]candidate, len(operators))}
	for i := range s.hosts {
		s.hosts[i].operator, s.hosts[i].replaces = operators[i], -1
	}
	for _, sameOperator := range []bool{false, true} {
		for i := range s.hosts {
			h := &s.hosts[i]
			if s.count(InUse) < want && h.role != InUse && (sameOperator || !s.represented(h.operator, -1)) {
				h.role = InUse
			}
		}
	}
	return s
}

// Role returns the role of reflector i.
func (s *Selection) Role(i int) Role { return s.hosts[i].role }

// Quality returns what is known about reflector i.
func (s *Selection) Quality(i int) Quality {
	h := &s.hosts[i]
	q := Quality{
		Role: h.role, Operator: h.operator, Known: h.answers.n > 0, AnswerRate: h.answers.mean,
		Baseline: h.base.Value(), Noise: time.Duration(h.noise.mean), Fault: h.fault,
	}
	if h.role == InUse {
		q.Disagreement = max(0, time.Duration(h.differs.mean))
	}
	return q
}

// SetOperator sets the operator of reflector i, which is known once its name has been
// resolved.
func (s *Selection) SetOperator(i int, operator string) { s.hosts[i].operator = operator }

// Observe adds one event of the reflectors. It does not allocate.
func (s *Selection) Observe(e Event) {
	if int(e.Reflector) >= len(s.hosts) {
		return
	}
	h := &s.hosts[e.Reflector]
	const over = 40
	switch e.Kind {
	case Sent, Spare:
		if h.probes == 0 {
			h.first = e.Seq
			if !h.replied {
				h.lastReply = e.At
			}
		}
		h.probes++
	case Lost:
		if !h.outdated(e) {
			h.answers.add(0, over)
		}
	case Reply:
		if e.RTT <= 0 {
			return
		}
		h.replied, h.lastReply, h.lastRTT = true, e.At, e.RTT
		if h.outdated(e) {
			return
		}
		h.answers.add(1, over)
		excess := s.excess(e.At)
		idle := float64(e.RTT - excess)
		if h.idle.n > 0 {
			h.noise.add(max(idle-h.idle.mean, h.idle.mean-idle), over)
		}
		h.idle.add(idle, 100)
		if h.role == Standby {
			h.base.Reset(time.Duration(h.idle.mean))
			return
		}
		h.base.Add(e.At, e.RTT, false)
		h.differs.add(float64(e.RTT-h.base.Value()-excess), over)
	case OneWay:
	}
}

// outdated reports whether the probe of e was sent in an earlier role.
func (h *candidate) outdated(e Event) bool { return h.probes == 0 || e.Seq < h.first }

// excess returns the combined excess of the live reflectors in use.
func (s *Selection) excess(now time.Duration) time.Duration {
	n := 0
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.role == InUse && h.replied && now-h.lastReply < max(aliveAtLeast, 3*s.interval) {
			s.scratch[n] = max(0, h.lastRTT-h.base.Value())
			n++
		}
	}
	return robustMean(s.scratch[:n])
}

// Review returns the changes of roles at now. It is called once a ReviewInterval.
func (s *Selection) Review(now time.Duration) (changes []Change) {
	for i := range s.hosts {
		if s.hosts[i].role == OnTrial {
			changes = append(changes, s.reviewTrial(i, now)...)
		}
	}
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.role != InUse {
			if h.fault != NoFault && now >= h.resting && h.answers.mean >= leastAnswered {
				h.fault = NoFault // it may be used again
			}
			continue
		}
		s.reviewAnswers(h, now)
		fault, patience := s.check(i, now)
		if h.fault = fault; fault == NoFault {
			h.since = 0
			continue
		}
		if h.since == 0 {
			h.since = now
		}
		if fault == Disagrees && now-h.since > restFor { // without a spare; its new distance stays
			h.base.Reset(time.Duration(h.idle.mean))
			h.differs = average{}
		}
		if now-h.since < patience || s.trialFor(i) >= 0 {
			continue
		}
		if spare := s.best(i, now); spare >= 0 {
			q := s.Quality(i)
			s.hosts[spare].setRole(OnTrial, i)
			s.hosts[spare].since = now
			changes = append(changes, Change{Reflector: spare, Role: OnTrial, Other: i, Fault: fault, Quality: q})
		}
	}
	return changes
}

// reviewTrial ends the trial of spare i if it is complete, or no longer needed.
func (s *Selection) reviewTrial(i int, now time.Duration) []Change {
	h := &s.hosts[i]
	bad := h.replaces
	fault, patience := s.check(bad, now)
	length := max(minTrialProbes, min(maxTrialProbes, int(trialFor/s.interval)))
	switch {
	case fault == NoFault || now-s.hosts[bad].since < patience: // it has recovered
		h.setRole(Standby, -1)
		return []Change{{Reflector: i, Role: Standby, Other: -1}}
	case h.probes < length || h.answers.n < length/2:
		if now-h.since < 3*time.Duration(length)*s.interval+time.Second {
			return nil
		}
	case h.answers.mean >= leastAnswered && !s.noisy(i):
		q := s.Quality(bad)
		s.hosts[bad].drop(fault, now)
		h.setRole(InUse, -1)
		h.fault = NoFault
		return []Change{
			{Reflector: bad, Role: Standby, Other: i, Fault: fault, Quality: q},
			{Reflector: i, Role: InUse, Other: bad, Fault: fault, Quality: q},
		}
	}
	q, unsent := s.Quality(i), h.probes == 0
	h.drop(FailedTrial, now)
	if unsent { // no route to it at the moment
		h.resting = now + unsentRest
	}
	return []Change{{Reflector: i, Role: Standby, Other: -1, Fault: FailedTrial, Quality: q}}
}

// drop makes h a spare that is not considered for a while.
func (h *candidate) drop(fault Fault, now time.Duration) {
	h.setRole(Standby, -1)
	h.fault, h.resting = fault, now+restFor
}

// setRole changes the role of h. Its figures start anew, unless it passed a trial.
func (h *candidate) setRole(r Role, replaces int) {
	h.role, h.replaces, h.since, h.lowSince = r, replaces, 0, 0
	if r == InUse {
		return
	}
	h.probes, h.base = 0, Baseline{}
	h.answers, h.noise, h.differs, h.idle = average{}, average{}, average{}, average{}
}

// best returns the spare that is to replace a faulty reflector, -1 without one: of an
// operator that is not used otherwise, known to answer, and of little noise. A spare
// that has not been probed yet is the second choice: soon after the start of a long
// list there are few others.
func (s *Selection) best(bad int, now time.Duration) int {
	found, unprobed := -1, -1
	period := SparePeriod(len(s.hosts), s.interval)
	for i := range s.hosts {
		h := &s.hosts[i]
		switch {
		case h.role != Standby || now < h.resting || s.represented(h.operator, bad):
		case h.answers.n == 0:
			if unprobed < 0 {
				unprobed = i
			}
		case h.answers.mean < leastAnswered || now-h.lastReply > 2*period+time.Second:
		case found < 0 || h.noise.mean+float64(similarNoise) < s.hosts[found].noise.mean:
			found = i
		}
	}
	if found < 0 {
		return unprobed
	}
	return found
}

// represented reports whether a reflector of operator, other than except, is in use
// or on trial.
func (s *Selection) represented(operator string, except int) bool {
	for i := range s.hosts {
		if h := &s.hosts[i]; i != except && h.role != Standby && h.operator == operator {
			return true
		}
	}
	return false
}

// trialFor returns the spare on trial for reflector i, -1 without one.
func (s *Selection) trialFor(i int) int {
	for j := range s.hosts {
		if h := &s.hosts[j]; h.role == OnTrial && h.replaces == i {
			return j
		}
	}
	return -1
}

func (s *Selection) count(r Role) (n int) {
	for i := range s.hosts {
		if s.hosts[i].role == r {
			n++
		}
	}
	return n
}
