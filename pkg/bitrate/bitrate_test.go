package bitrate

import "testing"

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Rate
		bad  bool
	}{
		{in: "480M", want: 480 * Mbps},
		{in: "0.48G", want: 480 * Mbps},
		{in: "480000000", want: 480 * Mbps},
		{in: "1500k", want: 1500 * Kbps},
		{in: " 12.5m ", want: 12500 * Kbps},
		{in: "0", want: 0},
		{in: "", bad: true},
		{in: "M", bad: true},
		{in: "-5M", bad: true},
		{in: "1e6", bad: true},
		{in: "0x10", bad: true},
		{in: "5 Mbps", bad: true},
		{in: ".5M", bad: true},
		{in: "1.2.3M", bad: true},
		{in: "0.5", bad: true},
		{in: "99999999999999999G", bad: true},
		{in: "99999999999999999999999", bad: true},
		{in: "NaN", bad: true},
	} {
		got, err := Parse(tt.in)
		if (err != nil) != tt.bad {
			t.Errorf("Parse(%q) error = %v, want error: %v", tt.in, err, tt.bad)
		}
		if got != tt.want {
			t.Errorf("Parse(%q) = %d, want %d", tt.in, got, tt.want)
		}
	}
}

func TestHuman(t *testing.T) {
	for r, want := range map[Rate]string{
		2 * Gbps:         "2.00 Gbit/s",
		482_123_456:      "482.1 Mbit/s",
		640 * Kbps:       "640 kbit/s",
		7:                "7 bit/s",
		-3 * Mbps:        "-3.0 Mbit/s",
		FromMbps(0.0005): "500 bit/s",
	} {
		if got := r.Human(); got != want {
			t.Errorf("Rate(%d).Human() = %q, want %q", r, got, want)
		}
	}
}

// What String prints, Parse reads back to the same rate.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"480M", "0.48G", "1500k", "999999999", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("Parse(%q) = %d, printed %q, read back %d, %v", s, r, r.String(), again, err)
		}
	})
}
