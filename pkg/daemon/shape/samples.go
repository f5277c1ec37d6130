package shape

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// samplesEvery is how often another number of samples is logged, at most.
const samplesEvery = time.Minute

// samplesWatch notices when the number of samples changes that an excess has to last.
type samplesWatch struct {
	last int           // as logged, at
	at   time.Duration // 0: never
}

func (w *samplesWatch) changed(dec *autorate.Decision) bool {
	w.last = max(1, w.last)
	if dec.Samples == 0 || dec.Samples == w.last || w.at > 0 && dec.At-w.at < samplesEvery {
		return false
	}
	w.last, w.at = dec.Samples, dec.At
	return true
}
