package routertest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// Queues are renamed under a client that knows them.
var names = []test{
	{name: "renamed", run: func(f *fixture) {
		f.warm()
		f.run(`/queue tree set ` + Download + ` name=` + Download + `-old`)
		for range 2 {
			_, err := f.setBoth(78*bitrate.Mbps, 8*bitrate.Mbps)
			f.wantError(err, router.ErrNotFound)
		}
		f.wantLimit(Download+"-old", 500*bitrate.Mbps)
	}},
	{name: "renamed and renamed back", run: func(f *fixture) {
		f.warm()
		f.run(`/queue tree set ` + Download + ` name=other`)
		_, err := f.setQueue(f.ctx(), Download, limit(78*bitrate.Mbps))
		f.wantError(err, router.ErrNotFound)
		f.run(`/queue tree set other name=` + Download)
		if _, err := f.setQueue(f.ctx(), Download, limit(79*bitrate.Mbps)); err != nil {
			f.Error(err)
		}
		f.wantLimit(Download, 79*bitrate.Mbps)
	}},
	{name: "names exchanged", run: exchange(Download, Upload)},
	{name: "names exchanged where none is found by name", configure: func(c *simrouter.Config) { c.Quirks.NoNamesInPath = true }, run: exchange(Download, Upload)},
	{name: "odd names exchanged", run: func(f *fixture) {
		f.run(`/queue tree set ` + Download + ` name="Glasfaser, Tür 1"; /queue tree set ` + Upload + ` name="*1000000"`)
		exchange("Glasfaser, Tür 1", "*1000000")(f)
	}},
	{name: "a second queue of that name", configure: func(c *simrouter.Config) { c.Quirks.DuplicateQueueNames = true }, run: func(f *fixture) {
		f.warm()
		f.run(`/queue tree add name=` + Download + ` parent=global max-limit=7M`)
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrAmbiguous)
		before := f.r.Writes()
		_, err = f.setQueue(f.ctx(), Download, limit(78*bitrate.Mbps))
		f.wantError(err, router.ErrAmbiguous)
		if n := f.r.Writes() - before; n != 0 {
			f.Errorf("%d writes to an ambiguous queue", n)
		}
	}},
	{name: "renamed while a loop writes", run: func(f *fixture) {
		f.warm()
		var wg sync.WaitGroup
		var written atomic.Int64
		stop := make(chan struct{})
		wg.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				written.Store(int64(i))
				_, err := f.setBoth(bitrate.Rate(100+i%50)*bitrate.Mbps, bitrate.Rate(1+i%5)*bitrate.Mbps)
				// A console reads names row by row, and may see one twice.
				expected := errors.Is(err, router.ErrNotFound) || errors.Is(err, router.ErrNotApplied) || errors.Is(err, router.ErrAmbiguous)
				if err != nil && !expected {
					f.Errorf("writing: %v", err)
				}
			}
		})
		for range 20 {
			time.Sleep(3 * time.Millisecond)
			f.run(`/queue tree set ` + Download + ` name=x; /queue tree set ` + Upload + ` name=` + Download + `; /queue tree set x name=` + Upload)
		}
		f.eventually(func() bool {
			q, ok := f.r.Queue(Upload)
			return ok && q.MaxLimit < 6*bitrate.Mbps
		})
		f.run(`/queue tree set ` + Download + ` name=other`)
		// A write that began before the rename may still be on its way.
		next := func() {
			begun := written.Load()
			f.eventually(func() bool { return written.Load() > begun+1 })
		}
		next()
		f.run(`/queue tree set other max-limit=77M`)
		next()
		close(stop)
		wg.Wait()
		f.wantLimit("other", 77*bitrate.Mbps)
		if q, ok := f.r.Queue(Upload); !ok || q.MaxLimit > 6*bitrate.Mbps {
			f.Errorf("the upload has %s, a limit of the download", q.MaxLimit)
		}
	}},
}

// exchange exchanges the names of two queues, and writes both.
func exchange(a, b string) func(*fixture) {
	return func(f *fixture) {
		if _, err := f.c.Queue(f.ctx(), a); err != nil {
			f.Fatal(err)
		}
		f.run(`/queue tree set [find name="` + a + `"] name=x; /queue tree set [find name="` + b + `"] name="` + a + `"; /queue tree set x name="` + b + `"`)
		for i := range 2 {
			down, up := bitrate.Rate(100+i)*bitrate.Mbps, bitrate.Rate(10+i)*bitrate.Mbps
			_, err := f.c.SetQueues(f.ctx(), router.QueueChange{Name: a, QueueSettings: limit(down)}, router.QueueChange{Name: b, QueueSettings: limit(up)})
			if err != nil {
				f.Error(err)
			}
			f.wantLimit(a, down)
			f.wantLimit(b, up)
		}
	}
}
