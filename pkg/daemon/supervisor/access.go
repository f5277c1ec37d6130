package supervisor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"
)

// Protection is what a listener asks of clients, and adds to responses.
type Protection struct {
	TLS     *tls.Config       // nil: plain
	Users   map[string]string // bcrypt hashes by name; none: everybody is let in
	Headers map[string]string // of each response
	Limit   *rate.Limiter     // of requests; nil: none
}

// Closed reports whether a client needs a password or a certificate.
func (p Protection) Closed() bool {
	return len(p.Users) > 0 || p.TLS != nil && p.TLS.ClientAuth == tls.RequireAndVerifyClientCert
}

// Access applies a Protection that may be replaced while it is in use. Its methods
// may be called from several goroutines.
type Access struct {
	now atomic.Pointer[Protection]

	// bcrypt is slow on purpose: one password is tried at a time, so that
	// whoever guesses does not take the processor from the loops, and what was
	// found out is remembered, so that a monitor does not pay for it each time.
	turn chan struct{}
	salt []byte

	// mu protects the following field.
	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
}

// maxKnown bounds what is remembered of passwords, right and wrong.
const maxKnown = 256

// NewAccess lets everybody in, without TLS, until Set says otherwise.
func NewAccess() *Access {
	a := &Access{turn: make(chan struct{}, 1), salt: make([]byte, sha256.Size), known: map[[sha256.Size]byte]bool{}}
	a.now.Store(&Protection{})
	_, _ = rand.Read(a.salt) // it never fails
	return a
}

// Set replaces the protection. TLS cannot be switched on or off by it once TLS was
// called.
func (a *Access) Set(p Protection) { a.now.Store(&p) }

// Encrypted reports whether there is TLS.
func (a *Access) Encrypted() bool { return a.now.Load().TLS != nil }

// Closed reports whether a client needs a password or a certificate.
func (a *Access) Closed() bool { return a.now.Load().Closed() }

// TLS is the configuration of a listener, which follows later calls of Set; nil
// when there is no TLS.
func (a *Access) TLS() *tls.Config {
	if !a.Encrypted() {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.now.Load().TLS, nil },
	}
}

// Require serves next to whoever has a password, where one is asked for.
func (a *Access) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := a.now.Load() // once: it may be replaced meanwhile
		if p.Limit != nil && !p.Limit.Allow() {
			http.Error(w, "too many requests", http.StatusTooManyRequests)
			return
		}
		for name, value := range p.Headers {
			w.Header().Set(name, value)
		}
		if len(p.Users) > 0 {
			name, password, _ := r.BasicAuth()
			if !a.allows(r.Context(), p.Users, name, password) {
				w.Header().Set("WWW-Authenticate", `Basic realm="wanctl", charset="UTF-8"`)
				http.Error(w, "a user name and a password are needed", http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (a *Access) allows(ctx context.Context, users map[string]string, name, password string) bool {
	want, exists := users[name]
	if !exists { // it takes as long, so that the time does not tell
		want = users[slices.Min(slices.Collect(maps.Keys(users)))]
	}
	key := a.key(name, want, password)
	a.mu.Lock()
	right, known := a.known[key]
	a.mu.Unlock()
	if !known {
		select {
		case a.turn <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		right = bcrypt.CompareHashAndPassword([]byte(want), []byte(password)) == nil
		<-a.turn
		a.remember(key, right)
	}
	return right && exists
}

// key stands for an attempt without telling the password. The name is part of
// it: a quick answer must not tell that two names, being none, have one hash.
func (a *Access) key(name, hash, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, a.salt)
	_, _ = mac.Write([]byte(name + "\x00" + hash + "\x00" + password))
	return [sha256.Size]byte(mac.Sum(nil))
}

func (a *Access) remember(key [sha256.Size]byte, right bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxKnown {
		for old, was := range a.known { // any wrong one rather than one in use
			if !was || right {
				delete(a.known, old)
				break
			}
		}
	}
	if len(a.known) < maxKnown {
		a.known[key] = right
	}
}
