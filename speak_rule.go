package groupkit

import "groupkit/internal/record"

// A groupWord is what MaySpeak has to know of a group.
type groupWord uint64

const (
	groupLive groupWord = 1 << iota
	groupPublic
	groupSilent
	groupKnown groupWord = known // a word that is not known is zero
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

// A standingWord is what MaySpeak has to know of a user in a group: the role, whether
// the user is on the allow list, and for a member the end of the mute, for an outsider
// that of the block. It is not the answer, so that no expiry makes it wrong. Its lowest
// bits are the role.
type standingWord uint64

const (
	standingAllowed standingWord = 1 << 2
	standingBlocked standingWord = 1 << 3
	standingTimed   standingWord = timed
	standingKnown   standingWord = known
)

func wordOfStanding(st *record.Standing) standingWord {
	w := standingKnown | standingWord(st.Role)
	if st.Allow != nil {
		w |= standingAllowed
	}
	switch {
	case st.Member() && st.Mute != nil:
		w |= standingUntil(st.Mute.Until)
	case !st.Member() && st.Block != nil:
		w |= standingBlocked | standingUntil(st.Block.Until)
	}
	return w
}

// standingUntil is the part of a word that tells an end, if there is one.
func standingUntil(end int64) standingWord {
	if end == 0 {
		return 0
	}
	return standingTimed | standingWord(end)<<stateBits
}

func (w standingWord) role() Role { return Role(w & 3) }

func (w standingWord) until() int64 { return int64(w >> stateBits) }

func (w standingWord) timed() bool { return w&standingTimed != 0 }

// decide is the rule of MaySpeak: nil, or the sentinel and the first instant at which, as
// things stand, the user may speak; 0 if there is none.
func decide(g groupWord, s standingWord, now int64) (until int64, reason error) {
	if g&groupLive == 0 {
		return 0, ErrGroupNotFound
	}
	if s.role() == RoleOutsider {
		switch {
		case s&standingBlocked != 0 && (!s.timed() || now < s.until()):
			return 0, ErrBlacklisted
		case g&groupPublic == 0:
			return 0, ErrGroupNotFound
		}
		return 0, ErrNotMember
	}
	silent := g&groupSilent != 0 && s.role() < RoleAdmin && s&standingAllowed == 0
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
