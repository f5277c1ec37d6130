package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

// Host is what the loops of a host share.
type Host struct {
	User    int // effective id
	Program string

	ICMP    hostnet.Access
	NoICMP  error // why there is none
	Running bool  // a loop of this host measures by ICMP

	Now        time.Time
	ClockError error // of asking the kernel
	Synced     bool  // by NTP

	Secrets     string // file of passwords
	SecretsMode fs.FileMode
	SecretsErr  error // fs.ErrNotExist where there is none
}

// readHost reads the facts of this host.
func readHost(secrets string) *Host {
	h := &Host{User: os.Geteuid(), Now: time.Now(), Secrets: secrets}
	h.Program, _ = os.Executable()
	h.ICMP, h.NoICMP = hostnet.ICMPAccess()
	h.Synced, h.ClockError = clockSynced()
	st, err := os.Stat(secrets)
	if h.SecretsErr = err; err == nil {
		h.SecretsMode = st.Mode()
	}
	return h
}

var hostChecks = []Check[Host]{
	{"icmp", checkICMP},
	{"clock", checkClock},
	{"secrets", checkSecrets},
}

func checkICMP(h *Host) []Result {
	switch {
	case h.ICMP == hostnet.RawSockets:
		return one(ok("this user may send echoes and timestamp requests"))
	case h.Running:
		return one(ok("the running loops may send echoes"))
	case h.ICMP == hostnet.PingSockets:
		return one(ok("this user may send echoes; timestamp requests, which show the direction of a queue, need CAP_NET_RAW, which the units of systemd give"))
	}
	next := fmt.Sprintf("sudo setcap cap_net_raw+ep %s, or run as the units of systemd do, which need neither that nor root", h.Program)
	if h.User == 0 {
		next = "give the container the capability: --cap-add NET_RAW"
	}
	return one(warning(next, "user %d may not send ICMP echoes (%v): connections would be timed instead", h.User, h.NoICMP))
}

// epoch is a time that no host's clock can be before.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func checkClock(h *Host) []Result {
	const set = "timedatectl set-ntp true, or start another NTP client"
	switch {
	case h.Now.Before(epoch):
		return one(failure(set, "the clock says %s: states and logs get wrong times, and certificates are not valid yet", h.Now.Format(time.RFC3339)))
	case h.ClockError != nil:
		return one(skipped("whether the clock is synchronised is not known: %v", h.ClockError))
	case !h.Synced:
		return one(warning(set, "the clock is not synchronised: logs and reports get wrong times"))
	}
	return one(ok("the clock is synchronised"))
}

func checkSecrets(h *Host) []Result {
	switch {
	case errors.Is(h.SecretsErr, fs.ErrNotExist):
		return nil // passwords may be elsewhere: the configuration says so when one is missing
	case h.SecretsErr != nil:
		return one(skipped("%s: %v", h.Secrets, h.SecretsErr))
	case h.SecretsMode.Perm()&0o007 != 0:
		return one(warning("chmod 600 "+h.Secrets, "%s, which holds passwords, is open to everyone: mode %#o", h.Secrets, h.SecretsMode.Perm()))
	}
	return one(ok("%s is closed to others", h.Secrets))
}
