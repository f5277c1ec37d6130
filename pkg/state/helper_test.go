package state

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// The test binary is also the other process of these tests: a holder of locks,
// a saver to be killed, a saver on a full or read-only file system.
const helperEnv = "STATE_TEST_HELPER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Exit(helperMain(mode, os.Args[len(os.Args)-1]))
	}
	goleak.VerifyTestMain(m)
}

func helperMain(mode, path string) int {
	switch mode {
	case "idle": // lives until stdin ends
	case "hold":
		if _, err := Acquire(path); err != nil {
			fmt.Println(err)
			return 1
		}
	case "compete":
		return compete(path)
	case "save":
		f := OpenWAN(path)
		for i := 1; ; i++ {
			if err := f.Save(sampleWAN(i)); err != nil {
				fmt.Println(err)
				return 1
			}
			if i == 1 {
				fmt.Println("ready")
			}
		}
	case "disk":
		return onSmallDisk(path)
	default:
		if program, known := powerPrograms[mode]; known {
			return exitOf(program(path))
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// compete enters the lock over and over, leaving a trace of entry and exit.
func compete(path string) int {
	trace, err := os.OpenFile(path+".trace", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	for end := time.Now().Add(700 * time.Millisecond); time.Now().Before(end); {
		lock, err := Acquire(path)
		if err != nil {
			continue
		}
		fmt.Fprintf(trace, "+%d\n", os.Getpid())
		fmt.Fprintf(trace, "-%d\n", os.Getpid())
		if err := lock.Close(); err != nil {
			fmt.Fprintf(trace, "! %v\n", err)
			return 1
		}
	}
	return 0
}

// helper starts this binary in mode and waits until it says "ready".
func helper(t *testing.T, mode, path string, wait bool) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if wait {
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil || strings.TrimSpace(line) != "ready" {
			t.Fatalf("helper %s: %q, %v", mode, line, err)
		}
	}
	return cmd
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sampleWAN is a state that tells by all its parts which one it is.
func sampleWAN(i int) WAN {
	return WAN{
		Download:    Direction{GreenStreak: i, CurrentRate: bitrate.Rate(1e6 + i), Applied: bitrate.Rate(1e6 + i)},
		Upload:      Direction{RedStreak: i, CurrentRate: bitrate.Rate(1e5 + i)},
		BaselineRTT: 23400 * time.Microsecond,
		LoadRTT:     time.Duration(i) * time.Microsecond,
		Law:         []byte(`{"n":` + strconv.Itoa(i) + `}`),
		Timestamp:   time.Date(2026, 11, 23, 12, 0, 0, i*1000, time.UTC),
	}
}
