package api

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestCertificates(t *testing.T) {
	routertest.Certificates(t, simrouter.APISSL, func(a Config) (router.Client, error) { return New(a) })
}
