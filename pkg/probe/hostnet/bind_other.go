//go:build !linux

package hostnet

import "errors"

func BindToInterface(int, string) error {
	return errors.New("only Linux can do that")
}
