package output

import "fmt"

// Field is a column of CSV: the same name and value as in JSON.
func Field[T any](name string, value func(T) any) Column[T] {
	return Column[T]{Name: name, Text: func(v T) string { return fmt.Sprint(value(v)) }}
}

// Text is a column for people with text from outside in it.
func Text[T any](head string, value func(T) string) Column[T] {
	return Column[T]{Head: head, Text: func(v T) string { return Printable(value(v)) }}
}

// Number is a column for people that is aligned right.
func Number[T any](head string, value func(T) string) Column[T] {
	return Column[T]{Head: head, Right: true, Text: value}
}
