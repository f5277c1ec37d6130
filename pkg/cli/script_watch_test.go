package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// waitMatch waits until a line of FILE, which a program is writing, matches
// REGEXP, and sets NAME, if given, to the regexp's first group.
func waitMatch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: waitmatch FILE REGEXP [NAME]")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var text []byte
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// A program that is about to create FILE has not done so yet.
		text, _ = os.ReadFile(ts.MkAbs(args[0]))
		groups := re.FindSubmatch(text)
		if groups == nil {
			continue
		}
		if len(args) == 3 {
			if len(groups) < 2 {
				ts.Fatalf("waitmatch: %s has no group", args[1])
			}
			ts.Setenv(args[2], string(groups[1]))
		}
		return
	}
	ts.Fatalf("%s does not match %#q after a minute:\n%s", args[0], args[1], text)
}

// httpGet asks URL until the answer has STATUS and, if given, its body matches
// REGEXP, and keeps the body as FILE. A daemon that is slow to answer is left out
// of an aggregate, so scripts say what they wait for.
func httpGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: httpget STATUS URL FILE [REGEXP]")
	}
	var got string
	want := regexp.MustCompile("")
	if len(args) == 4 {
		var err error
		want, err = regexp.Compile("(?ms)" + args[3])
		ts.Check(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[1])
		if err != nil {
			got = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		ts.Check(err)
		ts.Check(resp.Body.Close())
		if got = fmt.Sprint(resp.StatusCode); got == args[0] && want.Match(body) {
			ts.Check(validateServed(resp.Request.URL.Path, resp.Header.Get("Content-Type"), body))
			ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o600))
			return
		}
	}
	ts.Fatalf("%s: %s, want status %s and %#q", args[1], got, args[0], want)
}

// scriptCondition knows [ping]: this user may send ICMP echo requests; and [noping]:
// this user is root, but a process of its that gives up CAP_NET_RAW may not send them.
func scriptCondition(name string) (bool, error) {
	switch name {
	case "ping":
		_, err := hostnet.ICMPAccess()
		return err == nil, nil
	case "noping":
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	if _, err := exec.LookPath("setpriv"); err != nil || os.Getuid() != 0 {
		return false, nil
	}
	text, err := os.ReadFile("/proc/sys/net/ipv4/ping_group_range")
	if err != nil {
		return false, nil
	}
	var from, to int
	if _, err := fmt.Sscan(string(text), &from, &to); err != nil {
		return false, err
	}
	return from > 0 || to < 0, nil
}
