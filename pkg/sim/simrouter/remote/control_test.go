package remote

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const testScript = `/interface add name=ether1
/queue tree add name=a parent=global max-limit=1M
/queue tree add name="b c" parent=global
/queue simple add name="my line" target=ether1 max-limit=300M/30M
/user add name=admin group=full
`

func TestControl(t *testing.T) {
	r, err := simrouter.New(simrouter.Config{Plain: true, Script: testScript})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, service := range []simrouter.Service{simrouter.WWW, simrouter.API} {
		if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"latency 1ms", "counters a bytes=5 packets=4 dropped=3 queued-bytes=2 queued-packets=1 rate=6k", "run /interface add name=ether9 type=ether", "counters ether9 rx-byte=7 tx-byte=8",
		"run /queue tree set a max-limit=7M", "bypass b c on", "bypass b c off", "recreate b c", "swap b c with a", "swap a with b c", "counters my line bytes=5/70 dropped=0/1 rate=1M/2M", "silent on", "silent off", "silent on api", "silent off api", "drop", "drop api", "fault deny service=api times=1 for=1s status=403 text=not now applied command=set path=/queue", "clear",
		"refuse", "listen", "refuse api", "listen api", "reboot down=1ms race=1 race-kind=empty renumber",
	} {
		if err := Do(r, line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if line == "run /queue tree set a max-limit=7M" {
			got, _ := r.Queue("a")
			want := router.Queue{Name: "a", Parent: "global", Type: "default-small", MaxLimit: 7 * bitrate.Mbps,
				Counters: router.Counters{Bytes: 5, Packets: 4, Dropped: 3, QueuedBytes: 2, QueuedPackets: 1, Rate: 6 * bitrate.Kbps}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if row, _ := r.State().Row("/interface", "name", "ether9"); row["rx-byte"] != "7" || row["tx-byte"] != "8" {
				t.Errorf("the interface is %v", row)
			}
		}
	}
	for _, line := range []string{
		"", "explode", "latency", "latency soon", "silent maybe", "fault", "fault earthquake", "fault stall times=x", "fault stall colour=red",
		"fault slow for=1", "fault html status=x", "reboot down=1", "reboot now", "reboot race-kind=stall", "counters", "counters zz", "counters a bytes=x",
		"counters a colour=1", "counters ether9 bytes=1", "counters ether9 rx-byte=x", "run /queue tree remove zz",
		"counters nope bytes=1", "counters my line bytes=1", "counters my line bytes=1/x", "counters my line byts=1/1",
		"drop ftp", "drop ssh", "refuse api www", "silent api", "silent on ssh", "fault deny service=ftp", "bypass", "bypass a", "bypass zz on", "recreate", "recreate zz", "swap a b c", "swap a with zz",
	} {
		if err := Do(r, line); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
}
