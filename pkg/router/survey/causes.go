package survey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
)

// Kind is the kind of a cause.
type Kind uint8

// The kinds.
const (
	Guess         Kind = iota // cannot be looked up
	FastTrack                 // a rule passes connections by the queues
	Marks                     // no rule sets a mark that a queue has
	IPv6                      // no rule marks packets of IPv6
	Offload                   // the router's hardware forwards packets by itself
	HardwareQueue             // the queue of the interface; on most boards it does no harm
)

// Cause is something that may lead traffic past the queues.
type Cause struct {
	Kind
	Text  string
	Where string // the command that ends it, or the menu to look at; "" without
	Seen  bool   // on the router; false: it does not say
}

// String returns the text with the command.
func (c Cause) String() string {
	if c.Where == "" {
		return c.Text
	}
	return c.Text + " (" + c.Where + ")"
}

// row is a row of a menu as the router prints it.
type row = map[string]string

// Causes returns what may lead traffic past the queues, the most likely first. wan is
// the interface of the WAN, "" where it is not known. What can be looked up on the
// router and is not so is left out.
func (q Queues) Causes(ctx context.Context, client Reader, wan string) []Cause {
	l := lookup{ctx, client, wan}
	guess := func(text string) []Cause { return []Cause{{Text: text}} }
	fastTrack, offload, hardware := l.fastTrack(), l.offload(), l.hardwareQueue()
	if q.Simple != "" {
		return slices.Concat(fastTrack, offload, guess("an earlier simple queue that has the traffic"), guess("a target that the traffic does not pass"), hardware)
	}
	marks, err := q.Marks(ctx, client)
	if err == nil && len(marks) == 0 { // on most boards FastTrack leads past marks only
		return slices.Concat(offload, guess("a wrong parent of the queue"), hardware, fastTrack)
	}
	return slices.Concat(fastTrack, l.unmarked(marks), offload, guess("a wrong packet-mark or parent of the queue"), hardware)
}

// Marks returns the packet marks that the queues in the tree have.
func (q Queues) Marks(ctx context.Context, client Reader) (marks []string, err error) {
	rows, err := client.Rows(ctx, "/queue/tree")
	for _, r := range rows {
		if mark := r["packet-mark"]; slices.Contains(q.Names[:], r["name"]) && mark != "" && mark != "no-mark" {
			marks = append(marks, strings.Split(mark, ",")...)
		}
	}
	return marks, err
}

// lookup looks causes up on a router.
type lookup struct {
	ctx    context.Context
	client Reader
	wan    string
}

func (l lookup) fastTrack() (causes []Cause) {
	for _, family := range []string{"ip", "ipv6"} {
		causes = append(causes, l.find("/"+family+"/firewall/filter", "FastTrack is on", "FastTrack",
			Cause{Kind: FastTrack, Where: "/" + family + " firewall filter disable [find action=fasttrack-connection]"},
			some(func(r row) bool { return r["action"] == "fasttrack-connection" && !isTrue(r["disabled"]) }))...)
	}
	return causes
}

// unmarked names marks that no rule sets, and IPv6 where no rule marks its packets.
func (l lookup) unmarked(marks []string) (causes []Cause) {
	marking := func(r row) bool { return r["action"] == "mark-packet" && !isTrue(r["disabled"]) }
	for _, mark := range marks {
		causes = append(causes, l.find("/ip/firewall/mangle", fmt.Sprintf("no rule sets the packet-mark %q", mark), "",
			Cause{Kind: Marks, Where: "/ip firewall mangle"},
			none(func(r row) bool { return marking(r) && r["new-packet-mark"] == mark }))...)
	}
	return append(causes, l.find("/ipv6/firewall/mangle", "IPv6 has no packet marks", "IPv6 without packet marks",
		Cause{Kind: IPv6, Where: "/ipv6 firewall mangle"}, none(marking))...)
}

// offload names what of the router's hardware forwards packets by itself.
func (l lookup) offload() []Cause {
	return slices.Concat(
		l.find("/interface/ethernet/switch", "hardware offload is on", "hardware offload",
			Cause{Kind: Offload, Where: "l3-hw-offloading of /interface ethernet switch"},
			some(func(r row) bool { return isTrue(r["l3-hw-offloading"]) })),
		l.find("/interface/bridge/port", l.wan+" is bridged by the switch chip", "",
			Cause{Kind: Offload, Where: "hw of /interface bridge port"},
			some(func(r row) bool { return l.ofWAN(r) && isTrue(r["hw-offload"]) })))
}

// hardwareQueue names the queue of the WAN's interface, if that is the hardware's alone.
// On most boards it does no harm.
func (l lookup) hardwareQueue() []Cause {
	return l.find("/queue/interface", l.wan+" has only its hardware queue", "", Cause{Kind: HardwareQueue, Where: "/queue interface"},
		some(func(r row) bool { return l.ofWAN(r) && r["active-queue"] == "only-hardware-queue" }))
}

// ofWAN reports whether a row is about the interface of the WAN.
func (l lookup) ofWAN(r row) bool { return l.wan != "" && r["interface"] == l.wan }

// find returns the cause with the text found if the rows of a menu are so, and with the
// text unknown if they could not be read. A menu that this router does not have is no
// cause.
func (l lookup) find(menu, found, unknown string, c Cause, so func([]row) bool) []Cause {
	rows, err := l.client.Rows(l.ctx, menu)
	switch {
	case errors.Is(err, router.ErrUnsupported), errors.Is(err, router.ErrInvalid), errors.Is(err, router.ErrNotFound):
	case err == nil && so(rows):
		c.Text, c.Seen = found, true
		return []Cause{c}
	case err != nil && unknown != "":
		c.Text = unknown
		return []Cause{c}
	}
	return nil
}

func some(is func(row) bool) func([]row) bool {
	return func(rows []row) bool { return slices.ContainsFunc(rows, is) }
}

func none(is func(row) bool) func([]row) bool {
	return func(rows []row) bool { return !slices.ContainsFunc(rows, is) }
}

func isTrue(value string) bool { return value == "true" || value == "yes" }
