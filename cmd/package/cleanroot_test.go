//go:build linux

package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var cleanRoot = flag.String("cleanroot", "", "DIR where debootstrap's Debian is kept; without it TestCleanRoot is skipped")

// TestCleanRoot installs, upgrades, removes and purges the package in a Debian that has
// nothing else, and what `make install` installs there without Go.
func TestCleanRoot(t *testing.T) {
	if *cleanRoot == "" || os.Geteuid() != 0 {
		t.Skip("run 'make clean-root' as root, with debootstrap: it takes a minute")
	}
	inRoot(t)
	base := filepath.Join(*cleanRoot, "bookworm-"+runtime.GOARCH)
	if _, err := os.Stat(base); err != nil {
		must(t, "rm", "-rf", base+".part")
		must(t, "debootstrap", "--variant=minbase", "--include=make,logrotate,procps,systemd", "bookworm", base+".part")
		must(t, "mv", base+".part", base)
	}
	root := filepath.Join(t.TempDir(), "root")
	must(t, "cp", "-a", base, root)
	if err := os.Mkdir(filepath.Join(root, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	// What `make install` needs of a tree that was built; and an older and a newer package.
	for _, version := range []string{"v0.0.1", "v0.0.2"} {
		must(t, "make", "-s", "build", "packages", "TARGETS="+runtime.GOARCH, "FORMATS=deb", "VERSION="+version)
		must(t, "mv", "dist/wanctl_"+version[1:]+"_"+runtime.GOARCH+".deb", filepath.Join(root, "root", version+".deb"))
	}
	must(t, "cp", "-a", "--parents", "Makefile", "bin", "configs", "man", "completions", "dist/notices.txt", "LICENSE", "README.md", "CHANGELOG.md", filepath.Join(root, "src"))

	script, err := os.ReadFile("cmd/package/testdata/cleanroot.sh")
	if err != nil {
		t.Fatal(err)
	}
	common, steps, _ := strings.Cut(string(script), "\n### ")
	for step := range strings.SplitSeq(steps, "\n### ") {
		name, text, _ := strings.Cut(step, "\n")
		ok := t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/bin/sh", "-eux", "-c", common+"\n"+text)
			cmd.Dir = "/root"
			cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
		})
		if !ok {
			return // each step begins where the one before it ends
		}
	}
}

func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
