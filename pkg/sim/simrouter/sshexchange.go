package simrouter

import (
	"bytes"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// sshExchange is one line for the console with what it prints.
type sshExchange struct {
	session *sshSession
	line    console.Exec
	out     console.Executed
	cut     bool // the channel ends in the middle, without a status
}

var _ exchange = (*sshExchange)(nil)

func (x *sshExchange) run() { x.out = x.session.router.machine.Exec(x.line) }

func (x *sshExchange) fail(text string) {
	x.out.Output, x.out.Failed = text+"\r\n", true
}

func (x *sshExchange) replace(f Fault) bool {
	switch f.Kind {
	case Deny:
		x.fail("not enough permissions (9)")
	case Status:
		text := f.Text
		setDefault(&text, "failure: "+string(f.Kind))
		x.fail(text)
	case Ignore:
		x.out.Output, x.out.Failed = "", false
	case Empty:
		x.line.Pretend = console.NoRows
		x.run()
	case WrongData:
		x.line.Pretend = console.WrongMenu
		x.run()
	default:
		return false
	}
	return true
}

func (x *sshExchange) spoil(f Fault) {
	switch f.Kind {
	case "", Slow:
	case Truncate, Cut:
		x.out.Output = x.out.Output[:len(x.out.Output)/2]
		x.cut = f.Kind == Cut
	default:
		x.out.Output = "\x1b[9999B\x00\xff" + x.out.Output[len(x.out.Output)/2:]
	}
}

func (x *sshExchange) expire() {
	x.fail("action timed out - try again, if error continues contact MikroTik support and send a supout file (13)")
}

// bytes is the output with its lines filled up to a number of columns.
func (x *sshExchange) bytes(pad int) []byte {
	if pad <= 0 {
		return []byte(x.out.Output)
	}
	var b bytes.Buffer
	for line := range strings.Lines(x.out.Output) {
		text, ended := strings.CutSuffix(line, "\r\n")
		b.WriteString(text)
		if ended {
			b.WriteString(strings.Repeat(" ", max(0, pad-len(text))))
			b.WriteString("\r\n")
		}
	}
	return b.Bytes()
}
