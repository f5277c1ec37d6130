package shape

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
)

// row is a row of a menu as the router prints it.
type row = map[string]string

// findCauses returns what may lead traffic past the queues, the most likely first.
// What can be looked up on the router and is not so is left out.
func (b *bypassWatch) findCauses(ctx context.Context) []string {
	fastTrack, offload, hardware := b.fastTrack(ctx), b.offload(ctx), b.hardwareQueue(ctx)
	if b.queues.simple != "" {
		return slices.Concat(fastTrack, offload, []string{"an earlier simple queue that has the traffic", "a target that the traffic does not pass"}, hardware)
	}
	marks, err := b.marks(ctx)
	if err == nil && len(marks) == 0 { // on most boards FastTrack leads past marks only
		return slices.Concat(offload, []string{"a wrong parent of the queue"}, hardware, fastTrack)
	}
	return slices.Concat(fastTrack, b.unmarked(ctx, marks), offload, []string{"a wrong packet-mark or parent of the queue"}, hardware)
}

// marks returns the packet marks that the queues in the tree have.
func (b *bypassWatch) marks(ctx context.Context) (marks []string, err error) {
	rows, err := b.client.Rows(ctx, "/queue/tree")
	for _, r := range rows {
		if mark := r["packet-mark"]; slices.Contains(b.queues.names[:], r["name"]) && mark != "" && mark != "no-mark" {
			marks = append(marks, strings.Split(mark, ",")...)
		}
	}
	return marks, err
}

func (b *bypassWatch) fastTrack(ctx context.Context) (causes []string) {
	for _, family := range []string{"ip", "ipv6"} {
		disable := " (/" + family + " firewall filter disable [find action=fasttrack-connection])"
		causes = append(causes, b.look(ctx, "/"+family+"/firewall/filter", "FastTrack is on"+disable, "FastTrack"+disable,
			some(func(r row) bool { return r["action"] == "fasttrack-connection" && !isTrue(r["disabled"]) }))...)
	}
	return causes
}

// unmarked names marks that no rule sets, and IPv6 where no rule marks its packets.
func (b *bypassWatch) unmarked(ctx context.Context, marks []string) (causes []string) {
	marking := func(r row) bool { return r["action"] == "mark-packet" && !isTrue(r["disabled"]) }
	for _, mark := range marks {
		causes = append(causes, b.look(ctx, "/ip/firewall/mangle", fmt.Sprintf("no rule sets the packet-mark %q (/ip firewall mangle)", mark), "",
			none(func(r row) bool { return marking(r) && r["new-packet-mark"] == mark }))...)
	}
	const in6 = " packet marks (/ipv6 firewall mangle)"
	return append(causes, b.look(ctx, "/ipv6/firewall/mangle", "IPv6 has no"+in6, "IPv6 without"+in6, none(marking))...)
}

// offload names what of the router's hardware forwards packets by itself.
func (b *bypassWatch) offload(ctx context.Context) []string {
	const routing = " (l3-hw-offloading of /interface ethernet switch)"
	return slices.Concat(
		b.look(ctx, "/interface/ethernet/switch", "hardware offload is on"+routing, "hardware offload"+routing,
			some(func(r row) bool { return isTrue(r["l3-hw-offloading"]) })),
		b.look(ctx, "/interface/bridge/port", b.wan+" is bridged by the switch chip (hw of /interface bridge port)", "",
			some(func(r row) bool { return b.ofWAN(r) && isTrue(r["hw-offload"]) })))
}

// hardwareQueue names the queue of the WAN's interface, if that is the hardware's alone.
// On most boards it does no harm.
func (b *bypassWatch) hardwareQueue(ctx context.Context) []string {
	return b.look(ctx, "/queue/interface", b.wan+" has only its hardware queue (/queue interface)", "",
		some(func(r row) bool { return b.ofWAN(r) && r["active-queue"] == "only-hardware-queue" }))
}

// ofWAN reports whether a row is about the interface of the WAN.
func (b *bypassWatch) ofWAN(r row) bool { return b.wan != "" && r["interface"] == b.wan }

// look returns found if the rows of a menu are so, and unknown if they could not be
// read. A menu that this router does not have is no cause.
func (b *bypassWatch) look(ctx context.Context, menu, found, unknown string, so func([]row) bool) []string {
	rows, err := b.client.Rows(ctx, menu)
	switch {
	case errors.Is(err, router.ErrUnsupported), errors.Is(err, router.ErrInvalid), errors.Is(err, router.ErrNotFound):
	case err == nil && so(rows):
		return []string{found}
	case err != nil && unknown != "":
		return []string{unknown}
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
