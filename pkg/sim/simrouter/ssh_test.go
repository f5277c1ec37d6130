package simrouter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

const sshScript = script + `/user group add name=cli policy=read,write,ssh
/user add name=cli group=cli password="pass word"
`

func startSSH(t *testing.T, cfg Config) *Router {
	t.Helper()
	if cfg.Script == "" {
		cfg.Script = sshScript
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), SSH, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func clientConfig(r *Router, user string, auth ...ssh.AuthMethod) *ssh.ClientConfig {
	if auth == nil {
		auth = []ssh.AuthMethod{ssh.Password("pass word")}
	}
	return &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.FixedHostKey(r.SSHHostKey()), Timeout: 10 * time.Second}
}

func dialSSH(t *testing.T, r *Router, user string, auth ...ssh.AuthMethod) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", r.AddrOf(SSH), clientConfig(r, user, auth...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run executes a line on a channel of its own.
func run(c *ssh.Client, line string) (string, error) {
	s, err := c.NewSession()
	if err != nil {
		return "", err
	}
	defer func() { _ = s.Close() }()
	var out, complaints bytes.Buffer
	s.Stdout, s.Stderr = &out, &complaints
	err = s.Run(line)
	if complaints.Len() > 0 {
		return "", fmt.Errorf("stderr: %q", complaints.String())
	}
	return out.String(), err
}

func status(err error) string {
	var exit *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return fmt.Sprint(exit.ExitStatus())
	case errors.As(err, &missing):
		return "missing"
	}
	return err.Error()
}

