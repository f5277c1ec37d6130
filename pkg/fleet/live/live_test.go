package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/s2"
)

// double is a bus that is stricter than NATS: it delivers nothing while it is away, keeps no
// subscription over that, stands still for as long as it is told to, and takes no subject
// that a server would not.
type double struct {
	t *testing.T

	mu      sync.Mutex // protects the following fields
	away    bool
	still   chan struct{} // closed: it does not stand still
	receive map[string]func(subject, reply string, data []byte)
	got     []string // subjects
}

func newDouble(t *testing.T) *double {
	d := &double{t: t, still: make(chan struct{}), receive: map[string]func(string, string, []byte){}}
	close(d.still)
	return d
}

var errAway = errors.New("away")

func (d *double) Publish(subject string, data []byte) error {
	d.mu.Lock()
	still := d.still
	d.mu.Unlock()
	<-still
	d.mu.Lock()
	away, receive := d.away, d.receive[subject]
	if !away {
		d.got = append(d.got, subject)
	}
	d.mu.Unlock()
	if len(data) > 1<<20 || len(strings.Split(subject, ".")) > 4 || strings.ContainsAny(subject, " *>") {
		d.t.Errorf("%d bytes at %q", len(data), subject)
	}
	if away {
		return errAway
	}
	if receive != nil {
		receive(subject, "", slices.Clone(data))
	}
	return nil
}

func (d *double) Subscribe(subject string, receive func(subject, reply string, data []byte)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.receive[subject] = receive
	return nil
}

func (d *double) Request(_ context.Context, subject string, data []byte) (answer []byte, err error) {
	d.mu.Lock()
	receive := d.receive[subject]
	d.mu.Unlock()
	if receive == nil {
		return nil, errors.New("no responders")
	}
	_ = d.Subscribe("_INBOX.1", func(_, _ string, data []byte) { answer = data })
	receive(subject, "_INBOX.1", data)
	return answer, nil
}

func (d *double) published() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.got)
}

func publisher(dropped *atomic.Int64, wans ...WAN) *Publisher {
	return &Publisher{
		Site: "north", Node: "pop1.example.net", Every: time.Second, Log: slog.New(slog.DiscardHandler),
		Sample:  func(context.Context) Batch { return Batch{Version: "1", WANs: wans} },
		History: func(wan string) (any, bool) { return map[string]string{"wan": wan}, wan == "a" },
		Dropped: func() { dropped.Add(1) },
	}
}

// A batch a second; none waits for a bus that is away or stands still, and each that is not
// published is counted.
func TestPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var dropped atomic.Int64
		bus, done := newDouble(t), make(chan struct{})
		go func() {
			publisher(&dropped, WAN{Name: "a", Status: "healthy"}).Run(ctx, bus)
			close(done)
		}()
		check := func(what string, published, lost int) {
			t.Helper()
			synctest.Wait()
			if bus.published() != published || int(dropped.Load()) != lost {
				t.Errorf("%s: %d published, %d dropped; want %d, %d", what, bus.published(), dropped.Load(), published, lost)
			}
		}
		time.Sleep(10500 * time.Millisecond)
		check("a bus that works", 10, 0)
		bus.mu.Lock()
		bus.away = true
		bus.mu.Unlock()
		time.Sleep(10 * time.Second)
		check("a bus that is away", 10, 10)
		bus.mu.Lock()
		bus.away, bus.still = false, make(chan struct{})
		bus.mu.Unlock()
		time.Sleep(time.Hour)
		check("a bus that stands still", 10, 10+3600-1-queued)
		close(bus.still)
		check("it goes on", 10+1+queued, 10+3600-1-queued)
		cancel()
		<-done
	})
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		bus := newDouble(t)
		go publisher(new(atomic.Int64)).Run(ctx, bus)
		synctest.Wait()
		if doc, err := Ask(ctx, bus, "north", "pop1.example.net", "a"); err != nil || string(doc) != `{"wan":"a"}` {
			t.Errorf("%s, %v", doc, err)
		}
		if _, err := Ask(ctx, bus, "north", "pop1.example.net", "b"); err == nil || err.Error() != `no loop of pop1.example.net is called "b"` {
			t.Errorf("%v", err)
		}
		if _, err := Ask(ctx, bus, "north", "pop2", "a"); err == nil {
			t.Error("an answer of nobody")
		}
		// Whoever asks without end gets no more than some answers.
		answers := 0
		for range 1000 {
			if _, err := Ask(ctx, bus, "north", "pop1.example.net", "a"); err == nil {
				answers++
			}
		}
		if answers > asks {
			t.Errorf("%d answers at once", answers)
		}
	})
}

func wan(name string, excess float64) WAN {
	return WAN{Name: name, Status: "healthy", ExcessMs: &excess, Download: &Direction{State: "GREEN", ThroughputMbps: new(2 * excess)}}
}

func send(t *testing.T, v *View, site, node string, wans ...WAN) {
	t.Helper()
	b := Batch{Site: site, Node: node, WANs: wans}
	data, err := b.encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Receive(Subject(site, node), data); err != nil {
		t.Fatal(err)
	}
}

func names(f Fleet) (list []string) {
	for i := range f.WANs {
		list = append(list, f.WANs[i].Name)
	}
	return list
}

