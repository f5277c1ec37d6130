// Package schema reads and prints YAML files whose keys are described by a
// table. It knows no key by its name.
//
// Reader takes a document apart strictly, with line numbers, into cells by
// dotted name. Bind parses cells and stores them in the fields the table names;
// the Values it returns help rules that look at several keys. Settings and
// Marshal go the other way.
package schema

import (
	"strconv"
	"strings"
)

// Key documents one key of a file. The same table decodes files, answers
// "explain", suggests names for unknown keys and prints the effective
// configuration, so none of them can disagree.
type Key struct {
	Name     string  // dotted
	Type     Type    // how its value is written
	Min, Max float64 // of the number, or of the length of a list; both 0: any
	Values   []string
	Required bool
	Default  string // as written in a file; "" when there is none
	Derived  string // how the default comes about when it is not a fixed value
	Doc      string // one sentence

	// NoEffect says why a key of older files has no effect any more; "" when it
	// has. Its values are checked still, and given it is worth a warning.
	NoEffect string
}

// Bound is a Key with the field of T that holds its value. Keys without a field
// are read by a rule, which turns them into something else.
type Bound[T any] struct {
	Key
	Field func(*T) any // returns a pointer to the field
}

// Obsolete is a key, or a whole section, that older files hold and that has no
// effect any more. Such files load, with one warning a key.
type Obsolete struct {
	Name string // dotted
	Why  string // what took its place, or why nothing did; ends the warning
}

// FindObsolete reports why name, or the section it lies in, has no effect.
func FindObsolete(table []Obsolete, name string) (why string, found bool) {
	for _, o := range table {
		if name == o.Name || strings.HasPrefix(name, o.Name+".") {
			return o.Why, true
		}
	}
	return "", false
}

// Type says how a value is written and checked.
type Type uint8

// Types of values.
const (
	Bool       Type = iota + 1
	Int             // whole number
	Number          // decimal number
	Mbps            // decimal number of Mbit/s
	Millis          // decimal number of milliseconds, or with a unit: 24, 24ms
	Seconds         // decimal number of seconds, or with a unit: 15, 15s
	Minutes         // decimal number of minutes, or with a unit: 5, 300s
	Duration        // with a unit: 50ms; Min and Max are milliseconds
	Enum            // one of Key.Values
	Version         // of the schema
	Identifier      // A-Za-z0-9_.-, 1 to 64
	Comment         // those plus space and colon, 1 to 128
	Host            // IPv4, IPv6 or host name, up to 256
	Address         // IPv4 or IPv6
	Interface       // of this machine
	User            // on the router
	Password        // never printed
	Path            // of a file; a leading ~/ is the home directory
	TLSHash         // SHA-256 of a certificate, hex
	SSHHash         // SHA256:base64, as ssh-keygen -l prints
	HostList        // list of Host
	TargetList      // list of host:port or [host, port]
	RouterList      // list of transports or of mappings like router
)

func (t Type) String() string {
	switch t {
	case Bool:
		return "true or false"
	case Int:
		return "whole number"
	case Number:
		return "number"
	case Mbps:
		return "number of Mbit/s"
	case Millis:
		return "number of milliseconds"
	case Seconds:
		return "number of seconds"
	case Minutes:
		return "number of minutes"
	case Duration:
		return "duration with unit, such as 50ms"
	case Enum:
		return "one of the words in the range"
	case Version:
		return "version, in quotes"
	case Identifier:
		return "name of letters, digits, _ . -, up to 64"
	case Comment:
		return "comment of letters, digits, _ . - : and spaces, up to 128"
	case Host:
		return "IP address or host name"
	case Address:
		return "IP address"
	case Interface:
		return "network interface"
	case User:
		return "user name"
	case Password:
		return "password"
	case Path:
		return "file path"
	case TLSHash:
		return "SHA-256 of the certificate, 64 hex digits, colons allowed"
	case SSHHash:
		return "SHA256:... as 'ssh-keygen -l' prints it"
	case HostList:
		return "list of IP addresses or host names"
	case TargetList:
		return "list of host:port or [host, port]"
	case RouterList:
		return "list of transports, or of mappings with the keys of router"
	}
	return "unknown"
}

// Range describes the permitted values, "" when any is.
func (k Key) Range() string {
	if k.Type == Enum {
		return strings.Join(k.Values, ", ")
	}
	if k.Min == 0 && k.Max == 0 {
		return ""
	}
	text := Decimal(k.Min) + ".." + Decimal(k.Max)
	switch k.Type {
	case Mbps:
		return text + " Mbit/s"
	case Millis, Duration:
		return text + " ms"
	case Seconds:
		return text + " s"
	case Minutes:
		return text + " min"
	case HostList, TargetList, RouterList:
		return text + " entries"
	default:
		return text
	}
}

// Env is the environment variable that overrides the key: WANCTL_ and the name
// in upper case with _ for the dots.
func (k Key) Env() string {
	return "WANCTL_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Short is the last part of the dotted name.
func (k Key) Short() string { return k.Name[strings.LastIndexByte(k.Name, '.')+1:] }

// Decimal writes f with as few digits as read back to it.
func Decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// Keys lists the keys of a table without their fields.
func Keys[T any](bound []Bound[T]) []Key {
	keys := make([]Key, len(bound))
	for i, k := range bound {
		keys[i] = k.Key
	}
	return keys
}
