package values

func subtract(u *unit, n int) { u.sum -= n }

func verb(u *unit) {
	rule := (*unit).add
	rule(u, 1)
}
