package sftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// router has the files of a router, of which one cannot be written.
type router map[string]string

func (r router) File(name string) (string, bool) {
	contents, ok := r[name]
	return contents, ok
}

func (r router) WriteFile(name string, data []byte) error {
	if name == "denied.rsc" {
		return errors.New("not enough permissions (9)")
	}
	r[name] = string(data)
	return nil
}

// client sends packets and returns the answers.
type client struct {
	*testing.T
	in  io.Writer
	out io.Reader
}

func (c client) ask(kind byte, body []byte) []byte {
	c.Helper()
	packet := append([]byte{kind}, body...)
	if err := binary.Write(c.in, binary.BigEndian, uint32(len(packet))); err != nil {
		c.Fatal(err)
	}
	if _, err := c.in.Write(packet); err != nil {
		c.Fatal(err)
	}
	var length uint32
	if err := binary.Read(c.out, binary.BigEndian, &length); err != nil {
		c.Fatal(err)
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(c.out, answer); err != nil {
		c.Fatal(err)
	}
	return answer
}

// wantStatus checks the code of an answer, whose id is 7.
func (c client) wantStatus(what string, answer []byte, code byte) {
	c.Helper()
	if want := []byte{typeStatus, 0, 0, 0, 7, 0, 0, 0, code}; !bytes.HasPrefix(answer, want) {
		c.Errorf("%s: got % x, want % x", what, answer, want)
	}
}

func TestSFTP(t *testing.T) {
	near, far := net.Pipe()
	files := router{}
	var serving sync.WaitGroup
	serving.Go(func() {
		Serve(far, files)
		_ = far.Close()
	})
	defer serving.Wait()
	defer func() { _ = near.Close() }()
	c := client{t, near, near}
	named := func(name string, rest ...byte) []byte {
		return append(append([]byte{0, 0, 0, 7}, text(name)...), rest...)
	}
	data := func(offset byte, s string) []byte {
		return append([]byte{0, 0, 0, 0, 0, 0, 0, offset}, text(s)...)
	}
	if got := c.ask(typeInit, []byte{0, 0, 0, 3}); !bytes.Equal(got, []byte{typeVersion, 0, 0, 0, 3}) {
		t.Errorf("version % x", got)
	}
	if got := c.ask(typeRealpath, named(".")); got[0] != typeName || !strings.Contains(string(got), "/") {
		t.Errorf("real path %q", got)
	}
	if got := c.ask(typeStat, named("/")); got[0] != typeAttrs {
		t.Errorf("the directory: % x", got)
	}
	c.wantStatus("a file that is not there", c.ask(typeStat, named("/a.rsc")), statusNoSuchFile)
	c.wantStatus("reading a file that is not there", c.ask(typeOpen, named("a.rsc", 0, 0, 0, 1, 0, 0, 0, 0)), statusNoSuchFile)
	if got := c.ask(typeOpen, named("/a.rsc", 0, 0, 0, 0x1a, 0, 0, 0, 0)); !bytes.Equal(got, append([]byte{typeHandle, 0, 0, 0, 7}, text("a.rsc")...)) {
		t.Errorf("handle % x", got)
	}
	c.wantStatus("write", c.ask(typeWrite, named("a.rsc", data(0, ":put")...)), statusOK)
	c.wantStatus("a gap", c.ask(typeWrite, named("a.rsc", data(9, "x")...)), statusFailure)
	c.wantStatus("another file", c.ask(typeWrite, named("b.rsc", data(0, "x")...)), statusFailure)
	c.wantStatus("the rest", c.ask(typeWrite, named("a.rsc", data(4, " hi")...)), statusOK)
	c.wantStatus("mode", c.ask(typeFsetstat, named("a.rsc", 0, 0, 0, 0)), statusOK)
	c.wantStatus("close", c.ask(typeClose, named("a.rsc")), statusOK)
	c.wantStatus("closed", c.ask(typeClose, named("a.rsc")), statusFailure)
	c.ask(typeOpen, named("denied.rsc", 0, 0, 0, 2, 0, 0, 0, 0))
	if got := c.ask(typeClose, named("denied.rsc")); got[8] != statusFailure || !strings.Contains(string(got), "not enough permissions") {
		t.Errorf("a file that may not be written: %q", got)
	}
	c.wantStatus("a listing", c.ask(11, named("/")), statusUnsupported)
	if got, ok := files.File("a.rsc"); !ok || got != ":put hi" {
		t.Errorf("the file is %q, %t", got, ok)
	}
	if got := c.ask(typeOpen, named("a.rsc", 0, 0, 0, 1, 0, 0, 0, 0)); got[0] != typeHandle {
		t.Errorf("handle % x", got)
	}
	if got := c.ask(typeFstat, named("a.rsc")); got[0] != typeAttrs || got[16] != byte(len(":put hi")) {
		t.Errorf("attributes % x", got)
	}
	part := func(offset byte) []byte {
		return c.ask(typeRead, named("a.rsc", 0, 0, 0, 0, 0, 0, 0, offset, 0, 0, 0, 4))
	}
	if got := part(5); !bytes.Equal(got, append([]byte{typeData, 0, 0, 0, 7}, text("hi")...)) {
		t.Errorf("the end of the file: % x", got)
	}
	c.wantStatus("behind the end", part(7), statusEOF)
	c.wantStatus("writing to it", c.ask(typeWrite, named("a.rsc", data(7, "x")...)), statusFailure)
	c.wantStatus("close after reading", c.ask(typeClose, named("a.rsc")), statusOK)
	_, _ = near.Write([]byte{0xff, 0xff, 0xff, 0xff})
	if _, err := io.ReadAll(c.out); err != nil {
		t.Errorf("after a packet of 4 GB: %v", err)
	}
}
