package supervisor

import (
	"errors"
	"io/fs"
	"net"
)

// WithoutPath returns the cause of a file or network error without the path or
// address, for a message that names it already.
func WithoutPath(err error) error {
	var inPath *fs.PathError
	var inNet *net.OpError
	switch {
	case errors.As(err, &inPath):
		return inPath.Err
	case errors.As(err, &inNet):
		return inNet.Err
	}
	return err
}
