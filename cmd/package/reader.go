package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// entry is what a package has at one path.
type entry struct {
	Mode   fs.FileMode // type and permissions
	Owner  string      // "root:root"
	Config bool        // kept at an upgrade, where somebody changed it
	Sum    string      // SHA-256 of a file, in hexadecimal digits
}

// scriptNames are the names that formats have for a script of the description.
var scriptNames = map[string]string{
	"postinst": "postinstall", "prerm": "preremove", "postrm": "postremove",
	".post-install": "postinstall", ".pre-deinstall": "preremove", ".post-deinstall": "postremove", ".post-upgrade": "postupgrade",
}

// readPackage returns the entries of a package or an archive by their paths. A script
// has its name in the description, such as "postinstall", for a path.
func readPackage(path string) (map[string]entry, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	entries := map[string]entry{}
	switch filepath.Ext(path) {
	case ".deb":
		err = readDeb(entries, b)
	case ".ipk":
		err = eachFile(b, func(h *tar.Header, data []byte) error { return readMember(entries, h.Name, data) })
	case ".rpm":
		err = readRPM(entries, b)
	case ".apk", ".gz":
		err = readData(entries, b)
	default:
		err = errors.New("not a package")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

// readDeb reads an ar archive: a magic line, then headers of 60 bytes, each before its
// file, at even places. See ar(5).
func readDeb(entries map[string]entry, b []byte) error {
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	for ok && len(rest) >= 60 {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size < 0 || size > len(rest)-60 {
			return errors.New("a damaged ar archive")
		}
		if err := readMember(entries, strings.TrimRight(string(rest[:16]), " /"), rest[60:60+size]); err != nil {
			return err
		}
		rest = rest[min(60+size+size%2, len(rest)):]
	}
	if !ok || len(rest) > 0 {
		return errors.New("not an ar archive")
	}
	return nil
}

// readMember reads a part of a deb or an ipk. What control.tar.gz has is read first.
func readMember(entries map[string]entry, name string, data []byte) error {
	switch strings.TrimPrefix(name, "./") {
	case "data.tar.gz":
		return readData(entries, data)
	case "control.tar.gz":
		return eachFile(data, func(h *tar.Header, text []byte) error {
			name := strings.TrimPrefix(h.Name, "./")
			if script := scriptNames[name]; script != "" {
				entries[script] = entry{Sum: sum(text)}
			}
			for line := range strings.Lines(string(text)) {
				if name == "conffiles" {
					entries[strings.TrimSpace(line)] = entry{Config: true}
				}
			}
			return nil
		})
	}
	return nil
}

// readData reads the tree that a package unpacks, and the scripts of an apk, which is
// several archives one after the other.
func readData(entries map[string]entry, compressed []byte) error {
	return eachFile(compressed, func(h *tar.Header, data []byte) error {
		if script := scriptNames[h.Name]; script != "" {
			entries[script] = entry{Sum: sum(data)}
			return nil
		}
		if h.Name == ".PKGINFO" || strings.HasPrefix(h.Name, ".SIGN.") {
			return nil
		}
		path := filepath.Join("/", h.Name)
		e := entry{Mode: h.FileInfo().Mode(), Owner: h.Uname + ":" + h.Gname, Config: entries[path].Config}
		if e.Mode.IsRegular() {
			e.Sum = sum(data)
		}
		if path != "/" {
			entries[path] = e
		}
		return nil
	})
}

func eachFile(compressed []byte, do func(*tar.Header, []byte) error) error {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(r)
		if err == nil {
			err = do(h, data)
		}
		if err != nil {
			return err
		}
	}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// Tags of an RPM header.
const (
	rpmPostinstall, rpmPreremove, rpmPostremove    = 1024, 1025, 1026
	rpmModes, rpmDigests, rpmFlags, rpmUser        = 1030, 1035, 1037, 1039
	rpmGroup, rpmDirOf, rpmBaseNames, rpmDirNames  = 1040, 1116, 1117, 1118
	rpmLeadSize, rpmMagic, rpmIsConfig, rpmIsNoRep = 96, 0x8eade801, 1, 16
)

// readRPM reads the second header of an RPM, which describes the files.
func readRPM(entries map[string]entry, b []byte) error {
	r := bufio.NewReader(bytes.NewReader(b))
	if _, err := r.Discard(rpmLeadSize); err != nil {
		return err
	}
	_, size, err := rpmHeader(r)
	if err != nil {
		return err
	}
	if _, err := r.Discard((8 - size%8) % 8); err != nil { // the signature's
		return err
	}
	tags, _, err := rpmHeader(r)
	if err != nil {
		return err
	}
	for tag, name := range map[uint32]string{rpmPostinstall: "postinstall", rpmPreremove: "preremove", rpmPostremove: "postremove"} {
		if script := tags.strings(tag, 1); len(script) == 1 {
			entries[name] = entry{Sum: sum([]byte(script[0]))}
		}
	}
	n := len(tags[rpmModes]) / 2
	dirs := tags.strings(rpmDirNames, n)
	names, digests, users, groups := tags.strings(rpmBaseNames, n), tags.strings(rpmDigests, n), tags.strings(rpmUser, n), tags.strings(rpmGroup, n)
	if len(names) != n || len(digests) != n || len(users) != n || len(groups) != n || len(tags[rpmDirOf]) != 4*n || len(tags[rpmFlags]) != 4*n {
		return errors.New("its header does not tell of each file")
	}
	for i, name := range names {
		mode := binary.BigEndian.Uint16(tags[rpmModes][2*i:])
		dir := binary.BigEndian.Uint32(tags[rpmDirOf][4*i:])
		if int(dir) >= len(dirs) {
			return fmt.Errorf("%s is in no directory", name)
		}
		e := entry{Mode: fs.FileMode(mode & 0o777), Owner: users[i] + ":" + groups[i], Sum: digests[i]}
		if mode&0o170000 == 0o040000 {
			e.Mode |= fs.ModeDir
		}
		e.Config = binary.BigEndian.Uint32(tags[rpmFlags][4*i:])&(rpmIsConfig|rpmIsNoRep) == rpmIsConfig|rpmIsNoRep
		entries[dirs[dir]+name] = e
	}
	return nil
}

// rpmTags are the values in a header, from where each begins.
type rpmTags map[uint32][]byte

// strings returns up to n strings, each ended by a zero.
func (t rpmTags) strings(tag uint32, n int) []string {
	list := strings.SplitN(string(t[tag]), "\x00", n+1)
	return list[:min(n, len(list)-1)]
}

// rpmHeader reads a header, and returns how long its values are: an index of entries
// with tag, type, place and number, then the values.
func rpmHeader(r io.Reader) (rpmTags, int, error) {
	var head struct{ Magic, Reserved, Entries, Size uint32 }
	if err := binary.Read(r, binary.BigEndian, &head); err != nil {
		return nil, 0, err
	}
	if head.Magic != rpmMagic || head.Entries > 1<<16 || head.Size > 1<<28 {
		return nil, 0, errors.New("not an RPM header")
	}
	index := make([]struct{ Tag, Type, Place, Number uint32 }, head.Entries)
	values := make([]byte, head.Size)
	if err := errors.Join(binary.Read(r, binary.BigEndian, index), binary.Read(r, binary.BigEndian, values)); err != nil {
		return nil, 0, err
	}
	tags := rpmTags{}
	for _, e := range index {
		if e.Place > head.Size {
			return nil, 0, errors.New("an RPM header with a value outside")
		}
		from := values[e.Place:]
		switch size, known := map[uint32]uint32{3: 2, 4: 4}[e.Type]; {
		case known && e.Number <= uint32(len(from))/size:
			from = from[:e.Number*size]
		case known:
			return nil, 0, errors.New("an RPM header with a value outside")
		}
		tags[e.Tag] = from
	}
	return tags, int(head.Size), nil
}
