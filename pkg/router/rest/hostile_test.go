package rest_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
)

// However large an answer is, and whatever it consists of, it is given up before it
// takes more memory than a unit has to spare.
func TestHostileAnswersAreBounded(t *testing.T) {
	const size, most = 64 << 20, 24 << 20
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
	for _, tt := range []struct{ name, start, again string }{
		{"empty rows", head + "[{}", ",{}"},
		{"rows of one value", head + `[{"a":1}`, `,{"a":1}`},
		{"values of one row", head + `[{"a":1`, `,"a":1`},
		{"one text", head + `[{"a":"`, "xxxxxxxxxxxxxxxx"},
		{"escapes", head + `[{"a":"`, `\n`},
		{"nested", head + `[{"a":`, "["},
		{"blanks", head, "                "},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[{\r\n", "1\r\n \r\n"},
		{"header lines", "HTTP/1.1 200 OK\r\n", "a:b\r\n"},
		{"one header line", "HTTP/1.1 200 OK\r\na: ", "xxxxxxxxxxxxxxxx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			part := []byte(strings.Repeat(tt.again, 32<<10/len(tt.again)))
			host, port := serving(t, func(c net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				_, err := c.Write([]byte(tt.start))
				for sent := 0; err == nil && sent < size; sent += len(part) {
					_, err = c.Write(part)
				}
			})
			c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: true, Timeout: 20 * time.Second, MaxAnswer: 2 << 20})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.Queues(t.Context())
			runtime.ReadMemStats(&after)
			if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
				t.Errorf("error %v", err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}
