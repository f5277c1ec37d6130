package daemon

import (
	"io"
	"time"
)

// RouterTimeout bounds how long a loop waits for one answer of the router,
// however long commands may. Meanwhile no cut can be written: trying anew is
// better.
const RouterTimeout = 3 * time.Second

// RouterAnswer bounds the size of an answer of the router in bytes, so that none takes
// more memory than the unit has. Three thousand simple queues fit.
const RouterAnswer = 2 << 20

// Options is what every daemon needs of the program that runs it.
type Options struct {
	Err       io.Writer                   // the console log
	LookupEnv func(string) (string, bool) // the environment
	Version   string
	Log       LogOptions
}

// LogOptions says what is logged and where.
type LogOptions struct {
	Level string // debug, info, warn or error
	JSON  bool   // the format; text otherwise
	Quiet bool   // only errors on the console

	// ConsoleOnly opens no log files: a trial run leaves none behind.
	ConsoleOnly bool
	// MainOnConsole keeps what concerns the process out of the log files: where loops
	// come and go by hundreds, each line would be in all of them.
	MainOnConsole bool
	// Answer keeps the console to warnings at the level info: standard output
	// brings the answer.
	Answer bool
}

// Set reports whether the environment variable name is set.
func (o *Options) Set(name string) bool {
	_, set := o.LookupEnv(name)
	return set
}
