package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A pkg is a package with the types of its production files.
type pkg struct {
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// A listed is what go list says about a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// load reads the one package that the pattern names. Its imports come from the export data
// that the compiler has written for them.
func load(pattern string) (*pkg, error) {
	all, err := list(pattern)
	if err != nil {
		return nil, err
	}
	var target *listed
	exports := make(map[string]string, len(all))
	for i, l := range all {
		exports[l.ImportPath] = l.Export
		if l.DepOnly {
			continue
		}
		if target != nil {
			return nil, fmt.Errorf("%s names more than one package", pattern)
		}
		target = &all[i]
	}
	if target == nil {
		return nil, fmt.Errorf("%s names no package", pattern)
	}
	return check(target, exports)
}

func list(pattern string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly", "--", pattern)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, l)
	}
}

func check(target *listed, exports map[string]string) (*pkg, error) {
	p := &pkg{fset: token.NewFileSet(), info: &types.Info{
		Defs: make(map[*ast.Ident]types.Object),
		Uses: make(map[*ast.Ident]types.Object),
	}}
	for _, name := range target.GoFiles {
		f, err := parser.ParseFile(p.fset, filepath.Join(target.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(p.fset, "gc", open)}
	var err error
	p.types, err = conf.Check(target.ImportPath, p.fset, p.files, p.info)
	return p, err
}
