package app

import (
	"reflect"

	"github.com/spf13/cobra"
)

// Document is a value that a command prints with -o json: T itself or a list of T.
type Document struct {
	Command *cobra.Command
	Type    reflect.Type
}

// Prints declares that cmd prints values of type T, and returns cmd. The JSON schema is
// made of it. A command may print several.
func Prints[T any](a *App, cmd *cobra.Command) *cobra.Command {
	a.Documents = append(a.Documents, Document{cmd, reflect.TypeFor[T]()})
	return cmd
}
