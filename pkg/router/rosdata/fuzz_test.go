package rosdata

import (
	"strconv"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// FuzzRows: a row is an error or says what is in it: no number is negative or
// another one, and no time runs backwards.
func FuzzRows(f *testing.F) {
	f.Add("500000000", "1234", "3d01:22:53", "12%", "192.168.88.0/24,ether2")
	f.Add("480M/40M", "12/34", "6w5d11h55m45s/100ms", "0", "")
	f.Add("0", "18446744073709551615", "0s", "4294967296", "10.0.0.1%ether1")
	f.Add("unlimited", "-1", "1w1w", "x", "10.0.0.1 reachable via pppoe-out1")
	f.Fuzz(func(t *testing.T, rate, count, period, number, text string) {
		r := Row{".id": "*1", "rate": rate, "version": text, "uptime": period, "cpu-load": number, "cpu-count": number, "free-memory": count, "chain": text, "action": text,
			"list": text, "address": text, "timeout": period, "run-count": number, "dst-address": text, "distance": number, "gateway": text, "immediate-gw": text, "gateway-status": text}
		for _, prop := range []string{"name", "target", "queue", "parent", "comment", "disabled", "policy", "kind"} {
			r[prop] = text
		}
		for _, prop := range []string{"max-limit", "limit-at", "burst-limit", "burst-threshold", "total-max-limit"} {
			r[prop] = rate
		}
		for _, prop := range []string{"bytes", "packets", "dropped", "queued-bytes", "queued-packets", "rx-byte", "tx-byte"} {
			r[prop] = count
		}
		r["burst-time"] = period
		same := func(what, written string, got uint64) {
			t.Helper()
			if want, err := strconv.ParseUint(strings.TrimSuffix(written, "%"), 10, 64); written != "" && (err != nil || got != want) {
				t.Errorf("%s %q is read as %d", what, written, got)
			}
		}
		if q, err := Queue(r); err == nil {
			if q.MaxLimit < 0 || q.LimitAt < 0 || q.BurstTime < 0 || q.Name != text {
				t.Errorf("%+v", q)
			}
			if want, err := bitrate.Parse(rate); rate != "" && (err != nil || q.MaxLimit != want) {
				t.Errorf("limit %q is read as %v", rate, q.MaxLimit)
			}
			same("bytes", count, q.Counters.Bytes)
		}
		if c, err := Counters(r); err == nil {
			same("dropped", count, c.Dropped)
		}
		if q, err := SimpleQueue(r); err == nil {
			for side := range 2 {
				if q.MaxLimit[side] < 0 || q.BurstTime[side] < 0 {
					t.Errorf("%+v", q)
				}
				same("bytes", Pair(count)[side], q.Counters[side].Bytes)
			}
		}
		if i, err := Info(r, r); err == nil && (i.Uptime < 0 || i.CPULoad < 0 || i.CPUCount < 0) {
			t.Errorf("%+v", i)
		}
		if a, err := Address(r); err == nil && a.Timeout < 0 {
			t.Errorf("%+v", a)
		}
		if s, err := Script(r); err == nil {
			same("run-count", number, s.RunCount)
		}
		if route, err := Route(r); err == nil && (route.Distance < 0 || !strings.Contains(text, route.Interface)) {
			t.Errorf("%+v", route)
		}
		if i, err := Interface(r); err == nil {
			same("rx-byte", count, i.Received)
		}
		if rule, err := Rule(r); err == nil && (rule.Params[".id"] != "" || rule.Comment != text) {
			t.Errorf("%+v", rule)
		}
		if q, err := QueueType(r); err == nil && q.Params["name"] != "" {
			t.Errorf("%+v", q)
		}
	})
}

// FuzzClassify: every message has one of our classes, whatever surrounds it.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{
		"no such item", "invalid user name or password (6)", "not enough permissions (9)", "failure: already have such entry",
		"input does not match any value of queue", "no such command prefix", "", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if err := Classify(s); err == nil || err.Error() == "" {
			t.Errorf("%q: %v", s, err)
		}
	})
}
