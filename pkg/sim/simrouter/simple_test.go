package simrouter

import (
	"net"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

const simpleScript = `/interface add name=ether1
/queue simple add name="my line" target=ether1 max-limit=300M/30M
/user add name=admin group=full password=secret
`

// Both limits of a simple queue go by every transport, and its counters come by
// every one.
func TestSimpleQueuesOverEveryTransport(t *testing.T) {
	r := start(t, Config{Plain: true, Script: simpleScript})
	for _, s := range []Service{API, SSH} {
		if err := r.StartService(t.Context(), s, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.SetSimpleCounters("my line", [2]router.Counters{{Bytes: 5, Rate: bitrate.Mbps}, {Bytes: 70, Dropped: 1, Rate: 2 * bitrate.Mbps}}); err != nil {
		t.Fatal(err)
	}

	c := client{t, r, "admin:secret"}
	c.want("POST", "/rest/queue/simple/set", `{".id":"*1","max-limit":"200M/20M"}`, 200, `[]`)
	c.want("GET", "/rest/queue/simple?.proplist=max-limit,bytes,dropped,rate,total-bytes", "", 200,
		`[{".id":"*1","bytes":"5/70","dropped":"0/1","max-limit":"200000000/20000000","rate":"1000000/2000000","total-bytes":"75"}]`)

	conn, err := net.Dial("tcp", r.AddrOf(API))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	api := &talk{t, conn, sentence.NewReader(conn)}
	api.want("/login =name=admin =password=secret", "!done")
	api.want("/queue/simple/set =.id=*1 =max-limit=9M", "!done")
	api.want("/queue/simple/print =.proplist=max-limit,bytes ?max-limit=9000000/9000000", "!re =bytes=5/70 =max-limit=9000000/9000000", "!done")

	cli := dialSSH(t, r, "admin", ssh.Password("secret"))
	for _, tt := range []struct{ line, want string }{
		{`/queue simple set [find name="my line"] max-limit=8M/7M`, ""},
		{`:put [/queue simple get "my line" max-limit]`, "8000000/7000000\r\n"},
		{`:put [/queue simple get [find max-limit="8000000/7000000"] bytes]`, "5/70\r\n"},
	} {
		if got, err := run(cli, tt.line); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
}
