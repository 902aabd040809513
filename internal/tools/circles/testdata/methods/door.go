// Package methods has a circle through methods, one of them promoted from an embedded field.
package methods

type door struct{ opened int }

func (d *door) open() {
	d.opened++
	house{d}.ring()
}

func (d door) isOpen() bool { return d.opened > 0 }
