package linksim

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Controller decides limits from its input; *autorate.Law is one. If it has a
// method SetExternally like the law's, that is called with limits that were set externally.
type Controller interface {
	Step(now time.Duration, in autorate.Input) autorate.Decision
}
