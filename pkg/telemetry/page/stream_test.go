package page

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// wrapped is a ResponseWriter as middleware hands on: nothing but Unwrap tells
// what it can do.
type wrapped struct{ inner http.ResponseWriter }

func (w wrapped) Header() http.Header         { return w.inner.Header() }
func (w wrapped) Write(b []byte) (int, error) { return w.inner.Write(b) }
func (w wrapped) WriteHeader(code int)        { w.inner.WriteHeader(code) }
func (w wrapped) Unwrap() http.ResponseWriter { return w.inner }

func TestStreamOverTCP(t *testing.T) {
	source := wellHost(noon)
	page := Handler(source)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { page.ServeHTTP(wrapped{w}, r) }))
	defer srv.Close()
	r, err := srv.Client().Get(srv.URL + "/page/live")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	head := []string{r.Status, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"), r.Header.Get("X-Content-Type-Options")}
	if diff := cmp.Diff([]string{"200 OK", "text/event-stream", "no-store", "nosniff"}, head); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	in := bufio.NewReader(r.Body)
	first, err := readEvent(in)
	if err != nil || first.retry != "2000" {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := readEvent(in)
	if err != nil || second.event != "fields" {
		t.Fatalf("%+v %v", second, err)
	}
	var got snapshot
	if err := json.Unmarshal([]byte(second.data), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newSnapshot(source.host, noon, nil), got, onWire); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A stream outlives the timeouts of the server, two share one poll a
// second, and the source is not polled without any.
func TestStreamLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := wellHost(time.Now())
		b := newBubble(t, source)
		time.Sleep(time.Minute)
		if n := source.polls.Load(); n != 0 {
			t.Errorf("asked %d times before anybody listened", n)
		}
		one, two := b.ask("/page/live"), b.ask("/page/live")
		first, second := one.follow(), two.follow()
		time.Sleep(5*time.Minute + time.Second/2)
		synctest.Wait()
		for name, events := range map[string]<-chan sse{"first": first, "second": second} {
			shown, _, _, ended := tally(events)
			if ended || shown != 301 {
				t.Errorf("the %s stream: %d times fields in 5 minutes, ended: %v", name, shown, ended)
			}
		}
		if n := source.polls.Load(); n != 301 {
			t.Errorf("asked %d times in 5 minutes by two streams", n)
		}
		one.conn.Close()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if shown, _, _, ended := tally(second); ended || shown != 10 {
			t.Errorf("after the other left: %d in 10 seconds, ended: %v", shown, ended)
		}
		two.conn.Close()
		time.Sleep(2 * time.Second) // the server notices
		before := source.polls.Load()
		time.Sleep(time.Hour)
		if n := source.polls.Load(); n != before {
			t.Errorf("asked %d times with nobody there", n-before)
		}
		// And it starts again.
		third := b.ask("/page/live").follow()
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if shown, _, _, _ := tally(third); shown != 4 {
			t.Errorf("a later stream: %d times fields in 3.5 seconds", shown)
		}
	})
}

// stuckSource takes until nobody waits any more, and then has nothing to say.
type stuckSource struct{ *fakeSource }

func (s stuckSource) Host(ctx context.Context) telemetry.Host {
	s.polls.Add(1)
	<-ctx.Done()
	return telemetry.Host{}
}

// What a source returns too late is no answer: a page that showed it would say
// that nothing runs.
func TestStuckSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := stuckSource{wellHost(time.Now())}
		b := newBubble(t, source)
		for _, path := range []string{"/", "/page/status", "/page/fields", "/page/history"} {
			want := http.StatusServiceUnavailable
			if path == "/page/history" {
				want = http.StatusOK
			}
			c := b.ask(path)
			if c.code != want {
				t.Errorf("%s: %d, want %d", path, c.code, want)
			}
			c.conn.Close()
		}
		stream := b.ask("/page/live")
		events := stream.follow()
		time.Sleep(time.Minute)
		synctest.Wait()
		if shown, _, _, ended := tally(events); ended || shown != 0 {
			t.Errorf("%d times fields, ended: %v", shown, ended)
		}
		stream.conn.Close()
		time.Sleep(time.Minute)
	})
}

func TestHeadOfStream(t *testing.T) {
	source := wellHost(noon)
	w := httptest.NewRecorder()
	Handler(source).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/page/live", nil)) // it ends
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" || source.polls.Load() != 0 {
		t.Errorf("%d %v, asked %d times", w.Code, w.Header(), source.polls.Load())
	}
}

func TestStreamCarriesNewSamplesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := wellHost(time.Now())
		stream := newBubble(t, source).ask("/page/live").follow()
		received := map[time.Time]int{}
		events := 0
		for i := range 20 {
			time.Sleep(time.Second)
			at := time.Now()
			source.change(func(_ *telemetry.Host, past *history.Window) {
				past.WANs["spectrum"] = append(past.WANs["spectrum"], sampleAt(at, 0))
				if i == 7 {
					past.Events = append(past.Events, history.Event{At: at, WAN: "spectrum", Kind: "state", Text: "GREEN to RED"})
				}
			})
		}
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		for len(stream) > 0 {
			e := <-stream
			if e.event != "history" {
				continue
			}
			var got history.Window
			if err := json.Unmarshal([]byte(e.data), &got); err != nil {
				t.Fatal(err)
			}
			for _, s := range got.WANs["spectrum"] {
				received[s.At]++
			}
			events += len(got.Events)
		}
		// Those of the last seconds before the stream began come, too.
		if len(received) < 20 || len(received) > 26 {
			t.Errorf("%d samples in 20 seconds", len(received))
		}
		for at, n := range received {
			if n != 1 {
				t.Errorf("the sample of %v came %d times", at, n)
			}
		}
		if events != 1 {
			t.Errorf("one event came %d times", events)
		}
	})
}

