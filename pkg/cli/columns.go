package cli

import "github.com/wanctl/wanctl/pkg/cli/output"

// field is described at output.Field.
func field[T any](name string, value func(T) any) output.Column[T] { return output.Field(name, value) }
