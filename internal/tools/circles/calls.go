package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
)

// A function is a function or a method of the package. A variable of the package is one
// too: its first value may call functions, and it may hold some.
type function struct{ file, name string }

// A call says that a function calls another one, or refers to it, and in which line.
type call struct {
	from, to function
	line     int
}

// calls returns all calls of the package, in the order of the files and their lines.
func (p *pkg) calls() []call {
	var all []call
	for _, f := range p.files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				all = append(all, p.callsIn(d, p.function(p.info.Defs[d.Name]))...)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						all = append(all, p.callsIn(v, p.function(p.info.Defs[v.Names[0]]))...)
					}
				}
			}
		}
	}
	return all
}

func (p *pkg) callsIn(n ast.Node, from function) []call {
	var all []call
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if to, ok := p.callee(p.info.Uses[id]); ok {
				all = append(all, call{from, to, p.fset.Position(id.Pos()).Line})
			}
		}
		return true
	})
	return all
}

// callee returns the function of this package that an identifier stands for, if it stands
// for one. The methods of an interface are none: they have no body.
func (p *pkg) callee(used types.Object) (function, bool) {
	if used == nil || used.Pkg() != p.types {
		return function{}, false
	}
	switch used := used.(type) {
	case *types.Func:
		if recv := used.Signature().Recv(); recv == nil || !types.IsInterface(recv.Type()) {
			return p.function(used.Origin()), true
		}
	case *types.Var:
		if used.Kind() == types.PackageVar && holdsFunction(used.Type(), nil) {
			return p.function(used), true
		}
	}
	return function{}, false
}

// holdsFunction reports whether a value of the type is a function or has one in it. The
// types that led here are in outer: a type may contain itself.
func holdsFunction(t types.Type, outer []types.Type) bool {
	if slices.Contains(outer, t) {
		return false
	}
	outer = append(outer, t)
	switch t := t.Underlying().(type) {
	case *types.Signature:
		return true
	case *types.Struct:
		for field := range t.Fields() {
			if holdsFunction(field.Type(), outer) {
				return true
			}
		}
	case interface{ Elem() types.Type }: // an array, a slice, a map, a pointer, a channel
		return holdsFunction(t.Elem(), outer)
	}
	return false
}

// functions returns the functions and methods of the package.
func (p *pkg) functions() []function {
	var all []function
	for _, f := range p.files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				all = append(all, p.function(p.info.Defs[d.Name]))
			}
		}
	}
	return all
}

func (p *pkg) function(o types.Object) function {
	name := o.Name()
	if f, ok := o.(*types.Func); ok {
		name = receiver(f) + name
	}
	return function{p.file(o.Pos()), name}
}

// receiver is what stands before the name of a method: "Actor." for a method of Actor or
// of *Actor.
func receiver(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return ""
	}
	t := types.Unalias(recv.Type())
	if ptr, ok := t.(*types.Pointer); ok {
		t = types.Unalias(ptr.Elem())
	}
	return t.(*types.Named).Obj().Name() + "."
}

func (p *pkg) file(pos token.Pos) string { return filepath.Base(p.fset.Position(pos).Filename) }

// lines returns how many lines each file has.
func (p *pkg) lines() map[string]int {
	lines := make(map[string]int, len(p.files))
	for _, f := range p.files {
		lines[p.file(f.FileStart)] = p.fset.File(f.FileStart).LineCount()
	}
	return lines
}
