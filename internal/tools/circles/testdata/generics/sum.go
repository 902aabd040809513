package generics

func count[T any](items []T) int {
	var copied list[T]
	for _, item := range items {
		copied.add(item)
	}
	return len(copied.items)
}
