package groupkit

import (
	"groupkit/internal/record"
	"groupkit/internal/wordcache"
)

// A groupWord is what MaySpeak has to know of a group.
type groupWord uint64

const (
	groupLive groupWord = 1 << iota
	groupPublic
	groupSilent
	groupKnown groupWord = wordcache.Known // a word that is not known is zero
)

func wordOfGroup(exists bool, h *record.Header) groupWord {
	w := groupKnown
	if !exists || h.State != record.Live {
		return w
	}
	w |= groupLive
	if h.Public {
		w |= groupPublic
	}
	if h.Muted {
		w |= groupSilent
	}
	return w
}

// A standingWord is what MaySpeak has to know of a user in a group: the role; for a
// member whether it is on the allow list, and the end of its mute; for an outsider whether
// it is blocked, and the end of that. It is not the answer, so that no expiry makes it
// wrong. Its lowest bits are the stored number of the role.
type standingWord uint64

const (
	standingRole   standingWord = 1<<3 - 1
	standingListed standingWord = 1 << 3 // a member: on the allow list; an outsider: blocked
	standingTimed  standingWord = wordcache.Timed
	standingKnown  standingWord = wordcache.Known
)

func wordOfStanding(st *record.Standing) standingWord {
	w, listed, ends := standingKnown|standingWord(st.Role), st.Allow, st.Mute
	if !st.Member() {
		listed, ends = st.Block, st.Block
	}
	if listed != nil {
		w |= standingListed
	}
	if ends != nil {
		w |= standingUntil(ends.Until)
	}
	return w
}

// standingUntil is the part of a word that tells an end, if there is one.
func standingUntil(end int64) standingWord {
	if end == 0 {
		return 0
	}
	return standingTimed | standingWord(end)<<wordcache.StateBits
}

func (w standingWord) role() Role { return Role(w & standingRole) }

func (w standingWord) until() int64 { return int64(w >> wordcache.StateBits) }

func (w standingWord) timed() bool { return w&standingTimed != 0 }

// decide is the rule of MaySpeak: nil, or the sentinel and the first instant at which, as
// things stand, the user may speak; 0 if there is none.
func decide(g groupWord, s standingWord, now int64) (until int64, reason error) {
	if g&groupLive == 0 {
		return 0, ErrGroupNotFound
	}
	if s.role() == RoleOutsider {
		switch {
		case s&standingListed != 0 && (!s.timed() || now < s.until()):
			return 0, ErrBlacklisted
		case g&groupPublic == 0:
			return 0, ErrGroupNotFound
		}
		return 0, ErrNotMember
	}
	silent := g&groupSilent != 0 && s.role().rank() < RoleAdmin.rank() && s&standingListed == 0
	switch muted := s.timed() && now < s.until(); {
	case muted && silent:
		return 0, ErrMuted
	case muted:
		return s.until(), ErrMuted
	case silent:
		return 0, ErrGroupMuted
	}
	return 0, nil
}

// A refusal is what the error of MaySpeak follows from, besides the group and the user.
type refusal struct {
	reason error
	until  int64
}

const refusalSize = 384 // bytes that a kept refusal takes at most, with the longest ids

// newSpeakCache makes the memory that MaySpeak answers from, of up to size bytes: half of
// them for the words of standings, a quarter each for those of groups and for refusals. It
// makes nothing if there is room for nothing.
func newSpeakCache(size int) (*wordcache.Cache, *wordcache.Memo[refusal, error]) {
	words := wordcache.New(size/4, size/2)
	if words == nil {
		return nil, nil
	}
	return words, wordcache.NewMemo[refusal, error](size / 4 / refusalSize)
}
