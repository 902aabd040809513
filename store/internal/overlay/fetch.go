package overlay

import (
	"groupkit/store"
)

// Fetch returns the values of keys and the pages of ranges, with the pending writes applied. It
// asks the base for all that it needs at once.
func (s *Space) Fetch(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	if s.over {
		return nil, nil, errOver
	}
	if s.base != nil && s.edit.Empty() {
		return store.Fetch(s.base, keys, ranges)
	}
	values, missing, places, err := s.split(keys)
	if err != nil {
		return nil, nil, err
	}
	found, below, err := s.fetchBase(missing, ranges)
	if err != nil {
		return nil, nil, err
	}
	for i, place := range places {
		values[place] = found[i]
	}
	pages := make([]store.Page, len(ranges))
	for i, r := range ranges {
		m := s.merge(r)
		m.pairs, m.below, m.rest = below[i].Pairs, below[i].More, after(r, below[i].Pairs)
		if pages[i].Pairs, pages[i].More, err = m.page(r.PageSize()); err != nil {
			return nil, nil, err
		}
	}
	return values, pages, nil
}

// fetchBase reads from the base. Each page has one pair more than the range asks for: so it is
// known whether there are more, if no pair is deleted.
func (s *Space) fetchBase(keys [][]byte, ranges []store.Range) ([][]byte, []store.Page, error) {
	if s.base == nil || len(keys)+len(ranges) == 0 {
		return nil, make([]store.Page, len(ranges)), nil
	}
	longer := make([]store.Range, len(ranges))
	for i, r := range ranges {
		longer[i] = r
		longer[i].Limit = r.PageSize() + 1
	}
	return store.Fetch(s.base, keys, longer)
}

// after returns the rest of r after the pairs.
func after(r store.Range, pairs []store.Pair) store.Range {
	if len(pairs) == 0 {
		return r
	}
	last := pairs[len(pairs)-1].Key
	if r.Reverse {
		r.To = last
	} else {
		r.From = append(append(make([]byte, 0, len(last)+1), last...), 0)
	}
	return r
}
