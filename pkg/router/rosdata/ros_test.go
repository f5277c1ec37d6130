package rosdata

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

func TestDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
	}{
		{"0s", 0}, {"100ms", 100 * time.Millisecond}, {"1s500ms", 1500 * time.Millisecond}, {"250us", 250 * time.Microsecond},
		{"2d20h12m20s", 68*time.Hour + 12*time.Minute + 20*time.Second},
		{"6w5d11h55m45s", (47*24+11)*time.Hour + 55*time.Minute + 45*time.Second},
		{"01:22:53", time.Hour + 22*time.Minute + 53*time.Second}, {"3d00:00:01", 72*time.Hour + time.Second},
	} {
		if got, err := Duration(tt.in); err != nil || got != tt.want {
			t.Errorf("Duration(%q) = %v, %v; want %v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{"", "5", "s", "5x", "-5s", "5 s", "1:2", "00:99:00", "00:00:00x", "99999999999999999999w", "2000000000w2000000000w"} {
		if got, err := Duration(in); err == nil {
			t.Errorf("Duration(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	f.Add("6w5d11h55m45s")
	f.Add("3d01:22:53")
	f.Fuzz(func(t *testing.T, in string) {
		if d, err := Duration(in); err == nil && d < 0 {
			t.Errorf("Duration(%q) = %v", in, d)
		}
	})
}

func TestClassify(t *testing.T) {
	for message, want := range map[string]error{
		"not enough permissions (9)":                      router.ErrDenied,
		"std failure: not allowed (9)":                    router.ErrDenied,
		"no such item":                                    router.ErrNotFound,
		"no such item (4)":                                router.ErrNotFound,
		"invalid user name or password (6)":               router.ErrAuth,
		"not logged in":                                   router.ErrAuth,
		"unknown parameter src-address":                   router.ErrUnsupported,
		"no such command prefix":                          router.ErrUnsupported,
		"no such command or directory (remove)":           router.ErrUnsupported,
		"Session closed":                                  router.ErrOutcomeUnknown,
		"action timed out - try again, if error ... (13)": router.ErrOutcomeUnknown,
		"invalid value for argument max-limit":            router.ErrInvalid,
		"failure: already have such entry":                router.ErrExists,
		"failure: user with the same name already exists": router.ErrExists,
		"": router.ErrInvalid,
	} {
		if got := Classify(message); !errors.Is(got, want) {
			t.Errorf("Classify(%q) = %v, want %v", message, got, want)
		}
	}
}

func TestOnly(t *testing.T) {
	rows := []Row{{"name": "WAN-Download"}, {"name": "WAN-Upload"}, {"name": "twice"}, {"name": "twice"}, {"comment": "no name"}}
	if r, err := Only(rows, "queue", "name", "WAN-Upload"); err != nil || r["name"] != "WAN-Upload" {
		t.Errorf("got %v, %v", r, err)
	}
	for name, want := range map[string]error{"twice": router.ErrAmbiguous, "wan-upload": router.ErrNotFound, "WAN": router.ErrNotFound} {
		if _, err := Only(rows, "queue", "name", name); !errors.Is(err, want) {
			t.Errorf("Only(%q): %v, want %v", name, err, want)
		}
	}
	_, err := Only(rows, "queue", "name", "wan-uplaod")
	if want := `queue "wan-uplaod": not found on router; the nearest names are "WAN-Upload", "WAN-Download", `; !strings.HasPrefix(fmt.Sprint(err), want) {
		t.Errorf("got  %v\nwant %s...", err, want)
	}
	_, err = Only(nil, "queue", "name", "x")
	if !strings.HasSuffix(fmt.Sprint(err), "the router has none at all") {
		t.Errorf("got %v", err)
	}
}

func TestQueue(t *testing.T) {
	row := Row{
		".id": "*1000000", "name": "q", "parent": "global", "queue": "default-small", "max-limit": "480500k", "limit-at": "0",
		"comment": "c", "disabled": "true", "invalid": "no", "bytes": "18446744073709551615", "packets": "2", "dropped": "3",
		"queued-bytes": "4", "queued-packets": "5", "rate": "6",
	}
	got, err := Queue(row)
	want := router.Queue{
		Name: "q", Parent: "global", Type: "default-small", MaxLimit: 480_500 * bitrate.Kbps, Comment: "c", Disabled: true,
		Counters: router.Counters{Bytes: 1<<64 - 1, Packets: 2, Dropped: 3, QueuedBytes: 4, QueuedPackets: 5, Rate: 6},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	for _, bad := range []struct{ prop, value string }{{"max-limit", "fast"}, {"bytes", "-1"}, {"rate", "1M/2M"}} {
		r := Row{"name": "q", "max-limit": "0", "bytes": "0"}
		r[bad.prop] = bad.value
		if _, err := Queue(r); err == nil || !strings.Contains(err.Error(), bad.prop) {
			t.Errorf("%s=%s: %v", bad.prop, bad.value, err)
		}
	}
	if _, err := Queue(Row{"version": "7.22"}); err == nil {
		t.Error("a row of another menu was taken for a queue")
	}
	if _, err := Counters(Row{"name": "q"}); err == nil {
		t.Error("a row without counters was taken for counters")
	}
}

func TestInfoOfBoardsWithoutSensors(t *testing.T) {
	// x86 and CHR report neither flash sectors nor, sometimes, a percentage
	// without its sign.
	got, err := Info(Row{"version": "6.49.10 (long-term)", "uptime": "1d", "cpu-load": "7%"}, Row{"name": "r"})
	if err != nil || got.CPULoad != 7 || got.Uptime != 24*time.Hour || got.WriteSects != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []Row{{"version": "7"}, {"version": "7", "uptime": "long"}, {"version": "7", "uptime": "1s", "free-memory": "40MiB"}} {
		if _, err := Info(bad, Row{"name": "r"}); err == nil {
			t.Errorf("Info(%v) succeeded", bad)
		}
	}
}

// FuzzQuote: on one line, printable, bounded, and whole when it is short.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "no such item", "\x00\x1b[31m", strings.Repeat("\u2028é\xff", 200), strings.Repeat("a", 198), strings.Repeat("a", 199)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := Quote(s)
		if len(q) > maxQuote+3 || !utf8.ValidString(q) || strings.ContainsAny(q, "\n\r\x1b") {
			t.Errorf("Quote(%q) = %q (%d bytes)", s, q, len(q))
		}
		if full := fmt.Sprintf("%q", s); len(full) <= maxQuote && q != full {
			t.Errorf("Quote(%q) = %q, want all of it", s, q)
		}
	})
}

func TestShows(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
		set  map[string]string
		want bool
	}{
		{"equal", Row{"max-limit": "480000000", "queue": "cake"}, map[string]string{"max-limit": "480000000"}, true},
		{"with a suffix", Row{"max-limit": "480M"}, map[string]string{"max-limit": "480000000"}, true},
		{"another value", Row{"max-limit": "480M"}, map[string]string{"max-limit": "48000000"}, false},
		{"absent", Row{}, map[string]string{"max-limit": "0"}, false},
		{"yes for true", Row{"disabled": "yes"}, map[string]string{"disabled": "true"}, true},
		{"absent flag, to be false", Row{}, map[string]string{"disabled": "false"}, true},
		{"absent flag, to be true", Row{}, map[string]string{"disabled": "true"}, false},
		{"one of two", Row{"a": "1"}, map[string]string{"a": "1", "b": "2"}, false},
	} {
		if got := Shows(tt.row, tt.set); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

// Naming the nearest of a table with very many rows compares some of them only.
func TestOnlyOfManyRows(t *testing.T) {
	long := strings.Repeat("queue-", 10)
	rows := make([]Row, 80_000)
	for i := range rows {
		rows[i] = Row{"name": long + strconv.Itoa(10_000+i)}
	}
	rows[len(rows)-1]["name"] = long + "y"
	_, err := Only(rows, "queue", "name", long+"x")
	if !errors.Is(err, router.ErrNotFound) || !strings.Contains(err.Error(), `the nearest names are "queue-`) {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), long+"y") {
		t.Errorf("all 80,000 names were compared: %v", err)
	}
}
