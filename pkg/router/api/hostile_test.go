package api

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// However large an answer is, and whatever it consists of, it is given up before it
// takes more memory than a unit has to spare. That holds for the login too.
func TestHostileAnswersAreBounded(t *testing.T) {
	const size, most = 32 << 20, 24 << 20
	for _, tt := range []struct{ name, start, again string }{
		{"empty rows", "", "\x03!re\x06.tag=2\x00"},
		{"rows of one value", "", "\x03!re\x06.tag=2\x04=a=1\x00"},
		{"short words", "\x03!re\x06.tag=2", "\x01="},
		{"long words", "\x03!re\x06.tag=2", "\xC0\x80\x00=" + strings.Repeat("x", 0x7FFF)},
		{"traps", "", "\x05!trap\x06.tag=2\x00"},
		{"replies to nobody", "", "\x03!re\x06.tag=9\x00"},
		{"empty words", "", "\x00\x00\x00\x00"},
	} {
		part := []byte(strings.Repeat(tt.again, max(1, 32<<10/len(tt.again))))
		flood := func(p *peer) {
			_, err := p.Write([]byte(tt.start))
			for sent := 0; err == nil && sent < size; sent += len(part) {
				_, err = p.Write(part)
			}
		}
		check := func(t *testing.T, play func(*peer)) {
			cfg := plainConfig(t, play)
			cfg.MaxAnswer = 2 << 20
			c := newClient(t, cfg)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Queues(t.Context())
			runtime.ReadMemStats(&after)
			if !errors.Is(err, rosconn.ErrTooLarge) && !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
				t.Errorf("error %v", err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			check(t, func(p *peer) {
				p.login()
				p.receive()
				flood(p)
			})
		})
		t.Run("login, "+tt.name, func(t *testing.T) {
			check(t, func(p *peer) {
				p.receive()
				flood(p)
			})
		})
	}
}
