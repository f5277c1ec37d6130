// Package remote causes faults on a simulated router by lines of text, from Go and over
// HTTP. It has no state of its own.
package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// Help lists what Do understands.
const Help = `fault KIND [times=N] [service=S] [command=C] [path=P] [applied] [for=D] [status=N] [text=T]
clear                       no more faults
latency DURATION            how long every request takes
drop [SERVICE]              reset all connections
refuse [SERVICE]            stop listening
listen [SERVICE]            listen again
silent on|off [SERVICE]     accept connections and say nothing
reboot [down=D] [renumber] [race=N] [race-kind=wrong-data|empty]
counters QUEUE [bytes=N] [packets=N] [dropped=N] [queued-bytes=N] [queued-packets=N] [rate=R]
                            of a simple queue each value is A/B: what its target sends, what it receives
counters INTERFACE rx-byte=N tx-byte=N
bypass QUEUE on|off         traffic goes past the queue: its counters stand still, its limit limits nothing
recreate QUEUE              remove the queue and add it again, with another id
swap QUEUE with QUEUE       exchange the names of two queues
run COMMAND...              a RouterOS command, such as: run /queue tree remove WAN-Upload-1
SERVICE is www, www-ssl, api, api-ssl or ssh; without one it is all of them`

// Do carries out one line in the form of Help.
func Do(r *simrouter.Router, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return errors.New("empty control command; one of:\n" + Help)
	}
	args := words[1:]
	switch words[0] {
	case "fault":
		f, err := parseFault(args)
		if err != nil {
			return err
		}
		r.Inject(f)
	case "clear":
		r.ClearFaults()
	case "latency":
		if len(args) != 1 {
			return errors.New("latency: give one duration, such as 120ms")
		}
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		r.SetLatency(d)
	case "drop", "refuse", "listen", "silent":
		return onService(r, words[0], args)
	case "reboot":
		o, err := parseReboot(args)
		if err != nil {
			return err
		}
		r.Reboot(o)
	case "counters":
		return setCounters(r, args)
	case "bypass", "recreate", "swap":
		return onQueue(r, words[0], args)
	case "run":
		return r.Run(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "run")))
	default:
		return fmt.Errorf("unknown control command %q; one of:\n%s", words[0], Help)
	}
	return nil
}

// onService carries out a command about one service or all.
func onService(r *simrouter.Router, command string, args []string) error {
	on := false
	if command == "silent" {
		if len(args) == 0 || args[0] != "on" && args[0] != "off" {
			return errors.New("silent: use on or off")
		}
		on, args = args[0] == "on", args[1:]
	}
	services, err := parseServices(args)
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for _, s := range services {
		if r.AddrOf(s) == "" {
			return fmt.Errorf("%s: service %s was not started", command, s)
		}
	}
	switch command {
	case "drop":
		r.DropConnections(services...)
	case "refuse":
		r.Refuse(services...)
	case "listen":
		return r.Listen(services...)
	case "silent":
		r.Silence(on, services...)
	}
	return nil
}

func parseReboot(args []string) (simrouter.Reboot, error) {
	var o simrouter.Reboot
	for _, w := range args {
		key, value, _ := strings.Cut(w, "=")
		var err error
		switch key {
		case "down":
			o.Down, err = time.ParseDuration(value)
		case "renumber":
			o.Renumber = true
		case "race":
			o.Race, err = strconv.Atoi(value)
		case "race-kind":
			if o.RaceKind = simrouter.FaultKind(value); o.RaceKind != simrouter.WrongData && o.RaceKind != simrouter.Empty {
				err = errors.New("use wrong-data or empty")
			}
		default:
			err = errors.New("use down=, renumber, race= or race-kind=")
		}
		if err != nil {
			return o, fmt.Errorf("reboot: %q: %w", w, err)
		}
	}
	return o, nil
}

// onQueue carries out a command about the rows of queues. Names may have
// spaces.
func onQueue(r *simrouter.Router, command string, args []string) error {
	last := len(args) - 1
	switch command {
	case "bypass":
		if last < 1 || args[last] != "on" && args[last] != "off" {
			return errors.New("bypass: give the name of a queue, and on or off")
		}
		return r.State().Bypass(strings.Join(args[:last], " "), args[last] == "on")
	case "recreate":
		if len(args) == 0 {
			return errors.New("recreate: give the name of a queue")
		}
		return r.State().Recreate(strings.Join(args, " "))
	}
	a, b, ok := strings.Cut(strings.Join(args, " "), " with ")
	if !ok {
		return errors.New("swap: give the names of two queues, as in: swap WAN-Download-1 with WAN-Upload-1")
	}
	return r.State().SwapNames(a, b)
}

func setCounters(r *simrouter.Router, args []string) error {
	n := slices.IndexFunc(args, func(w string) bool { return strings.Contains(w, "=") })
	if n < 0 {
		n = len(args)
	}
	name, words := strings.Join(args[:n], " "), args[n:]
	if name == "" {
		return errors.New("counters: give the name of a queue")
	}
	if q, ok := r.Queue(name); ok {
		for _, w := range words {
			key, value, _ := strings.Cut(w, "=")
			if err := setCounter(&q.Counters, key, value); err != nil {
				return fmt.Errorf("counters: %q: %w", w, err)
			}
		}
		return r.SetCounters(name, q.Counters)
	}
	if _, ok := r.State().Row("/interface", "name", name); ok {
		return setInterface(r, name, words)
	}
	c, err := r.State().SimpleCounters(name)
	if err != nil {
		return err
	}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		a, b, two := strings.Cut(value, "/")
		if !two {
			return fmt.Errorf("counters: %q: %s is a simple queue: write %s=A/B, what its target sends and what it receives", w, name, key)
		}
		for i, v := range []string{a, b} {
			if err := setCounter(&c[i], key, v); err != nil {
				return fmt.Errorf("counters: %q: %w", w, err)
			}
		}
	}
	return r.SetSimpleCounters(name, c)
}

func setInterface(r *simrouter.Router, name string, words []string) error {
	var received, sent uint64
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		field, ok := map[string]*uint64{"rx-byte": &received, "tx-byte": &sent}[key]
		n, err := strconv.ParseUint(value, 10, 64)
		if !ok || err != nil {
			return fmt.Errorf("counters: %q: %s is an interface: write rx-byte=N or tx-byte=N", w, name)
		}
		*field = n
	}
	return r.State().SetInterfaceBytes(name, received, sent)
}

func setCounter(c *router.Counters, key, value string) error {
	if key == "rate" {
		rate, err := bitrate.Parse(value)
		c.Rate = rate
		return err
	}
	field, ok := map[string]*uint64{
		"bytes": &c.Bytes, "packets": &c.Packets, "dropped": &c.Dropped,
		"queued-bytes": &c.QueuedBytes, "queued-packets": &c.QueuedPackets,
	}[key]
	if !ok {
		return errors.New("no such counter")
	}
	n, err := strconv.ParseUint(value, 10, 64)
	*field = n
	return err
}

// maxLines bounds the body of a request, in bytes.
const maxLines = 1 << 20

// Handler serves Do over HTTP; bind it to loopback. GET / returns
// Counts as JSON, POST / carries out each line of its body.
func Handler(r *simrouter.Router) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.Counts())
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(io.LimitReader(req.Body, maxLines))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for line := range strings.Lines(string(body)) {
			if err := Do(r, line); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
	})
	return mux
}
