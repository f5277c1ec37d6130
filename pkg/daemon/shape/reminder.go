package shape

import (
	"errors"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// reminderInterval is how often the log repeats that something is still wrong.
const reminderInterval = time.Hour

// reminder spaces the reports of one thing that is wrong. The zero value has none.
type reminder struct {
	text string        // of what is wrong; "" when nothing is
	at   time.Duration // of the last report
}

// remind reports whether text is to be reported at now: it is when it is new, and
// every hour from then on.
func (r *reminder) remind(now time.Duration, text string) (isNew, due bool) {
	isNew = text != r.text
	if !isNew && now-r.at < reminderInterval {
		return false, false
	}
	r.text, r.at = text, now
	return isNew, true
}

// clear records that nothing is wrong, and reports whether something was.
func (r *reminder) clear() bool {
	was := r.text != ""
	*r = reminder{}
	return was
}

// refusal returns what the router said when it refused a limit, and what it takes
// to change that; "" for nil.
func refusal(err error) string {
	if err == nil {
		return ""
	}
	var item *router.ItemError
	if errors.As(err, &item) {
		err = item.Err
	}
	text, _, _ := strings.Cut(err.Error(), "; on the router:")
	return text
}
