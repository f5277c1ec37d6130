package history

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/autorate"
)

func TestBuckets(t *testing.T) {
	for i := range buckets {
		start := bucketStart(i)
		if got := bucketOf(start + time.Microsecond); got != i {
			t.Errorf("bucket %d begins at %v, which is in %d", i, start, got)
		}
		if width := bucketStart(i+1) - start; width > max(linearWidth, start/31) {
			t.Errorf("bucket %d is %v wide at %v", i, width, start)
		}
	}
	if bucketOf(-time.Second) != 0 || bucketOf(math.MaxInt64) != buckets-1 {
		t.Error("extremes have no bucket")
	}
}

// Quantiles of a histogram are those of the delays, but for the width of a bucket, and
// those of two merged ones are the same as of one.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"steady":      func() time.Duration { return 20*time.Millisecond + time.Duration(rng.NormFloat64()*5e5) },
		"exponential": func() time.Duration { return time.Duration(rng.ExpFloat64() * 3e7) },
		"two modes": func() time.Duration {
			return []time.Duration{3 * time.Millisecond, 400 * time.Millisecond}[rng.IntN(2)]
		},
	} {
		var all, a, b Histogram
		var list []time.Duration
		for i := range 10000 {
			d := draw()
			list = append(list, d)
			all.Add(d)
			if i%3 == 0 {
				a.Add(d)
			} else {
				b.Add(d)
			}
		}
		a.Merge(&b)
		if a != all {
			t.Errorf("%s: merging loses something", name)
		}
		slices.Sort(list)
		for _, q := range []float64{0.01, 0.25, 0.45, 0.95, 0.99, 1} {
			exact := list[int(math.Ceil(q*10000))-1]
			if got := all.Quantile(q); (got - exact).Abs() > max(linearWidth, exact/30) {
				t.Errorf("%s: %v of q=%v, exactly %v", name, got, q, exact)
			}
		}
	}
	if (&Histogram{}).Quantile(0.5) != 0 {
		t.Error("nothing has a median")
	}
}

// random returns a rollup with something in many places.
func random(rng *rand.Rand) *Rollup {
	r := &Rollup{Start: time.UnixMilli(rng.Int64N(2e12)).UTC(), Length: time.Duration(rng.IntN(9000)) * time.Millisecond, NoReply: time.Duration(rng.IntN(2)) * time.Second}
	gauge := func(g *Gauge, scale float64) {
		for range rng.IntN(3) {
			g.Add(math.Round(rng.NormFloat64()*1e6) / scale)
		}
	}
	for _, h := range []*Histogram{&r.Idle, &r.Loaded, &r.Increase} {
		for range rng.IntN(50) {
			h.Add(time.Duration(rng.ExpFloat64() * 3e7))
		}
	}
	gauge(&r.RTT, 1000)
	for i := range r.Directions {
		d := &r.Directions[i]
		gauge(&d.Limit, 1)
		gauge(&d.Capacity, 1)
		d.States[rng.IntN(len(d.States))] = time.Second
		d.Reasons[rng.IntN(len(d.Reasons))] = uint32(rng.IntN(3))
	}
	gauge(&r.Router.Latency, 1000)
	r.Router.Requests = rng.Uint32()
	for range rng.IntN(4) {
		x := r.Reflector(string(rune('a' + rng.IntN(5))))
		x.Sent++
		gauge(&x.RTT, 1000)
	}
	return r
}

// nearly are differences that the format makes: the mean has the resolution of the rest.
var nearly = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterPath(ofSum, cmpopts.EquateApprox(0, 1.1)),
	cmp.FilterPath(func(p cmp.Path) bool { return !ofSum(p) }, cmpopts.EquateApprox(0, 1e-9)),
}

func ofSum(p cmp.Path) bool { return p.Last().String() == ".Sum" }

func TestCodec(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		r := random(rng)
		record := r.encode(nil)
		var got Rollup
		if err := got.decode(record); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, &got, nearly); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		// A record of an older version ends earlier, one of a newer one later.
		if err := new(Rollup).decode(append(record, 1, 2, 3)); err != nil {
			t.Errorf("with more fields: %v", err)
		}
		for n := range record {
			_ = new(Rollup).decode(record[:n])
		}
	}
	if err := new(Rollup).decode(nil); err != nil {
		t.Errorf("without fields: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 5 {
		f.Add(random(rng).encode(nil))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		var r, again Rollup
		if r.decode(record) != nil {
			return
		}
		record = r.encode(nil)
		if err := again.decode(record); err != nil {
			t.Fatal(err)
		}
		again.Merge(&r)
	})
}

// Whatever rollups are merged in whatever groups, the result is the same.
func TestMergeInGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var list []*Rollup
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for range 60 {
		r := random(rng)
		r.Start, r.Length = at, time.Second
		at = at.Add(time.Second)
		list = append(list, r)
	}
	var one, grouped Rollup
	for _, r := range list {
		one.Merge(r)
	}
	for group := range slices.Chunk(list, 7) {
		var g Rollup
		for _, r := range group {
			g.Merge(r)
		}
		grouped.Merge(&g)
	}
	byHost := cmpopts.SortSlices(func(a, b ReflectorRollup) bool { return a.Host < b.Host })
	if diff := cmp.Diff(one, grouped, cmpopts.EquateApprox(1e-9, 0), byHost); diff != "" {
		t.Errorf("(-one +grouped)\n%s", diff)
	}
	if one.Length != time.Minute {
		t.Errorf("%v of a minute", one.Length)
	}
}

func TestStep(t *testing.T) {
	at := func(load float64, state autorate.State, reason autorate.Reason, rtt time.Duration, alive int) *autorate.Decision {
		d := &autorate.Decision{RTT: rtt, Baseline: 20 * time.Millisecond, Alive: alive}
		d.Directions[0] = autorate.DirectionDecision{Load: load, State: state, Reason: reason}
		d.Directions[1] = autorate.DirectionDecision{Load: -1, State: autorate.Green}
		return d
	}
	var r Rollup
	before := &autorate.Decision{}
	for _, d := range []*autorate.Decision{
		at(0.02, autorate.Green, autorate.Idle, 20*time.Millisecond, 3),
		at(0.9, autorate.Green, autorate.Holding, 30*time.Millisecond, 3),
		at(0.2, autorate.Red, autorate.Cut, 80*time.Millisecond, 3), // the capacity is far below the limit
		at(0.2, autorate.Red, autorate.Cut, 80*time.Millisecond, 3),
		at(0.2, autorate.Green, autorate.Silent, 0, 0),
		at(0.02, autorate.Red, autorate.ExternalDelay, 90*time.Millisecond, 3), // somebody else's queue
	} {
		r.Step(d, before, 50*time.Millisecond)
		before = d
	}
	if r.Idle.Count() != 2 || r.Loaded.Count() != 3 || r.Increase.Count() != 3 {
		t.Errorf("%d idle, %d loaded", r.Idle.Count(), r.Loaded.Count())
	}
	if got := r.Directions[0].Reasons[autorate.Cut]; got != 1 {
		t.Errorf("%d cuts", got)
	}
	if r.Observed != 300*time.Millisecond || r.NoReply != 50*time.Millisecond || r.Directions[0].States[autorate.Red] != 150*time.Millisecond {
		t.Errorf("%v, %v without replies, %v", r.Observed, r.NoReply, r.Directions[0].States)
	}
	if r.Directions[0].Worst() != autorate.Red || r.Directions[1].Worst() != autorate.Green {
		t.Error("the worst state is not")
	}
}
