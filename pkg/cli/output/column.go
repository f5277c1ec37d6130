package output

// Text returns a left-aligned column whose values may hold text from outside.
func Text[T any](head string, value func(T) string) Column[T] {
	return Column[T]{Head: head, Text: func(v T) string { return Printable(value(v)) }}
}

// Number returns a right-aligned column.
func Number[T any](head string, value func(T) string) Column[T] {
	return Column[T]{Head: head, Right: true, Text: value}
}
