package ssh

import (
	"errors"
	"slices"

	xssh "golang.org/x/crypto/ssh"
)

// algorithms returns those for a connection, without those of the host key. Legacy
// ones come last, so that they are used only if the router has no other.
func algorithms(legacy bool) xssh.Config {
	good := xssh.SupportedAlgorithms()
	c := xssh.Config{
		KeyExchanges: good.KeyExchanges,
		Ciphers:      good.Ciphers,
		MACs:         slices.DeleteFunc(good.MACs, func(m string) bool { return m == xssh.HMACSHA1 }),
	}
	if legacy {
		c.KeyExchanges = append(c.KeyExchanges, xssh.InsecureKeyExchangeDHGEXSHA1, xssh.InsecureKeyExchangeDH14SHA1)
		c.Ciphers = append(c.Ciphers, xssh.InsecureCipherAES128CBC)
		c.MACs = append(c.MACs, xssh.HMACSHA1)
	}
	return c
}

// outdated reports whether err is about a router that needs legacy algorithms.
func outdated(err error) bool {
	var disagree *xssh.AlgorithmNegotiationError
	if !errors.As(err, &disagree) {
		return false
	}
	old := algorithms(true)
	all := slices.Concat(old.KeyExchanges, old.Ciphers, old.MACs, []string{xssh.KeyAlgoRSA})
	return slices.ContainsFunc(disagree.RequestedAlgorithms, func(a string) bool { return slices.Contains(all, a) })
}
