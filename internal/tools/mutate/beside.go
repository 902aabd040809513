package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// variable is the environment variable that contains the number of the mutation in force.
const variable = "GROUPKIT_MUTATION"

// selector returns the source of the file that each mutated package gets in addition.
func selector(pkg string) string {
	return fmt.Sprintf(`package %s

import "os"

var mutation__ = os.Getenv(%q)

func mutated__[T any](original T, number string, changed T) T {
	if mutation__ == number {
		return changed
	}
	return original
}
`, pkg, variable)
}

// A source is one file, and what is inserted into it so that its mutations stand beside the
// original code.
type source struct {
	text    string
	file    *ast.File
	inserts []insert
}

// An insert is a text that is inserted before the byte at the offset.
type insert struct {
	at   int
	text string
}

func parseSource(text string) (*source, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	return &source{text: text, file: file}, err
}

// of returns the text of a node. The file is the only one of its set, so positions begin at 1.
func (s *source) of(n ast.Node) string { return s.text[n.Pos()-1 : n.End()-1] }

// add puts a changed version of the file beside the original. It returns false if that is
// not possible: the version differs elsewhere than in one function, or in the composite
// literal of one variable.
func (s *source) add(number string, changed *source) bool {
	if len(s.file.Decls) != len(changed.file.Decls) {
		return false
	}
	for i, d := range s.file.Decls {
		if s.of(d) == changed.of(changed.file.Decls[i]) {
			continue
		}
		switch d := d.(type) {
		case *ast.FuncDecl:
			other, ok := changed.file.Decls[i].(*ast.FuncDecl)
			return ok && s.addFunc(number, d, changed, other)
		case *ast.GenDecl:
			other, ok := changed.file.Decls[i].(*ast.GenDecl)
			return ok && d.Tok == token.VAR && s.addVar(number, d, changed, other)
		}
	}
	return false
}

// addFunc appends the changed function under a new name and makes the original call it.
func (s *source) addFunc(number string, d *ast.FuncDecl, changed *source, other *ast.FuncDecl) bool {
	if d.Name.Name != other.Name.Name || s.of(d.Type) != changed.of(other.Type) {
		return false
	}
	args, ok := arguments(d.Type)
	if !ok {
		return false
	}
	name := d.Name.Name + "__" + number
	call := name + "(" + args + ")"
	if d.Recv != nil {
		if len(d.Recv.List[0].Names) == 0 {
			return false
		}
		call = d.Recv.List[0].Names[0].Name + "." + call
	}
	if d.Type.Results != nil {
		call = "return " + call
	} else {
		call += "; return"
	}
	s.inserts = append(s.inserts, insert{int(d.Body.Lbrace), fmt.Sprintf(" if mutation__ == %q { %s }; ", number, call)})
	text, at := changed.of(other), other.Name.Pos()-other.Pos()
	s.inserts = append(s.inserts, insert{len(s.text), "\n" + text[:at] + name + text[int(at)+len(d.Name.Name):] + "\n"})
	return true
}

// arguments returns the parameters of a function as the arguments of a call. It returns
// false if one of them has no name.
func arguments(f *ast.FuncType) (string, bool) {
	var args []string
	for _, p := range f.Params.List {
		if len(p.Names) == 0 {
			return "", false
		}
		for _, n := range p.Names {
			if n.Name == "_" {
				return "", false
			}
			arg := n.Name
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				arg += "..."
			}
			args = append(args, arg)
		}
	}
	return strings.Join(args, ", "), true
}

// addVar makes the value of a variable depend on the mutation. Both values are evaluated, so
// only composite literals are allowed.
func (s *source) addVar(number string, d *ast.GenDecl, changed *source, other *ast.GenDecl) bool {
	if len(d.Specs) != len(other.Specs) {
		return false
	}
	for i := range d.Specs {
		a, b := d.Specs[i].(*ast.ValueSpec), other.Specs[i].(*ast.ValueSpec)
		if s.of(a) == changed.of(b) {
			continue
		}
		if len(a.Names) != 1 || len(a.Values) != 1 || len(b.Values) != 1 || !isLiteral(a.Values[0]) || !isLiteral(b.Values[0]) {
			return false
		}
		s.inserts = append(s.inserts,
			insert{int(a.Values[0].Pos()) - 1, "mutated__("},
			insert{int(a.Values[0].End()) - 1, fmt.Sprintf(", %q, %s)", number, changed.of(b.Values[0]))})
		return true
	}
	return false
}

func isLiteral(x ast.Expr) bool {
	if address, ok := x.(*ast.UnaryExpr); ok && address.Op == token.AND {
		x = address.X
	}
	_, ok := x.(*ast.CompositeLit)
	return ok
}

// result returns the source with all inserts.
func (s *source) result() string {
	slices.SortStableFunc(s.inserts, func(a, b insert) int { return cmp.Compare(a.at, b.at) })
	var out strings.Builder
	at := 0
	for _, x := range s.inserts {
		out.WriteString(s.text[at:x.at])
		out.WriteString(x.text)
		at = x.at
	}
	out.WriteString(s.text[at:])
	return out.String()
}

// beside puts the mutations into their files, side by side, and returns the new contents by
// file name. Those that need a build of their own are returned in alone.
func beside(all []*mutation, number map[*mutation]string) (files map[string]string, alone []*mutation, err error) {
	files = make(map[string]string)
	sources := make(map[string]*source)
	for _, m := range all {
		s, err := m.read(sources)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.name, err)
		}
		changed, err := parseSource(m.changed)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: it does not compile: %w", m.name, err)
		}
		if !s.add(number[m], changed) {
			alone = append(alone, m)
		}
	}
	for name, s := range sources {
		files[name] = s.result()
		files[filepath.Join(filepath.Dir(name), "mutation__.go")] = selector(s.file.Name.Name)
	}
	return files, alone, nil
}
