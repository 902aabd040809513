package overlay

import (
	"bytes"

	"groupkit/store"
	"groupkit/store/internal/tree"
)

// Scan returns the pairs of r with the pending writes applied.
func (s *Space) Scan(r store.Range) ([]store.Pair, bool, error) {
	if s.over {
		return nil, false, errOver
	}
	m := s.merge(r)
	if s.base != nil && !m.wrote {
		return s.base.Scan(r)
	}
	m.rest, m.below = r, s.base != nil
	return m.page(r.PageSize())
}

// merge returns a merge of the pending writes in r with pairs of the base.
func (s *Space) merge(r store.Range) merge {
	m := merge{written: s.edit.Scan(r.From, r.To, r.Reverse), base: s.base, reverse: r.Reverse}
	m.write, m.wrote = m.written.Next()
	return m
}

// A merge iterates over the pending writes and the pairs of the base together.
type merge struct {
	written *tree.Cursor
	write   tree.Entry // the next pending write
	wrote   bool       // whether write is set

	base  store.Reader
	pairs []store.Pair // read from the base and not yet used
	rest  store.Range  // the rest of the range in the base
	below bool         // rest may contain pairs

	reverse bool
}

// page returns up to limit pairs and whether another one follows.
func (m *merge) page(limit int) (page []store.Pair, more bool, err error) {
	for {
		pair, ok, err := m.next(limit + 1 - len(page))
		if err != nil || !ok {
			return page, false, err
		}
		if len(page) == limit {
			return page, true, nil
		}
		page = append(page, pair)
	}
}

// next returns the next pair. want is the number of pairs that the caller still needs.
func (m *merge) next(want int) (store.Pair, bool, error) {
	for {
		if err := m.fill(want); err != nil {
			return store.Pair{}, false, err
		}
		if !m.wrote {
			return m.pop()
		}
		if len(m.pairs) > 0 {
			switch order := m.compare(m.pairs[0].Key, m.write.Key); {
			case order < 0:
				return m.pop()
			case order == 0:
				m.pairs = m.pairs[1:]
			}
		}
		e := m.write
		m.write, m.wrote = m.written.Next()
		if !e.Deleted {
			return store.Pair{Key: bytes.Clone(e.Key), Value: value(e)}, true, nil
		}
	}
}

// pop returns the next pair of the base.
func (m *merge) pop() (store.Pair, bool, error) {
	if len(m.pairs) == 0 {
		return store.Pair{}, false, nil
	}
	pair := m.pairs[0]
	m.pairs = m.pairs[1:]
	return pair, true, nil
}

// fill reads more pairs of the base if none are left.
func (m *merge) fill(want int) (err error) {
	if len(m.pairs) > 0 || !m.below {
		return nil
	}
	m.rest.Limit = want
	m.pairs, m.below, err = m.base.Scan(m.rest)
	if err != nil || !m.below {
		return err
	}
	m.rest = after(m.rest, m.pairs)
	return nil
}

func (m *merge) compare(a, b []byte) int {
	if m.reverse {
		a, b = b, a
	}
	return bytes.Compare(a, b)
}
