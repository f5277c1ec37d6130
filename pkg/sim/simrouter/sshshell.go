package simrouter

import (
	"bufio"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// maxTyped bounds a line at the prompt.
const maxTyped = 64 << 10

// shell is the least of an interactive console: a prompt, an echo, lines that
// are run, and /quit.
func (c *sshChannel) shell() {
	if c.expired() {
		return
	}
	r := c.session.router
	fmt.Fprintf(c, "\r\n  MikroTik RouterOS %s\r\n\r\n", r.machine.Version())
	in := bufio.NewReader(c)
	menu := "/"
	for {
		fmt.Fprint(c, c.prompt(menu))
		line, ok := c.typed(in)
		if !ok || line == "/quit" || line == "quit" {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		x := c.carry(line, menu)
		if x == nil {
			return
		}
		menu = x.out.Context
		_, _ = c.Write(x.bytes(0))
		if x.cut {
			_ = c.Close()
			return
		}
		r.afterwards()
	}
	fmt.Fprint(c, "interrupted\r\n")
	_, _ = c.SendRequest("exit-status", false, ssh.Marshal(&struct{ Status uint32 }{}))
	_ = c.Close()
}

func (c *sshChannel) prompt(menu string) string {
	identity := ""
	res, err := c.session.router.machine.Run(nil, console.Command{Path: "/system/identity", Name: "print"})
	if err == nil && len(res.Rows) == 1 {
		identity = res.Rows[0]["name"]
	}
	where := " > "
	if menu != "/" && menu != "" {
		where = " " + menu + "> "
	}
	return "[" + c.session.user.Name + "@" + identity + "]" + where
}

// typed reads a line up to Enter, with an echo where there is a terminal.
func (c *sshChannel) typed(in *bufio.Reader) (string, bool) {
	var line []byte
	echo := func(s string) {
		if c.pty {
			fmt.Fprint(c, s)
		}
	}
	for {
		b, err := in.ReadByte()
		switch {
		case err != nil, b == 4 && len(line) == 0: // Ctrl-D
			return "", false
		case b == '\r', b == '\n':
			if b == '\n' && len(line) == 0 {
				continue // the second half of Enter
			}
			echo("\r\n")
			return string(line), true
		case b == 3: // Ctrl-C
			echo("\r\n")
			return "", true
		case b == 8 || b == 127:
			if len(line) > 0 {
				line = line[:len(line)-1]
				echo("\b \b")
			}
		case len(line) < maxTyped:
			line = append(line, b)
			echo(string(rune(b)))
		}
	}
}
