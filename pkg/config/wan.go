package config

import (
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Base is the part of a configuration that both kinds of file share: how to
// reach the router and where this process keeps its files and listeners.
type Base struct {
	Path string // the file this was read from, as given
	Name string // wan_name

	Router    Router
	Logging   Logging
	LockFile  string
	StateFile string
	Timeouts  Timeouts
	Health    Endpoint
	Metrics   Endpoint
}

// longestSocket is what the kernel takes as the path of a socket, in bytes.
const longestSocket = 107

// Socket is the unix socket on which the daemon of this configuration answers
// other commands while it runs: beside its lock file.
func (b *Base) Socket() string { return strings.TrimSuffix(b.LockFile, ".lock") + ".sock" }

// Router is one way to reach the router. Ports and TLS are settled: nothing is
// left to be defaulted by whoever dials.
type Router struct {
	Transport Transport
	Host      string
	User      string
	Password  Secret
	SSHKey    string // path of a private key; "" without
	Port      int

	SSHPassphrase Secret // of SSHKey; empty for a key without one

	TLS            bool   // false: plain http, or the plain API; always false for ssh
	VerifyTLS      bool   // check the certificate against the system's authorities
	TLSFingerprint string // SHA-256 of the certificate, 64 hex digits in lower case; "" when not pinned

	KnownHosts     string // path; "" means the usual places
	SSHFingerprint string // "SHA256:...", as ssh-keygen -l prints it; "" when not pinned
	SSHLegacy      bool   // also accept the algorithms of RouterOS 6

	// Failover holds further ways, in the order they are tried. Theirs is empty.
	Failover []Router
}

// Transport is a protocol of the router.
type Transport string

// The protocols, by their names in the file.
const (
	REST Transport = "rest"
	API  Transport = "api"
	SSH  Transport = "ssh"
)

// Logging says where logs go.
type Logging struct {
	Main  string // path
	Debug string // path; "" for no debug log
}

// Timeouts bound single operations.
type Timeouts struct {
	Command time.Duration // one command on the router
	Ping    time.Duration // one probe without a reply is lost after this
}

// Endpoint is an HTTP listener.
type Endpoint struct {
	Enabled bool
	Host    string
	Port    int // 0 picks a free one
}

// WAN is the configuration of one WAN, complete and checked: every field holds
// the value in force, so its users neither default nor validate again.
type WAN struct {
	Base

	Queues          Queues
	Enabled         bool // false: the loop has nothing to do for this WAN
	BaselineInitial time.Duration
	Interval        time.Duration // between two probes of one reflector
	Download        Direction
	Upload          Direction
	Thresholds      Thresholds

	PingHosts     []string
	PingInterface string // "" leaves the route to the kernel
	PingSource    string // IP address; "" leaves it to the kernel
	Fallback      Fallback
}

// Queues names what is steered on the router.
type Queues struct {
	Download string
	Upload   string

	// Queue types written together with the limit; "" leaves the type alone.
	DownloadType string
	UploadType   string
}

// Direction bounds the limit of one direction:
// FloorRed <= FloorSoftRed <= FloorYellow <= FloorGreen <= Ceiling.
type Direction struct {
	Ceiling      bitrate.Rate
	FloorGreen   bitrate.Rate
	FloorYellow  bitrate.Rate
	FloorSoftRed bitrate.Rate
	FloorRed     bitrate.Rate
}

// Thresholds are on the delay above the idle baseline, apart from
// BaselineMin < BaselineMax, which bound the baseline itself.
// TargetBloat < WarnBloat < HardRedBloat.
type Thresholds struct {
	TargetBloat      time.Duration
	WarnBloat        time.Duration
	HardRedBloat     time.Duration
	LoadTimeConstant time.Duration
	BaselineMin      time.Duration
	BaselineMax      time.Duration
}

// Fallback says what to check, and to do, when no reflector answers.
type Fallback struct {
	Enabled      bool
	CheckGateway bool
	CheckTCP     bool
	GatewayIP    string   // "" is the gateway of the default route
	TCPTargets   []string // "host:port", IPv6 in brackets
	Mode         FallbackMode
}

// FallbackMode is what the loop does while nothing can be measured.
type FallbackMode string

// The modes, by their names in the file.
const (
	GracefulDegradation FallbackMode = "graceful_degradation"
	Freeze              FallbackMode = "freeze"
	UseLastRTT          FallbackMode = "use_last_rtt"
)
