//go:build linux

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const unitDir = "../../configs/systemd"

// unitSettings returns the values of one setting in a unit file, in order.
func unitSettings(t *testing.T, unit, setting string) (values []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(unitDir, unit))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), setting+"="); ok {
			values = append(values, v)
		}
	}
	return values
}

// A crash and the watchdog's SIGABRT must be followed by a restart, although
// the unit does not restart after a usage error: both are exit status 2 of a Go
// program, unless its environment says otherwise.
func TestCrashIsNotAUsageError(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and waits ten seconds for a crash")
	}
	bin := filepath.Join(t.TempDir(), "wanctl")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	for _, unit := range []string{"wanctl@.service", "wanctl-steer.service", "wanctl-serve.service"} {
		t.Run(unit, func(t *testing.T) {
			t.Parallel()
			prevented := strings.Fields(strings.Join(unitSettings(t, unit, "RestartPreventExitStatus"), " "))
			if len(prevented) == 0 {
				t.Fatal("no exit status prevents a restart: a wrong configuration would be tried for ever")
			}
			if restart := unitSettings(t, unit, "Restart"); len(restart) != 1 || restart[0] != "on-failure" && restart[0] != "always" {
				t.Errorf("Restart=%v does not restart after a signal", restart)
			}
			cmd := exec.Command(bin, "sim", "router", "--listen", "127.0.0.1:0")
			cmd.Env = append(os.Environ(), unitSettings(t, unit, "Environment")...)
			cmd.Dir = t.TempDir() // where a core dump would go
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
				t.Fatalf("waiting for the program to run: %v\n%s", err, &stderr)
			}
			timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != syscall.SIGABRT {
				t.Errorf("SIGABRT ended it with %v, want the signal: status %v prevents a restart", cmd.ProcessState, prevented)
			}
		})
	}
}
