package schema

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Kind says how a value is written and checked. Its text is the name in tags.
type Kind string

// The kinds of values.
const (
	Any        Kind = "any" // of older files, unchecked: a value or a whole section
	Bool       Kind = "bool"
	Int        Kind = "int"
	Mark       Kind = "mark" // 20 or 0x14, as `ip rule` reads it
	Number     Kind = "number"
	Mbps       Kind = "mbps"
	Millis     Kind = "millis"  // a number, or with a unit: 24, 24ms
	Seconds    Kind = "seconds" // a number, or with a unit: 15, 15s
	Minutes    Kind = "minutes" // a number, or with a unit: 5, 300s
	Duration   Kind = "duration"
	Enum       Kind = "enum"
	Version    Kind = "version"
	Identifier Kind = "identifier"
	RouterName Kind = "router_name" // of a queue or a comment on the router, exactly as there
	Host       Kind = "host"
	Address    Kind = "address"
	Interface  Kind = "interface"
	User       Kind = "user"
	Password   Kind = "password" // never printed
	Path       Kind = "path"     // a leading ~/ is the home directory
	TLSHash    Kind = "tls_hash"
	SSHHash    Kind = "ssh_hash"
	HostList   Kind = "hosts"
	TargetList Kind = "targets"
	RouterList Kind = "routers"
	EnumList   Kind = "enums"
	ArgList    Kind = "args"       // exactly as written
	HeaderList Kind = "headers"    // never printed
	SecretURL  Kind = "secret_url" // never printed
	Broker     Kind = "broker"
	Topic      Kind = "topic"
	NATSList   Kind = "nats_servers"
)

// kindSpec is what the kinds differ in.
type kindSpec struct {
	kind Kind
	text string // describes a value
	unit string // follows a range
	like []unit // units that a number may be in by mistake
	json string // type in JSON

	parse  func(*Reader, Key, RawValue) (any, error)
	check  func(string) (string, error) // instead of parse, for a scalar: returns its canonical form
	format func(any) any                // writes a parsed value as in a file; nil: it is written as it is
}

// unit is another unit of a number.
type unit struct {
	name   string
	factor float64 // of a number in it, to that in the unit of the kind
}

func kinds() []kindSpec {
	return []kindSpec{
		{kind: Any, text: "anything", parse: func(*Reader, Key, RawValue) (any, error) { return nil, nil }},
		{kind: Bool, text: "true or false", json: "boolean", parse: parseBool},
		{kind: Int, text: "whole number", json: "integer", parse: parseInt},
		{kind: Mark, text: "mark of packets, such as 20 or 0x14", json: "integer", parse: parseMark, format: formatMark},
		{kind: Number, text: "number", json: "number", parse: parseNumber},
		{kind: Mbps, text: "number of Mbit/s", unit: " Mbit/s", like: []unit{{"kbit/s", 1e-3}, {"Gbit/s", 1e3}, {"bit/s", 1e-6}}, json: "number", parse: parseMbps, format: formatMbps},
		{kind: Millis, text: "number of milliseconds", unit: " ms", like: []unit{{"seconds", 1e3}, {"microseconds", 1e-3}}, json: "number", parse: durationIn(time.Millisecond), format: formatIn(time.Millisecond)},
		{kind: Seconds, text: "number of seconds", unit: " s", like: []unit{{"milliseconds", 1e-3}}, json: "number", parse: durationIn(time.Second), format: formatIn(time.Second)},
		{kind: Minutes, text: "number of minutes", unit: " min", like: []unit{{"seconds", 1. / 60}}, json: "number", parse: durationIn(time.Minute), format: formatIn(time.Minute)},
		{kind: Duration, text: "duration with unit, such as 50ms", unit: " ms", json: "string", parse: durationIn(0), format: formatDuration},
		{kind: Enum, text: "one of the words in the range", json: "string", parse: parseEnum},
		{kind: Version, text: "version, in quotes", json: "string", parse: parseVersion},
		{kind: Identifier, text: "name of letters, digits, _ . -, up to 64", json: "string", check: checkIdentifier},
		{kind: RouterName, text: "name or comment on the router, up to 128 characters", json: "string", check: checkRouterName},
		{kind: Host, text: "IP address or host name", json: "string", check: checkHost},
		{kind: Address, text: "IP address", json: "string", check: checkAddress},
		{kind: Interface, text: "network interface", json: "string", check: checkInterface},
		{kind: User, text: "user name", json: "string", check: checkUser},
		{kind: Password, text: "password", json: "string", parse: parsePassword},
		{kind: Path, text: "file path", json: "string", parse: parsePath},
		{kind: TLSHash, text: "SHA-256 of the certificate, 64 hex digits, colons allowed", json: "string", check: checkTLSHash},
		{kind: SSHHash, text: "SHA256:... as 'ssh-keygen -l' prints it", json: "string", check: checkSSHHash},
		{kind: HostList, text: "list of IP addresses or host names", unit: " entries", json: "array", parse: listOf(checkHost)},
		{kind: TargetList, text: "list of host:port or [host, port]", unit: " entries", json: "array", parse: listOf(checkTarget)},
		{kind: EnumList, text: "list of words", unit: " entries", json: "array", parse: parseEnums},
		{kind: ArgList, text: "list of arguments", unit: " entries", json: "array", parse: parseArgs},
		{kind: HeaderList, text: "list of headers, \"Name: value\"", unit: " entries", json: "array", parse: parseHeaders},
		{kind: SecretURL, text: "address with https or http", json: "string", parse: parseSecretURL},
		{kind: Broker, text: "address of an MQTT broker, mqtt:// or mqtts://", json: "string", check: checkBroker},
		{kind: Topic, text: "beginning of an MQTT topic", json: "string", check: checkTopic},
		{kind: NATSList, text: "list of NATS servers, tls://HOST:4222 or nats://HOST:4222", unit: " entries", json: "array", parse: listOf(checkNATS)},
		{kind: RouterList, text: "list of transports, or of mappings with the keys of router", unit: " entries", json: "array", parse: parseEntries},
	}
}

// spec returns the zero kindSpec for an unknown kind.
func (k Kind) spec() kindSpec {
	all := kinds()
	if i := slices.IndexFunc(all, func(s kindSpec) bool { return s.kind == k }); i >= 0 {
		return all[i]
	}
	return kindSpec{}
}

// String describes a value of the kind; "" for an unknown kind.
func (k Kind) String() string { return k.spec().text }

func (k Kind) isList() bool { return k.spec().json == "array" }

func formatMbps(v any) any { return v.(bitrate.Rate).Mbps() }

func formatMark(v any) any { return float64(v.(uint32)) } // an int may have 32 bits

func formatDuration(v any) any { return v.(time.Duration).String() }

func formatIn(unit time.Duration) func(any) any {
	return func(v any) any { return float64(v.(time.Duration)) / float64(unit) }
}
