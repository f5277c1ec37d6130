package api

import (
	"errors"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// What RouterOS answers when it does not let a user or a value through.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name    string
		message string // of the trap for a change
		limitAt string
		class   error
		want    []string
	}{
		{"group without api", "std failure: not allowed (9)", "0", router.ErrDenied, []string{"not allowed (9)", `"admin" needs policy=read,write,api`}},
		{"no write policy", "not enough permissions (9)", "0", router.ErrDenied, []string{"not enough permissions (9)", `"admin" needs policy=read,write,api`}},
		{"limit-at above", "failure: max-limit must not be less than limit-at", "70M", router.ErrInvalid,
			[]string{`queue "down"`, "limit-at=70M", "max-limit=40M", `/queue tree set [find name="down"] limit-at=0`}},
		{"limit-at below", "failure: out of order", "1M", router.ErrInvalid, []string{`it says "failure: out of order"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, plainConfig(t, func(p *peer) {
				p.login()
				for {
					words, tag := p.receive()
					switch {
					case words == "", strings.HasPrefix(words, "/quit"):
						return
					case strings.HasPrefix(words, "/queue/tree/set"):
						p.send(trap(tag, "=message="+tt.message), done(tag))
					default:
						p.send(re(tag, "=.id=*5", "=name=down", "=max-limit=90000000", "=limit-at="+tt.limitAt, "=bytes=1"), done(tag))
					}
				}
			}))
			limit := 40 * bitrate.Mbps
			_, err := c.SetQueues(bounded(t), router.QueueChange{Name: "down", QueueSettings: router.QueueSettings{MaxLimit: &limit}})
			if !errors.Is(err, tt.class) {
				t.Fatalf("class of %v is not %v", err, tt.class)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
		})
	}
}

// A read can be refused as well, and a service whose address does not admit this
// host closes what it accepts.
func TestRefusedBeforeAnyChange(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		c := newClient(t, plainConfig(t, func(p *peer) {
			p.login()
			_, tag := p.receive()
			p.send(trap(tag, "=message=std failure: not allowed (9)"), done(tag))
			p.waitClosed()
		}))
		if _, err := c.Queues(bounded(t)); !errors.Is(err, router.ErrDenied) {
			t.Errorf("got %v", err)
		}
	})
	for _, plain := range []bool{true, false} {
		cfg := plainConfig(t, func(*peer) {})
		cfg.Plain = plain
		_, err := newClient(t, cfg).Info(bounded(t))
		if !errors.Is(err, router.ErrUnreachable) || !strings.Contains(err.Error(), "does not admit this host") || !strings.Contains(err.Error(), "/ip service print") {
			t.Errorf("plain %t: %v", plain, err)
		}
	}
}
