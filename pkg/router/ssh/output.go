package ssh

import (
	"sync"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// outputBuffer collects the output of a command, of both its streams.
type outputBuffer struct {
	most int    // bytes
	full func() // called when the limit is reached

	mu   sync.Mutex // protects the following fields
	data []byte
	over bool
}

// Write implements io.Writer.
func (s *outputBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.data)+len(p) > s.most {
		if !s.over {
			s.over = true
			s.full()
		}
		return 0, rosconn.ErrTooLarge
	}
	s.data = append(s.data, p...)
	return len(p), nil
}

func (s *outputBuffer) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func (s *outputBuffer) overflowed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}
