package simrouter

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// sftpClient sends packets and returns the answers.
type sftpClient struct {
	*testing.T
	in  io.Writer
	out io.Reader
}

func (c sftpClient) ask(kind byte, body []byte) []byte {
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
func (c sftpClient) wantStatus(what string, answer []byte, code byte) {
	c.Helper()
	if want := []byte{sftpStatus, 0, 0, 0, 7, 0, 0, 0, code}; !bytes.HasPrefix(answer, want) {
		c.Errorf("%s: got % x, want % x", what, answer, want)
	}
}

func TestSFTP(t *testing.T) {
	r := startSSH(t, Config{Script: sshScript + "/user group add name=ftp policy=ssh,ftp\n/user add name=ftp group=ftp password=\"pass word\"\n"})
	if s, err := dialSSH(t, r, "cli").NewSession(); err != nil || s.RequestSubsystem("sftp") == nil {
		t.Errorf("without the policy ftp: %v", err)
	}
	s, err := dialSSH(t, r, "ftp").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	c := sftpClient{T: t}
	if c.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if c.out, err = s.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		t.Fatal(err)
	}
	named := func(name string, rest ...byte) []byte {
		return append(append([]byte{0, 0, 0, 7}, sftpString(name)...), rest...)
	}
	data := func(offset byte, text string) []byte {
		return append([]byte{0, 0, 0, 0, 0, 0, 0, offset}, sftpString(text)...)
	}
	if got := c.ask(sftpInit, []byte{0, 0, 0, 3}); !bytes.Equal(got, []byte{sftpVersion, 0, 0, 0, 3}) {
		t.Errorf("version % x", got)
	}
	if got := c.ask(sftpRealpath, named(".")); got[0] != sftpName || !strings.Contains(string(got), "/") {
		t.Errorf("real path %q", got)
	}
	if got := c.ask(sftpStat, named("/")); got[0] != sftpAttrs {
		t.Errorf("the directory: % x", got)
	}
	c.wantStatus("a file that is not there", c.ask(sftpStat, named("/a.rsc")), sftpNoSuchFile)
	c.wantStatus("reading a file that is not there", c.ask(sftpOpen, named("a.rsc", 0, 0, 0, 1, 0, 0, 0, 0)), sftpNoSuchFile)
	if got := c.ask(sftpOpen, named("/a.rsc", 0, 0, 0, 0x1a, 0, 0, 0, 0)); !bytes.Equal(got, append([]byte{sftpHandle, 0, 0, 0, 7}, sftpString("a.rsc")...)) {
		t.Errorf("handle % x", got)
	}
	c.wantStatus("write", c.ask(sftpWrite, named("a.rsc", data(0, ":put")...)), sftpOK)
	c.wantStatus("a gap", c.ask(sftpWrite, named("a.rsc", data(9, "x")...)), sftpFailure)
	c.wantStatus("another file", c.ask(sftpWrite, named("b.rsc", data(0, "x")...)), sftpFailure)
	c.wantStatus("the rest", c.ask(sftpWrite, named("a.rsc", data(4, " hi")...)), sftpOK)
	c.wantStatus("mode", c.ask(sftpFsetstat, named("a.rsc", 0, 0, 0, 0)), sftpOK)
	c.wantStatus("close", c.ask(sftpClose, named("a.rsc")), sftpOK)
	c.wantStatus("closed", c.ask(sftpClose, named("a.rsc")), sftpFailure)
	c.wantStatus("a listing", c.ask(11, named("/")), sftpUnsupported)
	if got, ok := r.state.File("a.rsc"); !ok || got != ":put hi" {
		t.Errorf("the file is %q, %t", got, ok)
	}
	if got := c.ask(sftpOpen, named("a.rsc", 0, 0, 0, 1, 0, 0, 0, 0)); got[0] != sftpHandle {
		t.Errorf("handle % x", got)
	}
	if got := c.ask(sftpFstat, named("a.rsc")); got[0] != sftpAttrs || got[16] != byte(len(":put hi")) {
		t.Errorf("attributes % x", got)
	}
	part := func(offset byte) []byte {
		return c.ask(sftpRead, named("a.rsc", 0, 0, 0, 0, 0, 0, 0, offset, 0, 0, 0, 4))
	}
	if got := part(5); !bytes.Equal(got, append([]byte{sftpData, 0, 0, 0, 7}, sftpString("hi")...)) {
		t.Errorf("the end of the file: % x", got)
	}
	c.wantStatus("behind the end", part(7), sftpEOF)
	c.wantStatus("writing to it", c.ask(sftpWrite, named("a.rsc", data(7, "x")...)), sftpFailure)
	c.wantStatus("close after reading", c.ask(sftpClose, named("a.rsc")), sftpOK)
	_, _ = c.in.Write([]byte{0xff, 0xff, 0xff, 0xff})
	if _, err := io.ReadAll(c.out); err != nil {
		t.Errorf("after a packet of 4 GB: %v", err)
	}
}
