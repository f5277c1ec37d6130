package supervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// helperEnv makes the test binary the process that gets the signals.
const helperEnv = "SERVE_TEST_HELPER"

func helperMain(mode string) int {
	switch mode {
	case "signals":
		ctx, reload, stop := Signals(context.Background())
		defer stop()
		fmt.Println("ready")
		for {
			select {
			case <-ctx.Done():
				fmt.Println("ended by", context.Cause(ctx))
				// A shutdown that hangs; hang-ups no longer matter.
				for range reload {
					fmt.Println("reload while ending")
				}
			case <-reload:
				fmt.Println("reload")
			}
		}
	case "pipe":
		restore := SurviveBrokenPipe()
		defer restore()
		fmt.Println("ready")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // stdout is closed by then
		if _, err := fmt.Println("more"); !errors.Is(err, syscall.EPIPE) {
			return 1
		}
		return 42
	}
	return 1
}

type child struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Reader
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), helperEnv+"=signals")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// What is caught here has its default action in a child, also where these
	// tests run in the background of a script, which ignores interrupts.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt)
	defer signal.Stop(caught)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := &child{t, cmd, bufio.NewReader(out)}
	c.says("ready")
	return c
}

func (c *child) says(want string) {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if strings.TrimSpace(line) != want {
		c.t.Fatalf("child says %q (%v), want %q", line, err, want)
	}
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) diesOf(want syscall.Signal) {
	c.t.Helper()
	err := c.cmd.Wait()
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != want {
		c.t.Errorf("child ended with %v, want death by %v", err, want)
	}
}

func TestSecondSignalKills(t *testing.T) {
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, second := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(fmt.Sprintf("%v then %v", first, second), func(t *testing.T) {
				c := startChild(t, os.Args[0])
				c.signal(first)
				c.says("ended by signal: " + first.String())
				c.signal(syscall.SIGHUP) // a closed terminal must not cut the shutdown short
				c.says("reload while ending")
				c.signal(second)
				c.diesOf(second)
			})
		}
	}
}

func TestHangupReloads(t *testing.T) {
	c := startChild(t, os.Args[0])
	for range 3 {
		c.signal(syscall.SIGHUP)
		c.says("reload")
	}
	c.signal(syscall.SIGTERM)
	c.says("ended by signal: terminated")
}

func TestIgnoredInterruptStaysIgnored(t *testing.T) {
	c := startChild(t, "/bin/sh", "-c", `trap "" INT; exec "$0"`, os.Args[0])
	c.signal(syscall.SIGINT)
	c.signal(syscall.SIGHUP)
	c.says("reload") // alive, and not ending
	c.signal(syscall.SIGTERM)
	c.says("ended by signal: terminated")
}

func TestSignalsGivesBack(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, _, stop := Signals(parent)
	cancel()
	<-ctx.Done()
	stop()
	ctx, _, stop = Signals(t.Context())
	stop()
	if ctx.Err() == nil {
		t.Error("context outlives stop")
	}
}

func TestSurviveBrokenPipe(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"=pipe")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	_, _ = in.Write([]byte("\n"))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 42 {
		t.Errorf("exit status %d, want 42", code)
	}
}
