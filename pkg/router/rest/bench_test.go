package rest_test

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func BenchmarkRest(b *testing.B) {
	routertest.Suite{Service: simrouter.WWWSSL, Dial: dial}.Bench(b, simrouter.Config{})
}
