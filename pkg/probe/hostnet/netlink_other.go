//go:build !linux

package hostnet

import (
	"errors"
	"net/netip"
)

var errLinuxOnly = errors.New("only Linux can do that")

func (b Binding) apply(int) error { return errLinuxOnly }

func (b Binding) Route(netip.Addr) (Route, error) { return Route{}, errLinuxOnly }
