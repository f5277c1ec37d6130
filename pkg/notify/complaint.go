package notify

import "time"

// complaintInterval is the least time between two lines of log about one receiver that
// fails in several ways.
const complaintInterval = time.Hour

// Complaint decides which failures of a receiver are worth a line of log: the first, and
// another one after an hour.
type Complaint struct {
	text string
	at   time.Time
}

// News reports whether a failure is worth a line.
func (c *Complaint) News(err error, now time.Time) bool {
	text := err.Error()
	if text == c.text || c.text != "" && now.Sub(c.at) < complaintInterval {
		return false
	}
	c.text, c.at = text, now
	return true
}

// Over records a success, and reports whether that is worth a line: there was a failure.
func (c *Complaint) Over() bool {
	was := c.text != ""
	*c = Complaint{}
	return was
}
