package simrouter

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// SFTP version 3 (draft-ietf-secsh-filexfer-02), as far as scp and sftp need it to put
// a file on the router and to fetch one. Files are in one directory.

// Types of packets.
const (
	sftpInit     = 1
	sftpVersion  = 2
	sftpOpen     = 3
	sftpClose    = 4
	sftpRead     = 5
	sftpWrite    = 6
	sftpLstat    = 7
	sftpFstat    = 8
	sftpSetstat  = 9
	sftpFsetstat = 10
	sftpRealpath = 16
	sftpStat     = 17
	sftpStatus   = 101
	sftpHandle   = 102
	sftpData     = 103
	sftpName     = 104
	sftpAttrs    = 105
)

// Codes of a status.
const (
	sftpOK          = 0
	sftpEOF         = 1
	sftpNoSuchFile  = 2
	sftpFailure     = 4
	sftpUnsupported = 8
)

const (
	sftpForWriting = 2       // flag of an open
	sftpHasSize    = 1       // flag of attributes
	sftpHasMode    = 4       // flag of attributes
	sftpDirectory  = 0o40755 // modes
	sftpRegular    = 0o100644
	sftpMaxPacket  = 256 << 10
)

// sftpServer is one SFTP session.
type sftpServer struct {
	state *routeros.Router
	user  *routeros.User
	open  map[string]*sftpFile // by handle, which is the name of the file
}

// sftpFile is an open file: what has been written to it, or what is read from it.
type sftpFile struct {
	bytes.Buffer
	writing bool
}

// serveSFTP answers packets until the client ends the session.
func serveSFTP(c io.ReadWriter, state *routeros.Router, user *routeros.User) {
	s := &sftpServer{state: state, user: user, open: map[string]*sftpFile{}}
	for {
		var length uint32
		if binary.Read(c, binary.BigEndian, &length) != nil || length == 0 || length > sftpMaxPacket {
			return
		}
		packet := make([]byte, length)
		if _, err := io.ReadFull(c, packet); err != nil {
			return
		}
		answer := s.answer(packet[0], packet[1:])
		if answer == nil {
			return
		}
		answer = append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// answer returns the answer to a packet; nil to one that is malformed.
func (s *sftpServer) answer(kind byte, body []byte) []byte {
	if kind == sftpInit {
		return binary.BigEndian.AppendUint32([]byte{sftpVersion}, 3)
	}
	var head struct {
		ID   uint32
		Name string // of a file, or its handle
		Rest []byte `ssh:"rest"`
	}
	if ssh.Unmarshal(body, &head) != nil {
		return nil
	}
	name := strings.TrimPrefix(path.Clean("/"+head.Name), "/")
	switch kind {
	case sftpRealpath:
		return s.name(head.ID, "/"+name)
	case sftpStat, sftpLstat:
		if name == "" {
			return s.attributes(head.ID, 0, sftpDirectory)
		}
		data, ok := s.state.File(name)
		if !ok {
			return s.status(head.ID, sftpNoSuchFile, "no such file")
		}
		return s.attributes(head.ID, len(data), sftpRegular)
	case sftpFstat:
		if f := s.open[head.Name]; f != nil {
			return s.attributes(head.ID, f.Len(), sftpRegular)
		}
		return s.status(head.ID, sftpFailure, "not open")
	case sftpSetstat, sftpFsetstat:
		return s.status(head.ID, sftpOK, "")
	case sftpOpen:
		if len(head.Rest) < 4 || name == "" {
			return s.status(head.ID, sftpFailure, "cannot be opened")
		}
		f := &sftpFile{writing: binary.BigEndian.Uint32(head.Rest)&sftpForWriting != 0}
		if !f.writing {
			data, ok := s.state.File(name)
			if !ok {
				return s.status(head.ID, sftpNoSuchFile, "no such file")
			}
			f.WriteString(data)
		}
		s.open[name] = f
		return append(s.head(sftpHandle, head.ID), sftpString(name)...)
	case sftpRead:
		return s.read(head.ID, s.open[head.Name], head.Rest)
	case sftpWrite:
		return s.write(head.ID, s.open[head.Name], head.Rest)
	case sftpClose:
		return s.close(head.ID, head.Name)
	}
	return s.status(head.ID, sftpUnsupported, "not simulated")
}

// read returns a part of a file.
func (s *sftpServer) read(id uint32, file *sftpFile, body []byte) []byte {
	var r struct {
		Offset uint64
		Length uint32
	}
	if file == nil || file.writing || ssh.Unmarshal(body, &r) != nil {
		return s.status(id, sftpFailure, "cannot be read")
	}
	data := file.Bytes()
	if r.Offset >= uint64(len(data)) {
		return s.status(id, sftpEOF, "")
	}
	data = data[r.Offset:]
	data = data[:min(len(data), int(r.Length), sftpMaxPacket/2)]
	return append(s.head(sftpData, id), sftpString(string(data))...)
}

// write appends to a file: clients write from its begin to its end.
func (s *sftpServer) write(id uint32, file *sftpFile, body []byte) []byte {
	var w struct {
		Offset uint64
		Data   string
	}
	if file == nil || !file.writing || ssh.Unmarshal(body, &w) != nil || w.Offset != uint64(file.Len()) || file.Len()+len(w.Data) > routeros.MaxFile {
		return s.status(id, sftpFailure, "cannot be written")
	}
	file.WriteString(w.Data)
	return s.status(id, sftpOK, "")
}

// close stores a file that was written.
func (s *sftpServer) close(id uint32, handle string) []byte {
	file := s.open[handle]
	if file == nil {
		return s.status(id, sftpFailure, "not open")
	}
	delete(s.open, handle)
	if !file.writing {
		return s.status(id, sftpOK, "")
	}
	if err := s.state.WriteFile(s.user, handle, file.Bytes()); err != nil {
		return s.status(id, sftpFailure, err.Error())
	}
	return s.status(id, sftpOK, "")
}

func (s *sftpServer) head(kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, id)
}

func sftpString(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func (s *sftpServer) status(id, code uint32, text string) []byte {
	b := binary.BigEndian.AppendUint32(s.head(sftpStatus, id), code)
	return append(append(b, sftpString(text)...), sftpString("en")...)
}

func (s *sftpServer) name(id uint32, name string) []byte {
	b := binary.BigEndian.AppendUint32(s.head(sftpName, id), 1)
	b = append(append(b, sftpString(name)...), sftpString(name)...)
	return binary.BigEndian.AppendUint32(b, 0)
}

func (s *sftpServer) attributes(id uint32, size int, mode uint32) []byte {
	b := binary.BigEndian.AppendUint32(s.head(sftpAttrs, id), sftpHasSize|sftpHasMode)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	return binary.BigEndian.AppendUint32(b, mode)
}
