package sysd

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Nothing is given back that is not in the file.
func TestUnchanged(t *testing.T) {
	const smaps = `00400000-00e18000 r-xp 00000000 fe:00 12288548                           /usr/bin/wanctl
Size:              10336 kB
Rss:                9312 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00e18000-01914000 r--p 00a18000 fe:00 12288548                           /usr/bin/wanctl
Size:              11248 kB
Anonymous:             8 kB
01914000-01a00000 r--p 00a18000 fe:00 12288548                           /usr/bin/wanctl
Anonymous:             0 kB
01a00000-01b00000 rw-p 01514000 fe:00 12288548                           /usr/bin/wanctl
Anonymous:             0 kB
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000200000-7f0000300000 r--p 00000000 00:00 0
Anonymous:             0 kB
`
	want := []mapping{{0x400000, 0xe18000}, {0x1914000, 0x1a00000}}
	if diff := cmp.Diff(want, unchanged(smaps, "/usr/bin/wanctl"), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	replaced := strings.ReplaceAll(smaps, "/usr/bin/wanctl\n", "/usr/bin/wanctl (deleted)\n")
	if got := unchanged(replaced, "/usr/bin/wanctl (deleted)"); len(got) != 2 {
		t.Errorf("an executable that was replaced: %v", got)
	}
}

func TestReleaseExecutable(t *testing.T) {
	if _, err := os.Stat("/proc/self/smaps"); err != nil {
		t.Skip(err)
	}
	resident := func() (kib int) {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "RssFile:")
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			t.Fatal(err)
		}
		return kib
	}
	before := resident()
	if err := ReleaseExecutable(); err != nil {
		t.Fatal(err)
	}
	if after := resident(); after >= before {
		t.Errorf("%d KiB of files are resident, %d were before", after, before)
	}
}
