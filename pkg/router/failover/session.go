package failover

import "github.com/wanctl/wanctl/pkg/router"

// session is an open client of one endpoint. Its fields are protected by
// Client.mu.
type session struct {
	router.Client
	endpoint int
	users    int  // calls in progress
	ended    bool // closed already

	// The router refused the credentials of this client. It is kept, since it
	// delays its next attempt and a new client would not.
	refused bool
}

// acquire returns the session of an endpoint for one call. The caller must
// release it.
func (c *Client) acquire(endpoint int) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed()
	}
	s := c.sessions[endpoint]
	if s == nil {
		client, err := c.endpoints[endpoint].Open()
		if err != nil {
			return nil, err
		}
		s = &session{Client: client, endpoint: endpoint}
		c.sessions[endpoint] = s
	}
	s.users++
	return s, nil
}

func (c *Client) release(s *session, v outcome) {
	c.mu.Lock()
	s.users--
	s.refused = v == refused
	c.mu.Unlock()
	c.tidy(s)
}

// tidy closes a session that is no longer needed: only the active endpoint keeps
// one without a call in progress, since a router allows few sessions.
func (c *Client) tidy(s *session) {
	c.mu.Lock()
	kept := c.sessions[s.endpoint] == s
	if s.users > 0 || s.ended || kept && (s.endpoint == c.active || s.refused) {
		c.mu.Unlock()
		return
	}
	s.ended = true
	if kept {
		c.sessions[s.endpoint] = nil
	}
	c.mu.Unlock()
	// Closing a lost connection fails, which does not matter.
	_ = s.Close()
}
