package rosconn

import (
	"context"
	"errors"
	"testing"
)

type fakeConn struct {
	usable bool
	closed int
}

func (c *fakeConn) Usable() bool { return c.usable }
func (c *fakeConn) Close() error { c.closed++; return nil }

func TestSession(t *testing.T) {
	var s Session[*fakeConn]
	var opened []*fakeConn
	open := func(context.Context) (*fakeConn, error) {
		opened = append(opened, &fakeConn{usable: true})
		return opened[len(opened)-1], nil
	}
	connect := func(want int) {
		t.Helper()
		if serial, err := s.Connect(t.Context(), open); err != nil || serial != want {
			t.Errorf("serial %d, %v; want %d", serial, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing without a connection: %v", err)
	}
	connect(1)
	connect(1)
	opened[0].usable = false
	connect(2)
	if c, ok := s.Conn(); !ok || c != opened[1] || opened[0].closed != 1 {
		t.Errorf("an unusable connection was kept, or not closed once: %d times", opened[0].closed)
	}
	opened[1].usable = false
	refused := errors.New("refused")
	if _, err := s.Connect(t.Context(), func(context.Context) (*fakeConn, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if _, ok := s.Conn(); ok || opened[1].closed != 1 {
		t.Errorf("connection closed %d times after a failed attempt, or still there", opened[1].closed)
	}
	connect(3)
	_, _ = s.Close(), s.Close()
	if opened[2].closed != 1 {
		t.Errorf("closed %d times", opened[2].closed)
	}
	connect(4)
}
