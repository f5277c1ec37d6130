// Command package prints what `make` needs of the description of the packages in
// .goreleaser.yaml, so that packages, `make install` and releases have the same
// contents:
//
//	package contents                   "MODE TYPE DST SRC" a line, for configs/package/install.sh
//	package nfpm ARCH FORMAT VERSION   a configuration of nfpm; ARCH is GOARCH, FORMAT deb, rpm, apk or ipk
//	package archive ARCH               the archive for those who have no packages
//	package check DIR                  compares what was packaged in DIR with the description
//	package image ARCH DIR VERSION     an image for container engines; its files are below DIR, see rootfs.sh
//	package notices                    the licences of what the binary is linked from
//	package licences                   their names; one that is not allowed is an error
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: package contents | check DIR | nfpm ARCH FORMAT VERSION | archive ARCH | image ARCH DIR VERSION | notices | licences")

func run(args []string, w io.Writer) error {
	arguments := map[string]int{"notices": 0, "licences": 0, "contents": 0, "check": 1, "archive": 1, "nfpm": 3, "image": 3}
	if len(args) == 0 {
		return errUsage
	}
	if n, known := arguments[args[0]]; !known || n != len(args)-1 {
		return errUsage
	}
	d, err := read(descriptionFile)
	if err != nil {
		return err
	}
	switch args[0] {
	case "notices":
		return notices(w)
	case "licences":
		return writeLicences(w)
	case "contents":
		return d.writeContents(w)
	case "check":
		return d.checkAll(w, args[1])
	}
	date, err := output("git", "log", "-1", "--format=%cI")
	if err != nil {
		return err
	}
	made, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return err
	}
	switch args[0] {
	case "archive":
		return d.writeArchive(w, args[1], made.UTC())
	case "image":
		return writeImage(w, args[2], args[1], "wanctl:"+strings.TrimPrefix(args[3], "v"), made.UTC())
	}
	return d.writeNFPM(w, args[1], args[2], revision{strings.TrimPrefix(args[3], "v"), date})
}

// revision is the commit that is packaged.
type revision struct {
	version string // such as 0.4.0
	date    string // RFC 3339: the time of all files, so that two builds are equal
}

func output(name string, args ...string) (string, error) {
	b, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(b)), nil
}
