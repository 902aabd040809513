package groupkit

import (
	"time"

	"groupkit/internal/record"
	"groupkit/internal/wordcache"
)

// A groupWord contains, in 64 bits, what MaySpeak needs to know about a group. The cache
// stores it.
type groupWord uint64

const (
	groupLive groupWord = 1 << iota
	groupPublic
	groupSilent                             // the whole group is muted
	groupKnown  groupWord = wordcache.Known // set in every word; 0 means that the word is not cached
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

// A standingWord contains, in 64 bits, what MaySpeak needs to know about a user in a group:
// the role; for a member, whether it is on the allow list, and the end of its mute; for an
// outsider, whether it is blocked, and the end of the block. The cache stores it.
//
// A word contains no answer, and no time but those ends. It is therefore valid until the
// standing changes; the expiry of a mute or a block does not make it wrong. The lowest bits
// are the stored number of the role.
type standingWord uint64

const (
	standingRole   standingWord = 1<<3 - 1
	standingListed standingWord = 1 << 3          // a member: on the allow list; an outsider: blocked
	standingTimed  standingWord = wordcache.Timed // the bits above contain an end
	standingKnown  standingWord = wordcache.Known // set in every word
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

// standingUntil returns the part of a word that contains an end; 0 if there is no end.
func standingUntil(end int64) standingWord {
	if end == 0 {
		return 0
	}
	return standingTimed | standingWord(end)<<wordcache.StateBits
}

func (w standingWord) role() Role { return Role(w & standingRole) }

func (w standingWord) until() int64 { return int64(w >> wordcache.StateBits) }

func (w standingWord) timed() bool { return w&standingTimed != 0 }

// decide is the rule of MaySpeak. It returns nil if the user is allowed to speak. Otherwise it
// returns the sentinel, and when the mute or the block ends if nothing changes; 0 if that is not
// known.
func decide(g groupWord, s standingWord, now int64) (until int64, reason error) {
	if g&groupLive == 0 {
		return 0, ErrGroupNotFound
	}
	if s.role() == RoleOutsider {
		switch {
		case s&standingListed != 0 && !s.timed():
			return 0, ErrBlacklisted
		case s&standingListed != 0 && now < s.until():
			return s.until(), ErrBlacklisted
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

// A refusal contains what an error of MaySpeak depends on, besides the group and the user.
type refusal struct {
	reason error
	until  int64
}

const refusalSize = 384 // bytes of a cached error with the longest IDs

// newSpeakCache makes the caches of MaySpeak, together up to size bytes: half for the words
// of standings, a quarter for the words of groups, and a quarter for errors. Words are kept for the
// staleness; 0 means for ever. It returns nil if the size is too small.
func newSpeakCache(size int, staleness time.Duration) (*wordcache.Cache, *wordcache.Memo[refusal, error]) {
	words := wordcache.New(size/4, size/2)
	if staleness > 0 {
		began := time.Now()
		words = wordcache.NewAging(size/4, size/2, staleness, func() time.Duration { return time.Since(began) + 1 })
	}
	if words == nil {
		return nil, nil
	}
	return words, wordcache.NewMemo[refusal, error](size / 4 / refusalSize)
}
