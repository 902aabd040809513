// Package generics has a circle through a generic function and a method of a generic type.
package generics

type list[T any] struct{ items []T }

func (l *list[T]) add(item T) { l.items = append(l.items, item) }

func length(l *list[string]) int { return count(l.items) }
