package kv

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/fleet/release/storetest"
	"github.com/wanctl/wanctl/pkg/sim/natsserver"
)

func connect(t *testing.T, s *natsserver.Server) *nats.Conn {
	t.Helper()
	c, err := nats.Connect(s.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.NoEcho())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestServer: the store on a real server conforms; a bucket that is deleted, a server that
// ends and comes back, one without JetStream.
func TestServer(t *testing.T) {
	server := natsserver.New(t, "-js", "-sd", t.TempDir())
	conn := connect(t, server)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	node := New(conn, false)
	if _, err := node.Get(ctx, "release/stable"); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("Get without a bucket: %v", err)
	}
	if keys, err := node.Keys(ctx, "set/"); err != nil || keys != nil {
		t.Errorf("Keys without a bucket: %q, %v", keys, err)
	}
	if _, err := node.Put(ctx, "node/a", []byte("x"), 0); err == nil || errors.Is(err, release.ErrConflict) {
		t.Errorf("Put of a node without a bucket: %v", err)
	}
	if err := node.Watch(ctx, "release/stable", func() {}); err == nil {
		t.Error("Watch without a bucket returns no error")
	}
	store := New(conn, true)
	storetest.Conformance(t, store)
	if e, err := node.Get(ctx, "release/stable"); err != nil || string(e.Value) != "2" {
		t.Errorf("Get by a node: %+v, %v", e, err)
	}

	// The bucket is deleted, and is there again after the next push.
	js, err := jetstream.New(conn)
	if err == nil {
		err = js.DeleteKeyValue(ctx, Bucket)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Get(ctx, "release/stable"); err == nil {
		t.Error("Get of a deleted bucket returns no error")
	}
	if _, err := node.Get(ctx, "release/stable"); !errors.Is(err, release.ErrNotFound) {
		t.Errorf("Get after the bucket was deleted: %v", err)
	}
	for i := 0; ; i++ { // the first fails where the deleted bucket is still known
		if _, err = store.Put(ctx, "release/stable", []byte("new"), 0); err == nil || i == 1 {
			break
		}
	}
	if e, getErr := node.Get(ctx, "release/stable"); err != nil || getErr != nil || string(e.Value) != "new" {
		t.Errorf("a new bucket: %+v, %v, %v", e, err, getErr)
	}

	changed := make(chan struct{}, 10)
	go func() { _ = node.Watch(ctx, "release/stable", func() { changed <- struct{}{} }) }()
	await := func() {
		t.Helper()
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("no change")
		}
	}
	await()
	server.Kill()
	for conn.IsConnected() {
		time.Sleep(time.Millisecond)
	}
	if _, err := node.Get(ctx, "release/stable"); err == nil || errors.Is(err, release.ErrNotFound) {
		t.Errorf("Get without a server: %v", err)
	}
	server.Start()
	for !conn.IsConnected() {
		time.Sleep(time.Millisecond)
	}
	for len(changed) > 0 {
		<-changed
	}
	e, err := store.Get(ctx, "release/stable")
	if err == nil {
		_, err = store.Put(ctx, "release/stable", []byte("newer"), e.Version)
	}
	if err != nil {
		t.Fatal(err)
	}
	await()
}

func TestNoJetStream(t *testing.T) {
	s := New(connect(t, natsserver.New(t)), true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.Put(ctx, "release/stable", nil, 0)
	if !errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		t.Errorf("%v, want an error that says so", err)
	}
	t.Log(err)
}
