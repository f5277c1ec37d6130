package rest_test

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestCertificates(t *testing.T) {
	routertest.Certificates(t, simrouter.WWWSSL, func(a rest.Config) (router.Client, error) { return rest.New(a) })
}
