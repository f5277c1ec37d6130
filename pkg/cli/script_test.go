package cli_test

import (
	"bufio"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wanctl/wanctl/pkg/sim/natsserver"
)

// TestMain lets this test binary be wanctl: scripts run it as a process of its
// own, with real signals and exit statuses.
func TestMain(m *testing.M) {
	// Scripts wait for time to pass, hardly ever for a processor.
	if err := flag.Set("test.parallel", strconv.Itoa(max(10, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"wanctl": func() { os.Exit(checkedMain(os.Args[1:])) },
	})
}

// TestScript runs testdata/script/*.txtar. Beside the commands of testscript,
// scripts have
//
// What wanctl prints with -o json or -o jsonl is held against configs/output.schema.json,
// and so are documents that httpget gets.
//
//	exitcode N PROGRAM [ARG...]  run in the foreground; the exit status must be N
//	waitfile FILE                wait until FILE, which a server writes, is not empty
//	setenvfile NAME FILE         set NAME to the first line of FILE
//	natsserver                   start a NATS server with JetStream, at $NATS
//	waitmatch FILE REGEXP [NAME] wait until FILE matches; set NAME to the first group
//	httpget STATUS URL FILE [REGEXP] ask until the answer has STATUS and matches; keep its body
//
// and the conditions [ping], that this user may send ICMP echo requests, and [noping],
// that "setpriv --bounding-set=-net_raw" leaves a process that may not.
//
// To start a server in the background, "exec wanctl ... &name&"; "kill -INT name"
// ends it and "wait name" checks that its exit status is 0.
//
// $CONFIGS is the directory of the shipped configurations. HOME is empty, $WANCTL_SECRETS
// is an empty file in $WANCTL_CONFIG_DIR, as this host may have a wanctl in use, and
// nothing else of the caller's environment but PATH is there.
func TestScript(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join(root, "testdata", "script"),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			env.Setenv("HOME", home)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with -race, every exit takes a second otherwise
			env.Setenv("CONFIGS", filepath.Join(root, "configs"))
			etc := filepath.Join(env.WorkDir, ".etc")
			env.Setenv("WANCTL_CONFIG_DIR", etc)
			env.Setenv("WANCTL_SECRETS", filepath.Join(etc, "environment"))
			return errors.Join(os.Mkdir(home, 0o700), os.Mkdir(etc, 0o700), os.WriteFile(filepath.Join(etc, "environment"), nil, 0o600))
		},
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":   exitCode,
			"waitfile":   waitFile,
			"setenvfile": setEnvFile,
			"waitmatch":  waitMatch,
			"httpget":    httpGet,
			"natsserver": func(ts *testscript.TestScript, _ bool, _ []string) { natsServer(t, ts) },
		},
	})
}

// natsServer starts a NATS server with JetStream until the script ends; its address is $NATS.
func natsServer(t *testing.T, ts *testscript.TestScript) {
	s := natsserver.New(t, "-js", "-sd", ts.MkAbs(".jetstream"))
	ts.Defer(s.Kill)
	ts.Setenv("NATS", s.URL())
}

func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if args[len(args)-1] == "&" {
		ts.Fatalf("exitcode waits for the program; use exec for the background")
	}
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile FILE")
	}
	path := ts.MkAbs(args[0])
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(time.Minute)
	for {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			ts.Fatalf("%s is not there, or empty, after a minute", args[0])
		}
	}
}

func setEnvFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setenvfile NAME FILE")
	}
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[1])))
	if !lines.Scan() {
		ts.Fatalf("%s is empty", args[1])
	}
	ts.Setenv(args[0], lines.Text())
}
