package reportcmd

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

// A history that this user may not read is an error that says what to type.
func TestHistoryOfAnotherUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dsl_history")
	if err := os.Mkdir(dir, 0); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		if os.Geteuid() == 0 { // this thread alone becomes another user's; it ends with the goroutine
			runtime.LockOSThread()
			syscall.RawSyscall(syscall.SYS_SETFSUID, 4242, 0, 0)
		}
		now := time.Now()
		_, err := report.Build([]history.Kept{{WAN: "dsl", Archive: history.NewArchive(dir)}}, now.Add(-time.Hour), now, now)
		result <- withNextStep(err)
	}()
	err := <-result
	if err == nil {
		t.Fatal("it was taken for an empty one")
	}
	for _, part := range []string{"history of dsl: ", dir + ": permission denied", "run: sudo wanctl report"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

// More than a year needs years.
func TestSpanNamesYears(t *testing.T) {
	to := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r := &report.Report{From: to.AddDate(0, 0, -400), To: to, WANs: []report.WAN{{Name: "dsl"}}}
	var out strings.Builder
	p := printer{w: &out}
	p.wan(r, &r.WANs[0])
	if !strings.Contains(out.String(), "Fri 24 Oct 2025 12:00 to Sat 28 Nov 2026 12:00, ") {
		t.Errorf("%s", &out)
	}
}
