package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const harms = `loss, duplicate, reorder and corrupt=PERCENT, delay=DURATION, jitter=DURATION, mtu=BYTES (what is larger vanishes), drop=icmp|tcp|udp|all`

// harm is what a wire does to packets, in both directions.
type harm struct {
	loss, duplicate, reorder, corrupt float64 // 0 to 1
	delay, jitter                     time.Duration
	mtu                               int    // bytes; 0: any
	drop                              string // icmp, tcp, udp, all or ""
}

// parseHarm reads words in the form of harms.
func parseHarm(words []string) (h harm, err error) {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		share := map[string]*float64{"loss": &h.loss, "duplicate": &h.duplicate, "reorder": &h.reorder, "corrupt": &h.corrupt}[key]
		duration := map[string]*time.Duration{"delay": &h.delay, "jitter": &h.jitter}[key]
		switch {
		case share != nil:
			*share, err = strconv.ParseFloat(value, 64)
			*share /= 100
		case duration != nil:
			*duration, err = time.ParseDuration(value)
		case key == "mtu":
			h.mtu, err = strconv.Atoi(value)
		case key == "drop" && slices.Contains([]string{"icmp", "tcp", "udp", "all"}, value):
			h.drop = value
		default:
			err = fmt.Errorf("no harm %q; there are: %s", word, harms)
		}
		if err != nil {
			return harm{}, err
		}
	}
	return h, nil
}

// reorderBy is how much later a packet comes that others overtake: more than the time
// between two probes.
const reorderBy = 70 * time.Millisecond

// wire carries packets between two TUN devices: the host's, and the far one.
type wire struct {
	pumps sync.WaitGroup

	mu   sync.Mutex // protects the following fields
	ends [2]*os.File
	harm harm
	rng  *rand.Rand
}

// start reads the packets of one end until it is closed.
func (w *wire) start(end int) {
	w.mu.Lock()
	if w.rng == nil {
		w.rng = rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same faults each time
	}
	from := w.ends[end]
	w.mu.Unlock()
	w.pumps.Go(func() {
		for packet := make([]byte, 2048); ; {
			n, err := from.Read(packet)
			if err != nil {
				return
			}
			w.carry(1-end, packet[:n])
		}
	})
}

var protocols = map[string]byte{"icmp": 1, "tcp": 6, "udp": 17}

// carry passes a packet to an end, or does not.
func (w *wire) carry(end int, packet []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, to := w.harm, w.ends[end]
	switch {
	case to == nil, h.drop == "all", h.mtu > 0 && len(packet) > h.mtu, w.rng.Float64() < h.loss:
		return
	case h.drop != "" && len(packet) > 9 && packet[9] == protocols[h.drop]:
		return
	}
	copies := 1
	if w.rng.Float64() < h.duplicate {
		copies = 2
	}
	wait := h.delay + time.Duration(w.rng.Float64()*float64(h.jitter))
	if w.rng.Float64() < h.reorder {
		wait += reorderBy
	}
	packet = slices.Clone(packet)
	if w.rng.Float64() < h.corrupt {
		packet[len(packet)-1] ^= 0xff
	}
	for range copies {
		if wait == 0 {
			_, _ = to.Write(packet) // a device that is down refuses it
			continue
		}
		time.AfterFunc(wait, func() { _, _ = to.Write(packet) })
	}
}

func (w *wire) close() {
	w.mu.Lock()
	for _, f := range w.ends {
		if f != nil {
			_ = f.Close() // it may be closed already
		}
	}
	w.mu.Unlock()
	w.pumps.Wait()
}
