package steering

// zone is where a sample lies, seen from the rows.
type zone uint8

const (
	calm    zone = iota // GREEN, or below Recovery
	between             // past calm, but not yet YELLOW; or all up to Bad
	uneasy              // YELLOW
	hot                 // RED, or above Bad
)

// row counts samples of one kind in a row. Only one of the two counts is ever
// above 0, since hot breaks a calm row and calm breaks a hot one.
type row struct {
	hot, calm int
	gap       int // samples since it last grew
}

// add takes in a sample. What is neither hot nor calm lets a row wait, though
// for no more samples than the row has to have: a line that drops packets in
// every second sample is congested, one that did so an hour ago is not. A
// YELLOW sample ends a calm row, since it is not calm, and lets a hot one wait.
func (r *row) add(z zone, needHot, needCalm int) {
	switch z {
	case hot:
		*r = row{hot: min(r.hot+1, most)}
	case calm:
		*r = row{calm: min(r.calm+1, most)}
	case uneasy:
		r.calm = 0
		r.gap++
	case between:
		r.gap++
	}
	if r.hot > 0 && r.gap > needHot || r.calm > 0 && r.gap > needCalm || r.hot+r.calm == 0 {
		*r = row{}
	}
}

// severe times RedRTT is delay that needs no witness.
const severe = 4

// zone says where the newest sample lies.
func (l *Law) zone(counted bool) zone {
	excess := l.delay.ewma()
	if !l.cfg.CakeAware {
		switch {
		case excess >= l.cfg.Bad:
			return hot
		case excess < l.cfg.Recovery:
			return calm
		}
		return between
	}
	agreed, quiet := true, true // what the queues say to RED and to GREEN
	if counted {
		c := l.cfg
		agreed = l.meter.drops >= c.MinDropsRed || l.meter.smooth >= float64(c.MinQueueRed)
		quiet = l.meter.drops < max(c.MinDropsRed, 1) && l.meter.smooth < float64(c.MinQueueYellow)
	}
	switch {
	case excess >= l.cfg.RedRTT && agreed, excess >= severe*l.cfg.RedRTT:
		return hot
	case excess < l.cfg.GreenRTT && quiet:
		return calm
	case (excess >= l.cfg.YellowRTT || !quiet) && l.cfg.Yellow:
		return uneasy
	}
	return between
}

// colour is what people are told of a sample in z after one that was before.
// Between the thresholds of GREEN and YELLOW it stays what it was.
func (l *Law) colour(z zone, before Congestion) Congestion {
	switch z {
	case hot:
		return Red
	case calm:
		return Green
	case uneasy:
		return Yellow
	case between:
	}
	if l.cfg.Yellow && before >= Yellow {
		return Yellow
	}
	return Green
}

// needs is how long a hot and a calm row must be.
func (c *Config) needs() (hot, calm int) {
	if c.CakeAware {
		return c.RedSamples, c.GreenSamples
	}
	return c.BadSamples, c.GoodSamples
}
