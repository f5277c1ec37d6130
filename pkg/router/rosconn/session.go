package rosconn

import "context"

// Conn is one connection on which a user is logged in.
type Conn interface {
	comparable

	// Usable reports whether another request may be sent: the router has not
	// closed its end, and no earlier request left the connection in doubt.
	Usable() bool

	// Close ends the connection.
	Close() error
}

// Session keeps the one connection that a transport uses. The zero Session has
// none yet.
type Session[C Conn] struct {
	conn   C
	serial int
}

// Connect returns the serial number of a usable connection. It keeps the present
// one while that is usable, and otherwise closes it and calls open.
func (s *Session[C]) Connect(ctx context.Context, open func(context.Context) (C, error)) (serial int, err error) {
	if c, ok := s.Conn(); ok && c.Usable() {
		return s.serial, nil
	}
	_ = s.Close()
	c, err := open(ctx)
	if err != nil {
		return 0, err
	}
	s.conn = c
	s.serial++
	return s.serial, nil
}

// Conn returns the present connection, if there is one.
func (s *Session[C]) Conn() (c C, ok bool) {
	var none C
	return s.conn, s.conn != none
}

// Close closes the present connection, if there is one.
func (s *Session[C]) Close() error {
	c, ok := s.Conn()
	if !ok {
		return nil
	}
	var none C
	s.conn = none
	return c.Close()
}
