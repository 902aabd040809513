package groupkit_test

import (
	"slices"
	"time"
)

// backwards is the time that much earlier, but not before the last end of
// anything: whether what had ended holds again depends on who looked meanwhile.
func (w *world) backwards(d time.Duration) time.Time {
	to := w.now.Add(-d)
	for _, end := range w.ends() {
		if !end.After(w.now) {
			to = later(to, end)
		}
	}
	return to
}

// ends are the instants at which something ends or ended, in order.
func (w *world) ends() []time.Time {
	var all []time.Time
	for _, g := range w.groups {
		for _, b := range g.blocks {
			all = append(all, b.Until)
		}
		for _, mute := range g.mutes {
			all = append(all, mute.Until)
		}
		for _, r := range g.requests {
			all = append(all, r.Expires)
		}
		for _, i := range g.invitations {
			all = append(all, i.Expires)
		}
	}
	all = slices.DeleteFunc(all, time.Time.IsZero)
	slices.SortFunc(all, time.Time.Compare)
	return all
}
