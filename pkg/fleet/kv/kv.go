// Package kv is the store of a fleet's configurations in JetStream, the bucket wanctl_config,
// over a connection that may come and go. It knows nothing of what it stores.
package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wanctl/wanctl/pkg/fleet/release"
)

// Bucket is the name of the bucket.
const Bucket = "wanctl_config"

// answer bounds one operation.
const answer = 10 * time.Second

// Store is a release.Store. Its methods may be called from several goroutines.
type Store struct {
	conn   *nats.Conn
	create bool

	mu sync.Mutex // protects the following field
	kv jetstream.KeyValue
}

// New returns the store behind a connection. With create, the first Put makes the bucket
// where there is none.
func New(conn *nats.Conn, create bool) *Store { return &Store{conn: conn, create: create} }

// keys on the bus have dots where there are slashes, so that permissions and wildcards can
// name what begins alike, and = where there are dots.
var (
	toBus   = strings.NewReplacer("/", ".", ".", "=")
	fromBus = strings.NewReplacer(".", "/", "=", ".")
)

// do calls f with the bucket, which it makes with create.
func (s *Store) do(ctx context.Context, create bool, f func(context.Context, jetstream.KeyValue) error) error {
	if !s.conn.IsConnected() {
		return errors.New("not connected to a NATS server of the fleet")
	}
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	bucket, err := s.bucket(ctx, create)
	if err != nil {
		return err
	}
	if err = f(ctx, bucket); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		s.mu.Lock()
		s.kv = nil // it may have been made anew
		s.mu.Unlock()
	}
	return explain(err)
}

func (s *Store) bucket(ctx context.Context, create bool) (jetstream.KeyValue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv != nil {
		return s.kv, nil
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, err
	}
	s.kv, err = js.KeyValue(ctx, Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) && create {
		s.kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: Bucket, Description: "configurations of wanctl", History: 1})
	}
	if errors.Is(err, nats.ErrNoResponders) {
		err = jetstream.ErrJetStreamNotEnabled
	}
	if err != nil {
		s.kv = nil
		return nil, explain(err)
	}
	return s.kv, nil
}

// explain returns errors of the library as those of a release.Store.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return release.ErrNotFound
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return release.ErrConflict
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("the NATS server has no JetStream, in which configurations are kept; start it with -js, or write jetstream {} into its configuration: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from JetStream within %v: the server is away, or does not permit $JS.API and $KV.%s to this user", answer, Bucket)
	}
	return err
}

// Get implements release.Store.
func (s *Store) Get(ctx context.Context, key string) (e release.Entry, err error) {
	err = s.do(ctx, false, func(ctx context.Context, kv jetstream.KeyValue) error {
		found, err := kv.Get(ctx, toBus.Replace(key))
		if err == nil {
			e = release.Entry{Value: found.Value(), Version: found.Revision(), Age: time.Since(found.Created())}
		}
		return err
	})
	return e, err
}

// Put implements release.Store.
func (s *Store) Put(ctx context.Context, key string, value []byte, version uint64) (now uint64, err error) {
	err = s.do(ctx, s.create, func(ctx context.Context, kv jetstream.KeyValue) error {
		if version == 0 {
			now, err = kv.Create(ctx, toBus.Replace(key), value)
		} else {
			now, err = kv.Update(ctx, toBus.Replace(key), value, version)
		}
		return err
	})
	if errors.Is(err, release.ErrNotFound) {
		err = fmt.Errorf("there is no bucket %s: 'wanctl fleet push' makes it", Bucket)
	}
	return now, err
}

// Keys implements release.Store.
func (s *Store) Keys(ctx context.Context, prefix string) (keys []string, err error) {
	err = s.do(ctx, false, func(ctx context.Context, kv jetstream.KeyValue) error {
		lister, err := kv.ListKeysFiltered(ctx, toBus.Replace(prefix)+">")
		if err != nil {
			return err
		}
		defer func() { _ = lister.Stop() }()
		for {
			select {
			case key, more := <-lister.Keys():
				if !more {
					return ctx.Err()
				}
				keys = append(keys, fromBus.Replace(key))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	if errors.Is(err, release.ErrNotFound) {
		return nil, nil
	}
	return keys, err
}

// Watch implements release.Store. It ends with an error where there is no bucket, and when
// the connection is closed.
func (s *Store) Watch(ctx context.Context, key string, changed func()) error {
	var w jetstream.KeyWatcher
	err := s.do(ctx, false, func(_ context.Context, kv jetstream.KeyValue) (err error) {
		w, err = kv.Watch(ctx, toBus.Replace(key), jetstream.MetaOnly())
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, more := <-w.Updates():
			if !more && ctx.Err() == nil {
				return errors.New("the watch has ended")
			}
			changed()
		}
	}
}
