package groupkit

import (
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// hasPending reports whether a group has requests or invitations, expired ones included.
func hasPending(h *record.Header) bool { return h.Requests > 0 || h.Invitations > 0 }

// dropExpired subtracts those that have expired, but are still stored, from the counts of a group.
func dropExpired(r store.Reader, g *Group, now int64) error {
	for _, rng := range expiredIn(g, now) {
		count := &g.RequestCount
		if rng.From[len(rng.From)-1] == key.Invitations {
			count = &g.InvitationCount
		}
		err := scanAll(r, rng, func(page []store.Pair) error {
			*count -= len(page)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expiredIn returns the ranges of the expired entries of those of the two lists that have entries.
func expiredIn(g *Group, now int64) (ranges []store.Range) {
	group := string(g.ID)
	for _, l := range [2]struct {
		count int
		list  byte
	}{{g.RequestCount, key.Requests}, {g.InvitationCount, key.Invitations}} {
		if l.count > 0 {
			ranges = append(ranges, store.Range{From: key.ExpiringIn(group, l.list), To: key.ExpiringBefore(group, l.list, now+1)})
		}
	}
	return ranges
}
