package steering

// class is the class of a sample, as streaks count it.
type class uint8

const (
	green   class = iota // GREEN, or below Recovery
	neutral              // above GREEN and below YELLOW; or between Recovery and Bad
	yellow               // YELLOW
	red                  // RED, or Bad and above
)

// streak counts samples of one class in a row. Only one of the two counts is above
// 0, since each class ends the streak of the other.
type streak struct {
	red, green int
	gap        int // samples since it last grew
}

// add counts a sample. A neutral one interrupts a streak without ending it, for at
// most as many samples as the streak needs: a line that drops packets in every
// second sample is congested, one that did so an hour ago is not. A yellow sample
// ends a green streak and interrupts a red one.
func (r *streak) add(z class, redNeeded, greenNeeded int) {
	switch z {
	case red:
		*r = streak{red: min(r.red+1, maxCount)}
	case green:
		*r = streak{green: min(r.green+1, maxCount)}
	case yellow:
		r.green = 0
		r.gap++
	case neutral:
		r.gap++
	}
	if r.red > 0 && r.gap > redNeeded || r.green > 0 && r.gap > greenNeeded || r.red+r.green == 0 {
		*r = streak{}
	}
}

// unconditionalRed times RedRTT is RED without drops or queue depth.
const unconditionalRed = 4

// class returns the class of the newest sample.
func (l *Law) class(counted bool) class {
	excess := l.delay.ewma()
	if !l.cfg.CakeAware {
		switch {
		case excess >= l.cfg.Bad:
			return red
		case excess < l.cfg.Recovery:
			return green
		}
		return neutral
	}
	agreed, quiet := true, true // the queues confirm RED; they allow GREEN
	if counted {
		c := l.cfg
		agreed = l.meter.drops >= c.MinDropsRed || l.meter.smooth >= float64(c.MinQueueRed) ||
			l.meter.uncountedDepth() >= float64(c.MinQueueYellow)
		quiet = l.meter.drops < max(c.MinDropsRed, 1) && l.meter.smooth < float64(c.MinQueueYellow)
	}
	switch {
	case excess >= l.cfg.RedRTT && agreed, excess >= unconditionalRed*l.cfg.RedRTT:
		return red
	case excess < l.cfg.GreenRTT && quiet:
		return green
	case (excess >= l.cfg.YellowRTT || !quiet) && l.cfg.Yellow:
		return yellow
	}
	return neutral
}

// label returns the assessment that is reported for a sample of class z after one
// assessed as before. A neutral sample keeps it, except that RED becomes YELLOW.
func (l *Law) label(z class, before Congestion) Congestion {
	switch z {
	case red:
		return Red
	case green:
		return Green
	case yellow:
		return Yellow
	case neutral:
	}
	if l.cfg.Yellow && before >= Yellow {
		return Yellow
	}
	return Green
}

// required returns how long a red and a green streak must be.
func (c *Config) required() (red, green int) {
	if c.CakeAware {
		return c.RedSamples, c.GreenSamples
	}
	return c.BadSamples, c.GoodSamples
}
