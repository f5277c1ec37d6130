package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const lawPackage = "github.com/wanctl/wanctl/pkg/autorate"

// number is a constant of the law.
type number struct {
	name  string
	value constant.Value
	time  bool   // value is a time.Duration
	ratio string // as it is written, where it is a fraction like 1/16
	about string // its comment
}

// numberGroup is a block of constants that belong together.
type numberGroup struct {
	about   string
	numbers []number
}

// sourceDir returns the directory of a package. A program built with -trimpath does
// not know by itself where the standard library is, which the type checker reads.
func sourceDir(path string) (string, error) {
	if build.Default.GOROOT == "" {
		root, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return "", fmt.Errorf("finding the standard library: %w", err)
		}
		build.Default.GOROOT = strings.TrimSpace(string(root))
	}
	pkg, err := build.Import(path, ".", build.FindOnly)
	if err != nil {
		return "", err
	}
	return pkg.Dir, nil
}

// lawNumbers reads the constants of the law from its source.
func lawNumbers() ([]numberGroup, error) {
	dir, err := sourceDir(lawPackage)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(dir, "constants.go"), nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	cfg := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := cfg.Check(lawPackage, set, []*ast.File{file}, &info); err != nil {
		return nil, err
	}
	var groups []numberGroup
	for _, decl := range file.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		g := numberGroup{about: strings.TrimSpace(block.Doc.Text())}
		for _, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			c := info.Defs[v.Names[0]].(*types.Const)
			n := number{name: c.Name(), value: c.Val(), time: strings.HasSuffix(c.Type().String(), "time.Duration"), about: strings.TrimSpace(v.Comment.Text())}
			if q, ok := v.Values[0].(*ast.BinaryExpr); ok && q.Op == token.QUO {
				n.ratio = strings.TrimSuffix(q.X.(*ast.BasicLit).Value, ".") + "/" + q.Y.(*ast.BasicLit).Value
			}
			g.numbers = append(g.numbers, n)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// String is the number as text quotes it: times in their usual units.
func (n number) String() string {
	f, _ := constant.Float64Val(constant.ToFloat(n.value))
	switch d := time.Duration(f); {
	case n.ratio != "":
		return n.ratio
	case !n.time:
		return fmt.Sprintf("%.12g", f)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Second:
		return fmt.Sprintf("%g s", d.Seconds())
	default:
		return fmt.Sprintf("%g ms", float64(d)/1e6)
	}
}

// percent is a share as text quotes it.
func (n number) percent() string {
	f, _ := constant.Float64Val(constant.ToFloat(n.value))
	return fmt.Sprintf("%.6g %%", 100*f)
}

// fillNumbers quotes the numbers of the law in its page.
func fillNumbers(page string) (string, error) {
	groups, err := lawNumbers()
	if err != nil {
		return "", err
	}
	return quoteNumbers(page, groups)
}

var quoted = regexp.MustCompile(`\{([A-Za-z]+)(%?)\}`)

// quoteNumbers replaces {name} and {name%} in page by the constants of the law, and
// {numbers} by a table of all.
func quoteNumbers(page string, groups []numberGroup) (string, error) {
	byName := map[string]number{}
	var table strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&table, "%s\n\n", g.about)
		for _, n := range g.numbers {
			byName[n.name] = n
			fmt.Fprintf(&table, "    %-16s %-8v %s\n", n.name, n, n.about)
		}
		fmt.Fprintln(&table)
	}
	var err error
	page = quoted.ReplaceAllStringFunc(page, func(q string) string {
		m := quoted.FindStringSubmatch(q)
		n, ok := byName[m[1]]
		switch {
		case m[1] == "numbers":
			return strings.TrimSpace(table.String())
		case !ok:
			err = fmt.Errorf("law.md quotes %s, which is no constant of the law", q)
		case m[2] != "":
			return n.percent()
		}
		return n.String()
	})
	return page, err
}
