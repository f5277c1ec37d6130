package sysd

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVariable makes this test's program another one.
const roleVariable = "WANCTL_TEST_ORPHANS"

// play runs this test's program in another role and returns its exit status.
func play(role string) int {
	if role == "first" {
		return first()
	}
	// A parent that leaves a child behind, which ends after it.
	if err := exec.Command("sleep", "0.2").Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// first is the first process of a container: it leaves orphans, waits for a child of
// its own, and prints how many zombies there are in the end.
func first() int {
	_ = os.MkdirAll("/proc", 0o755)
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Fprintln(os.Stderr, "mounting /proc:", err)
		return 1
	}
	defer CollectOrphans()()
	for range 3 {
		parent := exec.Command("/proc/self/exe")
		parent.Env = append(os.Environ(), roleVariable+"=parent")
		if err := parent.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	own := exec.Command("sh", "-c", "sleep 1.5; exit 7")
	err := own.Run()
	for deadline := time.Now().Add(10 * time.Second); len(zombies()) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Printf("own child: %v; zombies: %d\n", err, len(zombies()))
	return 0
}

func TestCollectOrphans(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a process namespace of its own")
	}
	if testing.Short() {
		t.Skip("takes three seconds")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"=first")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if got := strings.TrimSpace(string(out)); got != "own child: exit status 7; zombies: 0" {
		t.Errorf("the first process printed %q, want its own child's status, and no zombies", got)
	}
}

// TestCollectOrphansElsewhere: only the first process has orphans.
func TestCollectOrphansElsewhere(t *testing.T) {
	CollectOrphans()()
}
