// Package sftp is the server side of SFTP version 3 (draft-ietf-secsh-filexfer-02), as
// far as scp and sftp need it to put a file on a router and to fetch one. Files are in
// one directory. It keeps none itself.
package sftp

import (
	"bytes"
	"encoding/binary"
	"io"
	"path"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// Files are the files of a router, as one user may use them.
type Files interface {
	// File returns the contents of a file, and whether there is one.
	File(name string) (contents string, ok bool)
	// WriteFile creates or replaces a file.
	WriteFile(name string, data []byte) error
}

// Types of packets.
const (
	typeInit     = 1
	typeVersion  = 2
	typeOpen     = 3
	typeClose    = 4
	typeRead     = 5
	typeWrite    = 6
	typeLstat    = 7
	typeFstat    = 8
	typeSetstat  = 9
	typeFsetstat = 10
	typeRealpath = 16
	typeStat     = 17
	typeStatus   = 101
	typeHandle   = 102
	typeData     = 103
	typeName     = 104
	typeAttrs    = 105
)

// Codes of a status.
const (
	statusOK          = 0
	statusEOF         = 1
	statusNoSuchFile  = 2
	statusFailure     = 4
	statusUnsupported = 8
)

const (
	forWriting = 2       // flag of an open
	hasSize    = 1       // flag of attributes
	hasMode    = 4       // flag of attributes
	directory  = 0o40755 // modes
	regular    = 0o100644
	maxPacket  = 256 << 10
)

// server is one session.
type server struct {
	files Files
	open  map[string]*file // by handle, which is the name of the file
}

// file is an open file: what has been written to it, or what is read from it.
type file struct {
	bytes.Buffer
	writing bool
}

// Serve answers packets until the client ends the session.
func Serve(c io.ReadWriter, files Files) {
	s := &server{files: files, open: map[string]*file{}}
	for {
		var length uint32
		if binary.Read(c, binary.BigEndian, &length) != nil || length == 0 || length > maxPacket {
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
func (s *server) answer(kind byte, body []byte) []byte {
	if kind == typeInit {
		return binary.BigEndian.AppendUint32([]byte{typeVersion}, 3)
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
	case typeRealpath:
		return s.name(head.ID, "/"+name)
	case typeStat, typeLstat:
		if name == "" {
			return s.attributes(head.ID, 0, directory)
		}
		data, ok := s.files.File(name)
		if !ok {
			return s.status(head.ID, statusNoSuchFile, "no such file")
		}
		return s.attributes(head.ID, len(data), regular)
	case typeFstat:
		if f := s.open[head.Name]; f != nil {
			return s.attributes(head.ID, f.Len(), regular)
		}
		return s.status(head.ID, statusFailure, "not open")
	case typeSetstat, typeFsetstat:
		return s.status(head.ID, statusOK, "")
	case typeOpen:
		if len(head.Rest) < 4 || name == "" {
			return s.status(head.ID, statusFailure, "cannot be opened")
		}
		f := &file{writing: binary.BigEndian.Uint32(head.Rest)&forWriting != 0}
		if !f.writing {
			data, ok := s.files.File(name)
			if !ok {
				return s.status(head.ID, statusNoSuchFile, "no such file")
			}
			f.WriteString(data)
		}
		s.open[name] = f
		return append(s.head(typeHandle, head.ID), text(name)...)
	case typeRead:
		return s.read(head.ID, s.open[head.Name], head.Rest)
	case typeWrite:
		return s.write(head.ID, s.open[head.Name], head.Rest)
	case typeClose:
		return s.close(head.ID, head.Name)
	}
	return s.status(head.ID, statusUnsupported, "not simulated")
}

// read returns a part of a file.
func (s *server) read(id uint32, f *file, body []byte) []byte {
	var r struct {
		Offset uint64
		Length uint32
	}
	if f == nil || f.writing || ssh.Unmarshal(body, &r) != nil {
		return s.status(id, statusFailure, "cannot be read")
	}
	data := f.Bytes()
	if r.Offset >= uint64(len(data)) {
		return s.status(id, statusEOF, "")
	}
	data = data[r.Offset:]
	data = data[:min(len(data), int(r.Length), maxPacket/2)]
	return append(s.head(typeData, id), text(string(data))...)
}

// write appends to a file: clients write from its begin to its end.
func (s *server) write(id uint32, f *file, body []byte) []byte {
	var w struct {
		Offset uint64
		Data   string
	}
	if f == nil || !f.writing || ssh.Unmarshal(body, &w) != nil || w.Offset != uint64(f.Len()) || f.Len()+len(w.Data) > maxFile {
		return s.status(id, statusFailure, "cannot be written")
	}
	f.WriteString(w.Data)
	return s.status(id, statusOK, "")
}

// close stores a file that was written.
func (s *server) close(id uint32, handle string) []byte {
	f := s.open[handle]
	if f == nil {
		return s.status(id, statusFailure, "not open")
	}
	delete(s.open, handle)
	if !f.writing {
		return s.status(id, statusOK, "")
	}
	if err := s.files.WriteFile(handle, f.Bytes()); err != nil {
		return s.status(id, statusFailure, err.Error())
	}
	return s.status(id, statusOK, "")
}

func (s *server) head(kind byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, id)
}

func text(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func (s *server) status(id, code uint32, why string) []byte {
	b := binary.BigEndian.AppendUint32(s.head(typeStatus, id), code)
	return append(append(b, text(why)...), text("en")...)
}

func (s *server) name(id uint32, name string) []byte {
	b := binary.BigEndian.AppendUint32(s.head(typeName, id), 1)
	b = append(append(b, text(name)...), text(name)...)
	return binary.BigEndian.AppendUint32(b, 0)
}

func (s *server) attributes(id uint32, size int, mode uint32) []byte {
	b := binary.BigEndian.AppendUint32(s.head(typeAttrs, id), hasSize|hasMode)
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	return binary.BigEndian.AppendUint32(b, mode)
}
