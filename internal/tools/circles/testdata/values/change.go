// Package values has a circle through functions that are referred to and not called.
package values

type unit struct{ sum int }

func (u *unit) change(rule func(*unit, int), n int) { rule(u, n) }

func (u *unit) undo(n int) { u.change(subtract, n) }

func (u *unit) add(n int) { u.sum += n }