// The worst come first, searches and sites choose, and silent nodes are shown as such.
func TestView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewView()
		bad := wan("bad", 0)
		bad.Status, bad.Reasons = "degraded", "no reflector has answered"
		send(t, v, "east", "n3", wan("quiet", 0), wan("lost", 3))
		time.Sleep(6 * time.Second)
		send(t, v, "north", "n1", wan("a", 5), wan("b", 50), bad)
		send(t, v, "south", "n2", wan("c", 20))
		for _, tt := range []struct{ query, want string }{
			{"", "bad lost quiet b c a"},
			{"sort=excess", "b c a lost quiet bad"},
			{"sort=wan", "a b bad c lost quiet"},
			{"sort=site", "lost quiet a b bad c"},
			{"site=north", "bad b a"},
			{"search=N2", "c"},
			{"search=silent", "lost quiet"},
			{"search=north+degraded", "bad"},
			{"search=nothing", ""},
			{"from=2&count=2", "quiet b"},
			{"from=99", ""},
		} {
			values, _ := url.ParseQuery(tt.query)
			q, err := ParseQuery(values)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(names(v.Query(q)), " "); got != tt.want {
				t.Errorf("%q: %s, want %s", tt.query, got, tt.want)
			}
		}
		f := v.Query(Query{Sort: "worst", Count: 2})
		if f.Nodes != 3 || f.Count != 6 || f.Matching != 6 || f.Silent != 2 || f.Degraded != 1 || len(f.Sites) != 3 {
			t.Errorf("%+v", f)
		}
		if r := f.WANs[1]; !r.Silent || r.AgeSeconds != 6 || r.Node != "n3" {
			t.Errorf("%+v", r)
		}
		time.Sleep(time.Second)
		send(t, v, "north", "n1", wan("a", 5)) // the others run elsewhere now
		send(t, v, "east", "n3", wan("lost", 3), wan("quiet", 0))
		if got := strings.Join(names(v.Query(Query{Sort: "wan", Count: 9})), " "); got != "a c lost quiet" {
			t.Error(got)
		}
		time.Sleep(25 * time.Hour)
		v.mu.Lock()
		v.forget(time.Now())
		v.mu.Unlock()
		if f := v.Query(Query{Count: 9}); f.Count != 0 || f.Nodes != 0 || len(f.WANs) != 0 {
			t.Errorf("after a day: %+v", f)
		}
	})
}

// A point has the highest values of its ten seconds, gaps have none, and the oldest go.
func TestPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewView()
		past := func() string {
			text, _ := json.Marshal(v.Query(Query{Search: fmt.Sprint(), Count: 1}).WANs[0].Excess)
			return string(text)
		}
		time.Sleep(500 * time.Millisecond)
		for i := range 25 { // 10, 10 and 5 seconds
			send(t, v, "s", "n", wan("a", float64(i%10)))
			time.Sleep(time.Second)
		}
		if got := past(); !strings.HasSuffix(got, "null,9,9,4]") || strings.Count(got, ",") != points-1 {
			t.Error(got)
		}
		time.Sleep(30 * time.Second)
		send(t, v, "s", "n", wan("a", 7))
		if got := past(); !strings.HasSuffix(got, "null,9,9,4,null,null,7]") {
			t.Error(got)
		}
		time.Sleep(points * step)
		send(t, v, "s", "n", wan("a", 8))
		if got := past(); !strings.HasSuffix(got, "null,null,null,8]") || strings.Count(got, "null") != points-1 {
			t.Error(got)
		}
		v.now = func() time.Time { return time.Now().Add(-5 * time.Minute) } // the clock is set back
		send(t, v, "s", "n", wan("a", 6))
		time.Sleep(time.Second)
		if got := past(); !strings.HasSuffix(got, "null,null,null,6]") || strings.Count(got, "null") != points-1 {
			t.Error(got)
		}
	})
}

// What strangers send is refused, and said once.
func TestReceiveRefuses(t *testing.T) {
	v := NewView()
	pack := func(text string) []byte { return s2.Encode(nil, []byte(text)) }
	long := strings.Repeat("x", maxText+1)
	for _, tt := range []struct{ data, want string }{
		{"hello", "not packed by s2"},
		{string(pack("hello")), "invalid character"},
		{string(s2.Encode(nil, make([]byte, maxBytes+1))), "not packed by s2, or too long"},
		{string(pack(`{"format":1,"site":"s","node":"n","wans":[{"wan":""}],"version":"2"}`)), "too long, or a name missing"},
		{string(pack(`{"format":2,"site":"s","node":"n"}`)), "format 2"},
		{string(pack(`{"format":1,"site":"s","node":"m"}`)), "a batch of wanctl.live.s.m at wanctl.live.s.n"},
		{string(pack(`{"format":1,"site":"s","node":"n","version":"` + long + `"}`)), "too large"},
		{string(pack(`{"format":1,"site":"s","node":"n","wans":[{"wan":"` + long + `"}]}`)), "too long"},
		{string(pack(`{"format":1,"site":"s","node":"n","wans":[` + strings.Repeat(`{"wan":"a"},`, maxWANs) + `{"wan":"a"}]}`)), "too large"},
	} {
		for i, fresh := range []bool{true, false} {
			got, err := v.Receive("wanctl.live.s.n", []byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) || got != fresh {
				t.Errorf("%.40q, time %d: fresh %v, %v; want %q", tt.data, i, got, err, tt.want)
			}
		}
	}
	if f := v.Query(Query{Count: 1}); f.Count != 0 || f.Nodes != 0 {
		t.Errorf("%+v", f)
	}
}

func FuzzReceive(f *testing.F) {
	b := Batch{Site: "s", Node: "n", WANs: []WAN{wan("a", 1)}}
	good, err := b.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := NewView()
		if _, err := v.Receive("wanctl.live.s.n", data); err != nil {
			return
		}
		if _, err := json.Marshal(v.Query(Query{Sort: "worst", Count: math.MaxInt32})); err != nil {
			t.Error(err)
		}
	})
}
