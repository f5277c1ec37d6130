// Package rsc reads RouterOS's script language: the form in which routers
// export their configuration, what is typed at their console, and what their
// scripts are written in. It knows no commands: which words are menus and which
// parameters they take is the business of whoever runs what it has read
// (package eval).
package rsc

import "fmt"

// Pos is a place in a script; lines and columns count from 1, columns in bytes.
type Pos struct{ Line, Column int }

// Position lets nodes embed a Pos.
func (p Pos) Position() Pos { return p }

// Node is anything that has a value: *Literal, *String, *Variable, *Property,
// *Block, *Sub, *Array, *Unary or *Binary.
type Node interface{ Position() Pos }

// Block is a sequence of commands: a script, or what stands in braces.
type Block struct {
	Pos
	Commands []*Command
	Source   string // without the braces
}

// Command is one statement. Its first words lead into menus and name the
// command; that is sorted out when it runs.
type Command struct {
	Pos
	Words []Word // at least one
	Where Node   // the condition after "find" or "where"; nil without one
}

// Word is one word of a command. Key is empty but for key=value.
type Word struct {
	Pos
	Key   string
	Value Node
}

// Bare returns the text of a word without quotes, key or anything else.
func (w Word) Bare() (string, bool) {
	l, ok := w.Value.(*Literal)
	if !ok || w.Key != "" {
		return "", false
	}
	return l.Text, true
}

// The nodes of expressions.
type (
	// Literal is a word without quotes; its type follows from its looks.
	Literal struct {
		Pos
		Text string
	}
	// Text is a constant piece of a String.
	Text struct {
		Pos
		Text string
	}
	// String is what stands in double quotes.
	String struct {
		Pos
		Parts []Node
	}
	// Variable is $name.
	Variable struct {
		Pos
		Name string
	}
	// Property is the name of a property in a condition.
	Property struct {
		Pos
		Name string
	}
	// Sub is [commands]; its value is that of the last one.
	Sub struct {
		Pos
		Block *Block
	}
	// Array is {a;b} or {"k"=v}.
	Array struct {
		Pos
		Items []Item
	}
	// Unary is "!", "-" or "~" before X.
	Unary struct {
		Pos
		Op string
		X  Node
	}
	// Binary is X Op Y. "and" and "or" are written "&&" and "||" here.
	Binary struct {
		Pos
		Op   string
		X, Y Node
	}
)

// Item is one element of an Array; Key is nil without one.
type Item struct{ Key, Value Node }

// SyntaxError is a mistake in a script. Text is what a router says; Detail
// tells people more than routers do.
type SyntaxError struct {
	Pos
	Text   string
	Detail string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s (line %d column %d)", e.Text, e.Line, e.Column)
}
