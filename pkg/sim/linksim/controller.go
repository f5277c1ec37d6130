package linksim

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Controller decides limits from what it sees; *autorate.Law is one. One that
// has a method Adopt, like the law's, hears of limits that somebody else set.
type Controller interface {
	Step(now time.Duration, in autorate.Input) autorate.Decision
}
