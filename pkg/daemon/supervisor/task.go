package supervisor

import "context"

// NewTask makes a Task of a function. A nil ready means ready from the start.
func NewTask(name string, ready <-chan struct{}, run func(context.Context) error) Task {
	return &task{name, ready, run}
}

type task struct {
	name  string
	ready <-chan struct{}
	run   func(context.Context) error
}

func (t *task) Run(ctx context.Context) error { return t.run(ctx) }
func (t *task) Ready() <-chan struct{}        { return t.ready }
func (t *task) String() string                { return t.name }

// OnReload is a Task that calls do for every reload that is asked for, one
// after the other. Requests that arrive meanwhile become one.
func OnReload(reload <-chan struct{}, do func(context.Context)) Task {
	return NewTask("reload", nil, func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-reload:
				do(ctx)
			}
		}
	})
}
