package main

import "slices"

// circles returns the sets of files that call one another in a circle: the strongly
// connected components of the graph with more than one file, by Tarjan's algorithm.
func circles(calls []call) [][]string {
	t := tarjan{next: make(map[string][]string), index: make(map[string]int), low: make(map[string]int), onStack: make(map[string]bool)}
	for _, c := range calls {
		t.next[c.from.file] = append(t.next[c.from.file], c.to.file)
	}
	for _, c := range calls {
		if t.index[c.from.file] == 0 {
			t.visit(c.from.file)
		}
	}
	slices.SortFunc(t.found, slices.Compare)
	return t.found
}

type tarjan struct {
	next    map[string][]string
	index   map[string]int // when a file was visited, from 1; 0 is not yet
	low     map[string]int // the earliest file on the stack that it leads to
	stack   []string
	onStack map[string]bool
	found   [][]string
}

func (t *tarjan) visit(file string) {
	t.index[file] = len(t.index) + 1
	t.low[file] = t.index[file]
	t.stack = append(t.stack, file)
	t.onStack[file] = true
	for _, next := range t.next[file] {
		if t.index[next] == 0 {
			t.visit(next)
			t.low[file] = min(t.low[file], t.low[next])
		} else if t.onStack[next] {
			t.low[file] = min(t.low[file], t.index[next])
		}
	}
	if t.low[file] == t.index[file] {
		t.pop(file)
	}
}

// pop takes the component that begins with the file from the stack.
func (t *tarjan) pop(file string) {
	at := slices.Index(t.stack, file)
	component := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, f := range component {
		t.onStack[f] = false
	}
	if len(component) > 1 {
		slices.Sort(component)
		t.found = append(t.found, component)
	}
}

// A step of a walk enters a file for the first time, by a call. The first step has no caller.
type step struct{ caller, callee function }

// walk follows the calls from a function, nearest first, and returns each file that it
// enters, in the order of entry.
func walk(calls []call, from function) []step {
	callees := make(map[function][]function)
	for _, c := range calls {
		callees[c.from] = append(callees[c.from], c.to)
	}
	steps := []step{{callee: from}}
	entered := map[string]bool{from.file: true}
	seen := map[function]bool{from: true}
	for queue := []function{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range callees[queue[0]] {
			if seen[to] {
				continue
			}
			seen[to] = true
			queue = append(queue, to)
			if !entered[to.file] {
				entered[to.file] = true
				steps = append(steps, step{queue[0], to})
			}
		}
	}
	return steps
}
