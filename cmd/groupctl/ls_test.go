package main

import "testing"

func TestLs(t *testing.T) {
	t.Parallel()
	everywhere(t, world(t), "ls", "ls --db groups.db")
}
