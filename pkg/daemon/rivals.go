package daemon

import (
	"fmt"
	"os"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/state"
)

// CheckRivals returns an error (state.ErrLocked) if the loop of a rival of cfg runs in
// another process. It is to be called with the own lock held, so that of two loops that start at
// once one sees the other at least. Loops of one process are kept apart by their claims.
func CheckRivals(cfg interface {
	Rivals(opts config.Options) []config.Rival
}) error {
	for _, r := range cfg.Rivals(config.Options{LookupEnv: os.LookupEnv}) {
		owner, held, err := state.Holder(r.LockFile)
		if err == nil && held && owner.PID != os.Getpid() {
			return fmt.Errorf("%w: %s is controlled by the loop of %s, %s; stop that, or name another row in one of the files ('wanctl config validate' shows both)",
				state.ErrLocked, r.Row, r.Path, owner)
		}
	}
	return nil
}
