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
)

// Access is who may use a listener: with TLS or not, and users by password.
// Both may be replaced while it is in use. Its methods may be called from
// several goroutines.
type Access struct {
	cert  atomic.Pointer[tls.Certificate]
	users atomic.Pointer[map[string]string]

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
	_, _ = rand.Read(a.salt) // it never fails
	return a
}

// Set replaces certificate and users (bcrypt hashes by name). Without users,
// everybody is let in. TLS cannot be switched on or off by it once TLS was
// called.
func (a *Access) Set(cert *tls.Certificate, users map[string]string) {
	a.cert.Store(cert)
	a.users.Store(&users)
}

// Encrypted reports whether there is a certificate.
func (a *Access) Encrypted() bool { return a.cert.Load() != nil }

// Closed reports whether a password is asked for.
func (a *Access) Closed() bool {
	users := a.users.Load()
	return users != nil && len(*users) > 0
}

// TLS is the configuration of a listener; nil when there is no certificate.
func (a *Access) TLS() *tls.Config {
	if !a.Encrypted() {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.cert.Load(), nil },
	}
}

// Require serves next to whoever has a password, where one is asked for.
func (a *Access) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if users := a.users.Load(); users != nil && len(*users) > 0 { // one look: they may be replaced meanwhile
			name, password, _ := r.BasicAuth()
			if !a.allows(r.Context(), *users, name, password) {
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
