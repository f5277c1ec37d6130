package ssh

import (
	"fmt"
	"sync"

	"github.com/wanctl/wanctl/pkg/router/dial"
)

// maxAnswer bounds what one command may print. Thirty thousand address-list
// rows are about 6 MiB.
const maxAnswer = 8 << 20

var errTooLarge = fmt.Errorf("%w: more than 8 MiB", dial.ErrTooLarge)

// sink collects what a command prints on both its streams, up to a limit.
type sink struct {
	full func() // called when the limit is reached

	mu   sync.Mutex // protects the following fields
	data []byte
	over bool
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.data)+len(p) > maxAnswer {
		if !s.over {
			s.over = true
			s.full()
		}
		return 0, errTooLarge
	}
	s.data = append(s.data, p...)
	return len(p), nil
}

func (s *sink) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func (s *sink) overflown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}
