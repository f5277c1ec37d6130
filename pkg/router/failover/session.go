package failover

import "github.com/wanctl/wanctl/pkg/router"

// session is the client of one endpoint, from its opening to its end. Its fields
// are protected by Client.mu.
type session struct {
	router.Client
	endpoint int
	users    int  // calls in progress
	ended    bool // closed already

	// The router refused this client, which remembers it and waits with the
	// next attempt: a new one would not.
	refused bool
}

// acquire returns the session of a endpoint for one call, which must release it.
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

// tidy ends a session that is of no more use: only the active endpoint keeps one
// without a call in progress, as the router has few to give.
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
	// A connection that was lost before cannot be closed well, and need not.
	_ = s.Close()
}