func TestExec(t *testing.T) {
	r := startSSH(t, Config{})
	c := dialSSH(t, r, "cli")
	if v := string(c.ServerVersion()); v != "SSH-2.0-ROSSSH" {
		t.Errorf("version %s", v)
	}
	for _, tt := range []struct{ line, want string }{
		{`:put [/queue/tree/get [find name="b c"] max-limit]`, "0\r\n"},
		{`/queue tree set a max-limit=480M`, ""},
		{`:put [/queue tree get a max-limit]`, "480000000\r\n"},
		{`/queue tree set nope max-limit=1`, "no such item (/queue/tree/set; line 1)\r\n"},
		{`bash -se`, "bad command name bash (line 1 column 1)\r\n"},
		{`:foreach i in=[/queue/tree/find] do={:put [/queue tree get $i name]}`, "a\r\nb c\r\n"},
		{`/user add name=x group=full`, "not enough permissions (9) (/user/add; line 1)\r\n"},
	} {
		if got, err := run(c, tt.line); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
	n := r.Counts().Services[SSH]
	if n.Requests != 7 || n.Logins != 1 || n.Connections != 1 || r.Writes() != 3 {
		t.Errorf("counts are %+v, writes %d", n, r.Writes())
	}
	if h := r.History(); len(h) != 7 || h[0].Service != SSH || h[0].Body == "" {
		t.Errorf("history is %+v", h)
	}
	log, _ := run(c, `:foreach i in=[/log find topics="script,error"] do={:put [/log get $i message]}`)
	if n := strings.Count(log, "executing script from sshd failed, please check it manually\r\n"); n != 3 {
		t.Errorf("the log tells of %d failures:\n%s", n, log)
	}
}

func TestChannelsAreIndependent(t *testing.T) {
	r := startSSH(t, Config{})
	r.Inject(Fault{Kind: Stall, Command: "find", Times: 1})
	c := dialSSH(t, r, "cli")
	stalled, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := stalled.Start("/queue tree find"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if out, err := run(c, fmt.Sprintf(":put %d", i)); err != nil || out != fmt.Sprintf("%d\r\n", i) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	wg.Wait()
	_ = stalled.Close()
	if err := stalled.Wait(); status(err) != "missing" {
		t.Errorf("the stalled one ended with %v", err)
	}
}

func TestSSHFaults(t *testing.T) {
	const read = `:put [/queue tree get a max-limit]`
	for _, tt := range []struct {
		fault     Fault
		line      string
		out       string
		status    string
		maxLimitM int
	}{
		{Fault{Kind: Deny, Command: "set"}, "/queue tree set a max-limit=1M", "not enough permissions (9)\r\n", "0", 500},
		{Fault{Kind: Deny, Command: "set", Applied: true}, "/queue tree set a max-limit=1M", "not enough permissions (9)\r\n", "0", 1},
		{Fault{Kind: Ignore, Command: "set"}, "/queue tree set a max-limit=1M", "", "0", 500},
		{Fault{Kind: Status, Text: "failure: no luck"}, read, "failure: no luck\r\n", "0", 500},
		{Fault{Kind: Empty, Path: "/queue"}, `:put [:len [/queue tree find]]`, "0\r\n", "0", 500},
		{Fault{Kind: WrongData}, `:put ([/queue tree get a]->"platform")`, "MikroTik\r\n", "0", 500},
		{Fault{Kind: Truncate}, read, "50000", "0", 500},
		{Fault{Kind: Cut}, read, "50000", "missing", 500},
		{Fault{Kind: Cut}, "/queue tree set a max-limit=2M", "", "missing", 2},
		{Fault{Kind: Garble}, read, "\x1b[9999B\x00\xff0000\r\n", "0", 500},
		{Fault{Kind: Slow, For: time.Millisecond}, read, "500000000\r\n", "0", 500},
		{Fault{Kind: Deny, Command: "exec"}, ":put x", "not enough permissions (9)\r\n", "0", 500},
		{Fault{Kind: Deny, Command: "get"}, ":put x", "x\r\n", "0", 500},
		{Fault{Kind: Deny, Command: "get"}, ":if (true) do={" + read + "}", "not enough permissions (9)\r\n", "0", 500},
		{Fault{Kind: Deny, Service: API}, read, "500000000\r\n", "0", 500},
	} {
		t.Run(string(tt.fault.Kind)+" "+tt.line, func(t *testing.T) {
			r := startSSH(t, Config{})
			c := dialSSH(t, r, "cli")
			tt.fault.Times = 1
			r.Inject(tt.fault)
			out, err := run(c, tt.line)
			if out != tt.out || status(err) != tt.status {
				t.Errorf("%q, %v; want %q and status %s", out, err, tt.out, tt.status)
			}
			r.ClearFaults()
			if out, err := run(c, read); err != nil || out != fmt.Sprintf("%d000000\r\n", tt.maxLimitM) {
				t.Errorf("afterwards the limit is %q, %v", out, err)
			}
		})
	}
	t.Run("reset", func(t *testing.T) {
		r := startSSH(t, Config{})
		c := dialSSH(t, r, "cli")
		r.Inject(Fault{Kind: Reset, Times: 1})
		if out, err := run(c, read); err == nil {
			t.Errorf("%q after a reset", out)
		}
		if err := c.Wait(); err == nil {
			t.Error("the connection ended in peace")
		}
		if out, err := run(dialSSH(t, r, "cli"), read); err != nil || out != "500000000\r\n" {
			t.Errorf("on a new connection: %q, %v", out, err)
		}
	})
	for _, f := range []Fault{{Kind: Reset}, {Kind: Cut}, {Kind: Garble}} {
		t.Run("login "+string(f.Kind), func(t *testing.T) {
			r := startSSH(t, Config{})
			f.Command, f.Times = "login", 1
			r.Inject(f)
			if _, err := ssh.Dial("tcp", r.AddrOf(SSH), clientConfig(r, "cli")); err == nil {
				t.Error("logged in")
			}
			dialSSH(t, r, "cli")
		})
	}
}

func TestRequestCapOfSSH(t *testing.T) {
	r := startSSH(t, Config{RequestCap: time.Millisecond, Latency: time.Hour})
	out, err := run(dialSSH(t, r, "cli"), ":put x")
	if err != nil || !strings.HasPrefix(out, "action timed out") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		how        ExitStatus
		good, fail string
	}{{ExitZero, "0", "0"}, {ExitOne, "0", "1"}, {ExitMissing, "missing", "missing"}} {
		c := dialSSH(t, startSSH(t, Config{Quirks: Quirks{SSH: SSHQuirks{Exit: tt.how}}}), "cli")
		_, good := run(c, ":put x")
		out, fail := run(c, ":error x")
		if status(good) != tt.good || status(fail) != tt.fail || out != "x (:error; line 1)\r\n" {
			t.Errorf("%q: %v and %v, %q", tt.how, good, fail, out)
		}
	}
}

func TestPaddedLines(t *testing.T) {
	r := startSSH(t, Config{Quirks: Quirks{SSH: SSHQuirks{Pad: 90}}})
	out, err := run(dialSSH(t, r, "cli"), ":put a; :put b")
	if want := fmt.Sprintf("%-90s\r\n%-90s\r\n", "a", "b"); err != nil || out != want {
		t.Errorf("%q, %v", out, err)
	}
}

func TestFailuresAreLoggedFrom715On(t *testing.T) {
	for version, want := range map[string]int{"7.14.3": 0, "7.15": 1} {
		r := startSSH(t, Config{Version: version})
		if _, err := run(dialSSH(t, r, "cli"), "/nope"); err != nil {
			t.Fatal(err)
		}
		res, err := r.State().Run(nil, routeros.Command{Path: "/log", Name: "print", Query: []string{"topics=script,error"}})
		if err != nil || len(res.Rows) != want {
			t.Errorf("%s: %v, %v; want %d lines", version, res.Rows, err, want)
		}
	}
}

func TestKeepalive(t *testing.T) {
	for how, want := range map[Keepalive]bool{KeepaliveAnswered: true, KeepaliveFailed: false} {
		c := dialSSH(t, startSSH(t, Config{Quirks: Quirks{SSH: SSHQuirks{Keepalive: how}}}), "cli")
		if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil || ok != want {
			t.Errorf("%q: %v, %v", how, ok, err)
		}
	}
	c := dialSSH(t, startSSH(t, Config{Quirks: Quirks{SSH: SSHQuirks{Keepalive: KeepaliveIgnored}}}), "cli")
	done := make(chan error, 1)
	go func() {
		_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
		done <- err
	}()
	// Commands go on meanwhile.
	if _, err := run(c, ":put x"); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	if err := <-done; err == nil {
		t.Error("an ignored keepalive was answered")
	}
}

func TestCaps(t *testing.T) {
	r := startSSH(t, Config{MaxSessions: 1, Quirks: Quirks{SSH: SSHQuirks{MaxChannels: 1}}})
	c := dialSSH(t, r, "cli")
	if _, err := ssh.Dial("tcp", r.AddrOf(SSH), clientConfig(r, "cli")); err == nil {
		t.Error("a second connection got in")
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := c.NewSession(); err == nil {
		t.Error("a second channel was opened")
	}
	if _, _, err := c.OpenChannel("direct-tcpip", nil); err == nil {
		t.Error("forwarding is allowed")
	}
}

func TestNoShell(t *testing.T) {
	s, err := dialSSH(t, startSSH(t, Config{}), "cli").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err == nil {
		t.Error("a shell was opened")
	}
}

func TestRebootOverSSH(t *testing.T) {
	r := startSSH(t, Config{})
	c := dialSSH(t, r, "admin", ssh.Password(""))
	_, _ = run(c, "/system reboot")
	if err := c.Wait(); err == nil {
		t.Error("the connection survived a reboot")
	}
}

func TestRouterClosesStalledSessions(t *testing.T) {
	r := startSSH(t, Config{})
	c := dialSSH(t, r, "cli")
	r.Inject(Fault{Kind: Stall})
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(":put x"); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	if err := s.Wait(); err == nil {
		t.Error("a stalled command ended well")
	}
}

// Files arrive by SFTP, from users with the policy ftp.
func TestSFTP(t *testing.T) {
	r := startSSH(t, Config{Script: sshScript + "/user group add name=ftp policy=ssh,ftp\n/user add name=ftp group=ftp password=\"pass word\"\n"})
	if s, err := dialSSH(t, r, "cli").NewSession(); err != nil || s.RequestSubsystem("sftp") == nil {
		t.Errorf("without the policy ftp: %v", err)
	}
	s, err := dialSSH(t, r, "ftp").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "\x00\x00\x00\x05\x01\x00\x00\x00\x03"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 9)
	if _, err := io.ReadFull(out, answer); err != nil || string(answer) != "\x00\x00\x00\x05\x02\x00\x00\x00\x03" {
		t.Errorf("version % x, %v", answer, err)
	}
}
