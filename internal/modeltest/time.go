package modeltest

import (
	"slices"
	"time"

	"groupkit"
)

// Backwards is the time that much earlier, but not before the last end of
// anything: whether what had ended holds again depends on who looked meanwhile.
func (w *World) Backwards(d time.Duration) time.Time {
	to := w.Now.Add(-d)
	for _, end := range w.Ends() {
		if !end.After(w.Now) {
			to = later(to, end)
		}
	}
	return to
}

// Ends are the instants at which something ends or ended, in order.
func (w *World) Ends() []time.Time {
	var all []time.Time
	for _, g := range w.Live {
		for _, b := range g.Blocks {
			all = append(all, b.Until)
		}
		for _, mute := range g.Mutes {
			all = append(all, mute.Until)
		}
		for _, r := range g.Requests {
			all = append(all, r.Expires)
		}
		for _, i := range g.Invitations {
			all = append(all, i.Expires)
		}
	}
	all = slices.DeleteFunc(all, time.Time.IsZero)
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// after is the instant d from now; a part of a millisecond counts as a whole one.
func (w *World) after(d time.Duration) time.Time {
	if d == groupkit.Forever {
		return LastInstant
	}
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return earlier(time.UnixMilli(w.Now.UnixMilli()+int64(ms)).UTC(), LastInstant)
}

// expires is the instant ttl from now, or never.
func (w *World) expires(ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return w.after(ttl)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// LastInstant is when everything ends that was to last for good.
var LastInstant = time.UnixMilli(4638873600000).UTC()

// Holds says whether what ends at that instant (never, if zero) still holds.
func (w *World) Holds(end time.Time) bool { return end.IsZero() || w.Now.Before(end) }
