// Package storetest is a store of a fleet in memory, stricter than the real one, and what
// every store has to do.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/fleet/release"
)

// Memory is a release.Store in memory. The zero Memory is empty.
type Memory struct {
	// Fail, if set, is called before each operation, "get", "put", "put-done", "keys"; an
	// error of it is that of the operation. After "put-done" the value is there all the same.
	Fail func(op, key string) error

	mu       sync.Mutex
	values   map[string]value
	version  uint64
	watchers map[string][]chan struct{}
}

type value struct {
	text    []byte
	version uint64
	at      time.Time
}

var validKey = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9_.-]+$`)

func (m *Memory) fail(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if op != "keys" && !validKey.MatchString(key) {
		panic("no key: " + key)
	}
	if m.Fail != nil {
		return m.Fail(op, key)
	}
	return nil
}

// Get implements release.Store.
func (m *Memory) Get(ctx context.Context, key string) (release.Entry, error) {
	if err := m.fail(ctx, "get", key); err != nil {
		return release.Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.values[key]
	if !known {
		return release.Entry{}, release.ErrNotFound
	}
	return release.Entry{Value: bytes.Clone(v.text), Version: v.version, Age: time.Since(v.at)}, nil
}

// Put implements release.Store.
func (m *Memory) Put(ctx context.Context, key string, text []byte, version uint64) (uint64, error) {
	if err := m.fail(ctx, "put", key); err != nil {
		return 0, err
	}
	if len(text) > release.MaxValue {
		return 0, errors.New("too large")
	}
	m.mu.Lock()
	if m.values[key].version != version {
		m.mu.Unlock()
		return 0, release.ErrConflict
	}
	m.set(key, text)
	now := m.version
	m.mu.Unlock()
	return now, m.fail(ctx, "put-done", key)
}

// set is called with mu held.
func (m *Memory) set(key string, text []byte) {
	if m.values == nil {
		m.values = map[string]value{}
	}
	m.version++
	m.values[key] = value{bytes.Clone(text), m.version, time.Now()}
	for _, c := range m.watchers[key] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Set writes a key as a stranger would, whatever it has.
func (m *Memory) Set(key string, text []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, text)
}

// Lose forgets everything, as a server whose disk is gone. Versions begin anew.
func (m *Memory) Lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values, m.version = nil, 0
}

// Keys implements release.Store, in no order.
func (m *Memory) Keys(ctx context.Context, prefix string) ([]string, error) {
	if err := m.fail(ctx, "keys", prefix); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for key := range m.values {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Watch implements release.Store.
func (m *Memory) Watch(ctx context.Context, key string, changed func()) error {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	m.mu.Lock()
	if m.watchers == nil {
		m.watchers = map[string][]chan struct{}{}
	}
	m.watchers[key] = append(m.watchers[key], c)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.watchers[key] = slices.DeleteFunc(m.watchers[key], func(x chan struct{}) bool { return x == c })
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c:
			changed()
		}
	}
}

// Conformance tests an empty store.
func Conformance(t *testing.T, s release.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mustPut := func(key, text string, version uint64) uint64 {
		t.Helper()
		v, err := s.Put(ctx, key, []byte(text), version)
		if err != nil {
			t.Fatalf("Put(%s, %d): %v", key, version, err)
		}
		return v
	}
	if keys, err := s.Keys(ctx, "node/"); err != nil || len(keys) != 0 {
		t.Errorf("Keys of an empty store = %q, %v", keys, err)
	}
	for _, key := range []string{"release/stable", "node/pop1.a-2_x", "node/a.", "set/7"} {
		if _, err := s.Get(ctx, key); !errors.Is(err, release.ErrNotFound) {
			t.Errorf("Get(%s) before Put: %v", key, err)
		}
		if _, err := s.Put(ctx, key, []byte("x"), 5); !errors.Is(err, release.ErrConflict) {
			t.Errorf("Put(%s) of a version that it does not have: %v", key, err)
		}
		first := mustPut(key, "1", 0)
		if _, err := s.Put(ctx, key, []byte("x"), 0); !errors.Is(err, release.ErrConflict) {
			t.Errorf("Put(%s) of what exists: %v", key, err)
		}
		second := mustPut(key, "2", first)
		if _, err := s.Put(ctx, key, []byte("x"), first); !errors.Is(err, release.ErrConflict) {
			t.Errorf("Put(%s) of an old version: %v", key, err)
		}
		if e, err := s.Get(ctx, key); err != nil || string(e.Value) != "2" || e.Version != second || e.Age < -time.Minute || e.Age > time.Minute {
			t.Errorf("Get(%s) = %+v, %v, want 2, %d", key, e, err, second)
		}
	}
	keys, err := s.Keys(ctx, "node/")
	slices.Sort(keys)
	if err != nil || fmt.Sprint(keys) != "[node/a. node/pop1.a-2_x]" {
		t.Errorf("Keys = %q, %v", keys, err)
	}
	large := bytes.Repeat([]byte("x"), release.MaxValue)
	if _, err := s.Put(ctx, "file/large", large, 0); err != nil {
		t.Errorf("Put of the largest value: %v", err)
	}
	if e, err := s.Get(ctx, "file/large"); err != nil || !bytes.Equal(e.Value, large) {
		t.Errorf("Get of the largest value: %d bytes, %v", len(e.Value), err)
	}
	watched(ctx, t, s)
}

func watched(ctx context.Context, t *testing.T, s release.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	changed, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- s.Watch(ctx, "release/watched", func() { changed <- struct{}{} }) }()
	await := func(what string) {
		t.Helper()
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("no call of changed ", what)
		}
	}
	await("at the beginning")
	if _, err := s.Put(ctx, "release/watched", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	await("after a change")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Watch: %v", err)
	}
}
