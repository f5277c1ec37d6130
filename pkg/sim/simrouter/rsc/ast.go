// Package rsc runs the part of RouterOS's script language that exports,
// wanctl's SSH client and the scripts of 'wanctl router export' are written in:
// commands of menus, find with conditions, [], $name, the operators
// and, or, !, =, !=, ~, . and ->, and the commands :put, :local, :if, :foreach, :do, :error,
// :len, :typeof and :tostr (:log is the menu /log). Every other word is a syntax
// error or a bad command name, as an unknown word is to a router.
//
// The package has no menus: they and their commands belong to a Host. Steps, output
// and nesting are bounded, so that a script cannot exhaust the process.
package rsc

import "fmt"

// Pos is a place in a script; lines and columns count from 1, columns in bytes.
type Pos struct{ Line, Column int }

// Position lets nodes embed a Pos.
func (p Pos) Position() Pos { return p }

// Node is an expression: *Literal, *String, *Variable, *Property, *Block, *Sub,
// *Array, *Unary or *Binary.
type Node interface{ Position() Pos }

// Block is a sequence of commands: a script, or the content of braces.
type Block struct {
	Pos
	Commands []*Command
}

// Command is one statement. Its first words lead into menus and name the
// command; they are resolved when it runs.
type Command struct {
	Pos
	Words []Word // at least one
	Where Node   // the condition after "find"; nil without one
}

// Word is one word of a command. Key is empty except for key=value.
type Word struct {
	Pos
	Key   string
	Value Node
}

// Bare returns the text of a word that has neither quotes nor a key.
func (w Word) Bare() (string, bool) {
	l, ok := w.Value.(*Literal)
	if !ok || w.Key != "" {
		return "", false
	}
	return l.Text, true
}

// The nodes of expressions.
type (
	// Literal is a word without quotes; its type follows from its form.
	Literal struct {
		Pos
		Text string
	}
	// Text is a constant piece of a String.
	Text struct {
		Pos
		Text string
	}
	// String is text in double quotes.
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
		Items []ArrayItem
	}
	// Unary is !X.
	Unary struct {
		Pos
		X Node
	}
	// Binary is X Op Y. "and" and "or" are written "&&" and "||" here.
	Binary struct {
		Pos
		Op   string
		X, Y Node
	}
)

// ArrayItem is one element of an Array; Key is nil without one.
type ArrayItem struct{ Key, Value Node }

// SyntaxError is a mistake in a script. Text is the router's wording; Detail
// is more specific, for people.
type SyntaxError struct {
	Pos
	Text   string
	Detail string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s (line %d column %d)", e.Text, e.Line, e.Column)
}
