package simrouter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// Quirks are points where RouterOS's behaviour is unknown or varies. The zero
// value of each is the likelier behaviour.
type Quirks struct {
	routeros.Quirks

	SerialiseAll bool // requests of all services and sessions take turns, as those of REST do

	// REST.
	DeniedStatus       int           // HTTP status of a missing policy; 0 is 400 to PATCH, PUT and DELETE, 500 otherwise
	RestAPIAlone       bool          // the policy rest-api is enough, without api
	AnyContentType     bool          // bodies need no Content-Type: application/json
	EscapedIDs         bool          // %2A1 in a path is the id *1
	NoIDBesideProplist bool          // GET with .proplist answers just that, without .id
	NoPolicyStatus     int           // of a user without the rest-api policy; 401
	BadVerbStatus      int           // of a method a path does not have; 406
	UnknownPathStatus  int           // 400
	LoginPerRequest    bool          // every request is a login in /log, not every connection
	PlusIsSpace        bool          // + in a filter means a space
	NoNamesInPath      bool          // /queue/tree/NAME is not accepted for /queue/tree/*ID
	EmptyAnswers       bool          // PUT and PATCH answer [] instead of the row
	NoPostPrint        bool          // POST .../print does not exist
	EscapedControls    bool          // control bytes in strings are valid JSON
	KeepAlive          time.Duration // idle connections are closed after this; 0 never

	// The binary API.
	OldLogin         bool   // by challenge and response, as before 6.43
	LoginMessage     string // of a refused login; "invalid user name or password (6)"
	NoCategories     bool   // traps come without =category=
	NoAPICertificate bool   // api-ssl has no certificate and offers anonymous ciphers alone

	SSH SSHQuirks
}

// NamedQuirk is a quirk that can be switched on by name.
type NamedQuirk struct {
	Name, Text string
	on         *bool
}

// Named lists the quirks that can be switched on by name.
func (q *Quirks) Named() []NamedQuirk {
	return []NamedQuirk{
		{"counts-leaf-drops", "queues count the drops inside of a CAKE or FQ-CoDel leaf", &q.CountsLeafDrops},
		{"duplicate-addresses", "a second entry of the same list and address is accepted", &q.DuplicateAddresses},
		{"duplicate-queue-names", "a second queue of the same name is accepted", &q.DuplicateQueueNames},
		{"keeps-timeout", "setting a timeout to what it was set to does not start it anew", &q.KeepsTimeout},
		{"equal-writes-flash", "setting a value to what it already is costs a sector", &q.EqualWritesFlash},
		{"fence-spares-sessions", "firewall rules in raw do not drop what comes on established connections", &q.FenceSparesSessions},
		{"late-counters", "the counters of firewall rules are up to a second old", &q.LateCounters},
		{"no-ipv6", "the menus of IPv6 are missing", &q.NoIPv6},
		{"other-errors", "errors at the command line are worded as by versions on the other side of 7.16", &q.OtherErrors},
		{"resolves-names", "host names in address lists have dynamic rows with their addresses", &q.ResolvesNames},
		{"serialise-all", "requests of all services take turns", &q.SerialiseAll},
		{"rest-api-alone", "REST: the policy rest-api is enough, without api", &q.RestAPIAlone},
		{"any-content-type", "REST: bodies need no Content-Type: application/json", &q.AnyContentType},
		{"escaped-ids", "REST: %2A1 in a path is the id *1", &q.EscapedIDs},
		{"no-id-beside-proplist", "REST: GET with .proplist answers just that, without .id", &q.NoIDBesideProplist},
		{"login-per-request", "REST: every request is a login in /log", &q.LoginPerRequest},
		{"no-names-in-path", "REST: rows are addressed by id alone", &q.NoNamesInPath},
		{"no-post-print", "REST: POST .../print does not exist", &q.NoPostPrint},
		{"plus-is-space", "REST: + in a filter means a space", &q.PlusIsSpace},
		{"empty-answers", "REST: PUT and PATCH answer [] instead of the row", &q.EmptyAnswers},
		{"old-login", "API: login by challenge and response", &q.OldLogin},
		{"no-api-certificate", "API over TLS without a certificate", &q.NoAPICertificate},
	}
}

// Switch switches quirks on by their names.
func (q *Quirks) Switch(names ...string) error {
	named := q.Named()
	for _, name := range names {
		i := slices.IndexFunc(named, func(n NamedQuirk) bool { return n.Name == name })
		if i < 0 {
			known := make([]string, len(named))
			for i, n := range named {
				known[i] = n.Name
			}
			return fmt.Errorf("unknown quirk %q: use some of %s", name, strings.Join(known, ", "))
		}
		*named[i].on = true
	}
	return nil
}
