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

var units = []string{"wanctl.service", "wanctl@.service", "wanctl-steer.service", "wanctl-serve.service"}

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
	for _, unit := range units {
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

// However often a daemon crashes, it is started again, ever more slowly. Only exit
// statuses that a restart cannot change are final: usage and configuration.
func TestUnitsRestartForever(t *testing.T) {
	for _, unit := range units {
		for setting, want := range map[string]string{
			"StartLimitIntervalSec": "0", "Restart": "on-failure", "RestartPreventExitStatus": "2 3",
			"RestartSec": "5", "RestartSteps": "4", "RestartMaxDelaySec": "60",
		} {
			if got := unitSettings(t, unit, setting); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s=%v, want %s", unit, setting, got, want)
			}
		}
		// Four fifths of MemoryMax are the program's own choice; a fixed number here
		// would not follow a drop-in.
		if set := strings.Join(unitSettings(t, unit, "Environment"), " "); strings.Contains(set, "GOMEMLIMIT") {
			t.Errorf("%s: Environment=%s", unit, set)
		}
	}
}

// systemd has no objection to the units.
func TestUnitsVerify(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(filepath.Join(unitDir, unit))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("ExecStart=/usr/bin/wanctl"), []byte("ExecStart="+bin))
		path := filepath.Join(t.TempDir(), strings.Replace(unit, "@", "@wan", 1))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "'RestartSteps' in section") || strings.Contains(line, "'RestartMaxDelaySec' in section") {
				continue // before version 254
			}
			t.Errorf("%s: %s", unit, line)
		}
	}
}

// A WAN has one loop: what runs all of them stops what runs one, and the other way round.
func TestUnitsConflict(t *testing.T) {
	for _, unit := range []string{"wanctl@.service", "wanctl-steer.service"} {
		for _, setting := range []string{"Conflicts", "After"} {
			if got := strings.Join(unitSettings(t, unit, setting), " "); !strings.Contains(" "+got+" ", " wanctl.service ") {
				t.Errorf("%s: %s=%s lacks wanctl.service", unit, setting, got)
			}
		}
	}
}