// A client that does not read is dropped; the others do not notice.
func TestStreamDropsSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := wellHost(time.Now())
		b := newBubble(t, source)
		slow := b.ask("/page/live")
		quick := b.ask("/page/live").follow()
		time.Sleep(time.Minute + time.Second/2)
		synctest.Wait()
		if shown, _, _, ended := tally(quick); ended || shown != 61 {
			t.Errorf("the quick one: %d in a minute, ended: %v", shown, ended)
		}
		left, err := io.ReadAll(slow.in)
		if err == nil && len(left) == 0 {
			t.Log("cut off at once")
		}
		if n := strings.Count(string(left), "event: fields"); n > backlog+1 {
			t.Errorf("%d frames were kept for the slow one", n)
		}
	})
}

// slowSource takes long for its answers.
type slowSource struct {
	fakeSource
	takes time.Duration
}

func (s *slowSource) Host(ctx context.Context) telemetry.Host {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
	}
	return s.fakeSource.Host(ctx)
}

func TestStreamHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := wellHost(noon)
		source.host.WANs[0].Download.CeilingMbps = new(math.Inf(1)) // cannot be said in JSON
		stream := newBubble(t, source).ask("/page/live").follow()
		time.Sleep(time.Minute + time.Second/2)
		synctest.Wait()
		shown, _, comments, ended := tally(stream)
		if shown != 0 || comments != 4 || ended {
			t.Errorf("%d times fields, %d heartbeats in a minute, ended: %v", shown, comments, ended)
		}
	})
}

func TestStreamLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, wellHost(noon))
		first := b.ask("/page/live")
		go io.Copy(io.Discard, first.in)
		for range maxStreams - 1 {
			c := b.ask("/page/live")
			if c.code != http.StatusOK {
				t.Fatal(c.code)
			}
			go io.Copy(io.Discard, c.in)
		}
		for range 3 {
			c := b.ask("/page/live")
			text, _ := io.ReadAll(io.LimitReader(c.body, 60))
			if c.code != http.StatusServiceUnavailable || c.head.Get("Retry-After") == "" || !strings.Contains(string(text), "too many") {
				t.Errorf("one too many: %d %q %s", c.code, c.head.Get("Retry-After"), text)
			}
		}
		first.conn.Close()
		time.Sleep(2 * time.Second)
		c := b.ask("/page/live")
		if c.code != http.StatusOK {
			t.Errorf("after one has left: %d", c.code)
		}
		go io.Copy(io.Discard, c.in)
	})
}

// A server that stops does not wait for browsers, nor for a source that takes
// its time.
func TestStreamEndsWithTheServer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		takes time.Duration
	}{{"quick source", 0}, {"hanging source", time.Hour}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, &slowSource{takes: tt.takes})
				stream := b.ask("/page/live").follow()
				time.Sleep(90 * time.Second)
				if took := b.stop(); took > 2*time.Second {
					t.Errorf("stopping took %v", took)
				}
				synctest.Wait()
				if _, _, _, ended := tally(stream); !ended {
					t.Error("the stream goes on")
				}
			})
		})
	}
}

func TestNews(t *testing.T) {
	sample := func(seconds ...int) []history.Point {
		var list []history.Point
		for _, s := range seconds {
			list = append(list, history.Point{At: noon.Add(time.Duration(s) * time.Second)})
		}
		return list
	}
	event := func(second int, text string) history.Event {
		return history.Event{At: noon.Add(time.Duration(second) * time.Second), Text: text}
	}
	type wans = map[string][]history.Point
	for _, tt := range []struct {
		name         string
		before, then history.Window
		want         history.Window
	}{
		{
			name: "first", then: history.Window{WANs: wans{"a": sample(1, 2)}},
			want: history.Window{WANs: wans{"a": sample(1, 2)}},
		},
		{
			name: "next", before: history.Window{WANs: wans{"a": sample(1, 2)}}, then: history.Window{WANs: wans{"a": sample(1, 2, 3)}},
			want: history.Window{WANs: wans{"a": sample(3)}},
		},
		{
			name: "nothing new", before: history.Window{WANs: wans{"a": sample(1, 2)}}, then: history.Window{WANs: wans{"a": sample(1, 2)}},
			want: history.Window{WANs: wans{}},
		},
		{
			name: "one WAN is late", before: history.Window{WANs: wans{"a": sample(3)}}, then: history.Window{WANs: wans{"a": sample(3), "b": sample(1, 2)}},
			want: history.Window{WANs: wans{"b": sample(1, 2)}},
		},
		{
			name: "the clock was set back", before: history.Window{WANs: wans{"a": sample(100)}}, then: history.Window{WANs: wans{"a": sample(1)}},
			want: history.Window{WANs: wans{"a": sample(1)}},
		},
		{
			name: "two events at once", before: history.Window{Events: []history.Event{event(1, "x")}},
			then: history.Window{Events: []history.Event{event(1, "x"), event(1, "y")}},
			want: history.Window{WANs: wans{}, Events: []history.Event{event(1, "y")}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, known := seen{}.news(tt.before)
			got, _ := known.news(tt.then)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
