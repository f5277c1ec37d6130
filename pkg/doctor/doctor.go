// Package doctor examines everything that the loops of a host need: configurations,
// files, rights, probes, the router and its queues. It only reads, and runs beside loops
// that hold locks and ports.
//
// What can be read becomes facts (Host, Probes, Device, ...), and each Check evaluates
// facts without any I/O. A check that is impossible because of what another one reports has
// no result.
package doctor

import "fmt"

// Level is how much a finding matters.
type Level uint8

// The levels, the worst last.
const (
	OK      Level = iota
	Skipped       // it could not be examined; why is no fault of its own
	Warning       // the loop runs, but not as well as it could, or not for ever
	Failure       // the loop does not do its job
)

func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Skipped:
		return "skipped"
	case Warning:
		return "warning"
	case Failure:
		return "failure"
	}
	return "unknown"
}

// Result is what a check says about one thing.
type Result struct {
	Level
	Text string // what was found
	Next string // the command to type, or the key to set; "" where all is well
}

// Finding is a result with its place.
type Finding struct {
	Subject string // the WAN, steering or the file; "host"
	Check   string
	Result
}

// Check evaluates facts of type F.
type Check[F any] struct {
	Name string
	Run  func(*F) []Result
}

// run makes all checks of one subject.
func run[F any](subject string, checks []Check[F], facts *F, report func(Finding)) {
	for _, c := range checks {
		for _, r := range c.Run(facts) {
			report(Finding{subject, c.Name, r})
		}
	}
}

func ok(format string, args ...any) Result {
	return Result{Level: OK, Text: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Result {
	return Result{Level: Skipped, Text: fmt.Sprintf(format, args...)}
}

func warning(next, format string, args ...any) Result {
	return Result{Level: Warning, Text: fmt.Sprintf(format, args...), Next: next}
}

func failure(next, format string, args ...any) Result {
	return Result{Level: Failure, Text: fmt.Sprintf(format, args...), Next: next}
}

// one returns the results of a check that has one.
func one(r Result) []Result { return []Result{r} }

// onRouter returns a command for the router's console.
func onRouter(command string) string { return "on the router: " + command }
