// Command package prints what `make` needs of the description of the packages in
// .goreleaser.yaml, so that packages, `make install` and releases have the same
// contents:
//
//	package contents                   "MODE TYPE DST SRC" a line, for configs/package/install.sh
//	package nfpm ARCH FORMAT VERSION   a configuration of nfpm; ARCH is GOARCH, FORMAT deb, rpm, apk or ipk
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

var errUsage = errors.New("usage: package contents | nfpm ARCH FORMAT VERSION | image ARCH DIR VERSION | notices | licences")

func run(args []string, w io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "notices":
		return notices(w)
	case len(args) == 1 && args[0] == "licences":
		return writeLicences(w)
	case len(args) == 1 && args[0] == "contents":
		d, err := read(descriptionFile)
		if err != nil {
			return err
		}
		return d.writeContents(w)
	case len(args) == 4 && (args[0] == "nfpm" || args[0] == "image"):
		date, err := output("git", "log", "-1", "--format=%cI")
		if err != nil {
			return err
		}
		version := strings.TrimPrefix(args[3], "v")
		if args[0] == "image" {
			made, err := time.Parse(time.RFC3339, date)
			if err != nil {
				return err
			}
			return writeImage(w, args[2], args[1], "wanctl:"+version, made.UTC())
		}
		d, err := read(descriptionFile)
		if err != nil {
			return err
		}
		return d.writeNFPM(w, args[1], args[2], revision{version, date})
	}
	return errUsage
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
