package main

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"groupkit"
)

// An app is the application that groupkit and its rivals serve: the same groups, the
// same users, the same memberships, all of them computed and none drawn by lot.
type app struct {
	memberships int
	ids         []uuid.UUID // of the groups
	text        string      // the ids of all groups and then of all users, without anything between them
	members     int         // users who are in groups from the beginning; after them come newcomers, and one traveller
}

const (
	groupSize = 100
	inEach    = 20      // groups that a user is in
	newcomers = 200_000 // users who are in no group yet
	travels   = 500     // groups that the traveller is in
	stride    = 48271   // scatters the users over the groups
	roomy     = 1 << 20 // MaxUsers of every group
	began     = 1_700_000_000_000
)

// newApp is an application of so many memberships, in groups of a hundred.
func newApp(memberships int) *app {
	groups := max(memberships/groupSize, 1)
	a := &app{memberships: groups * groupSize, members: max(groups*groupSize/inEach, groupSize)}
	var text strings.Builder
	for i := range groups + lobbies {
		id := groupUUID(i)
		a.ids = append(a.ids, id)
		text.WriteString(id.String())
	}
	for i := range a.people() {
		fmt.Fprintf(&text, "user-%07d", i)
	}
	a.text = text.String()
	return a
}

const groupLen, userLen = 36, 12

// group is the id of a group. It costs no look into memory to find out where it stands:
// the ids of a message that has just come in are at hand.
func (a *app) group(i int) groupkit.GroupID {
	return groupkit.GroupID(a.text[i*groupLen:][:groupLen])
}

// user is the id of a user.
func (a *app) user(i int) groupkit.UserID {
	return groupkit.UserID(a.text[len(a.ids)*groupLen+i*userLen:][:userLen])
}

func (a *app) people() int { return a.members + newcomers + 1 }

// lobbies are groups behind the others that hold their owner alone at first: whoever
// joins in a group of its own joins there.
const lobbies = 64

// groupUUID is a UUID of version 7, whose order is that of creation.
func groupUUID(i int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], (began+uint64(i))<<16)
	binary.BigEndian.PutUint64(id[8:], uint64(i)*0x9e3779b97f4a7c15)
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// full is the number of groups that have a hundred members.
func (a *app) full() int { return len(a.ids) - lobbies }

// lobby is the group in which a caller joins alone.
func (a *app) lobby(caller int) int { return a.full() + caller%lobbies }

// size is the number of members that a group has from the beginning.
func (a *app) size(group int) int {
	if group >= a.full() {
		return 1
	}
	return groupSize
}

// member is the j-th member of a group; the first is the owner.
func (a *app) member(group, j int) int {
	if j == travellerPlace && group < travels {
		return a.traveller()
	}
	return (group*groupSize + j) * stride % a.members
}

const (
	mutedPlace     = 7 // this one is muted in every group
	travellerPlace = 50
)

func (a *app) traveller() int { return a.people() - 1 }

// newcomer is the k-th user to join a group that did not hold it.
func (a *app) newcomer(group, k int) int {
	return a.members + (group*977+k)%newcomers*stride%newcomers
}

// visitor is the k-th user of other groups to join a full group. See visits.
func (a *app) visitor(group, k int) int {
	return ((group+1)*groupSize + k) * stride % a.members
}

// visits is how many visitors a group has: all who are in groups, without its members.
func (a *app) visits() int { return a.members - groupSize }

// quiet reports whether the whole group is muted.
func (a *app) quiet(group int) bool { return group%20 == 19 && group < a.full() }

// maySpeak is what everyone has to answer about the j-th member of a group.
func (a *app) maySpeak(group, j int) bool {
	return j != mutedPlace && (j == 0 || !a.quiet(group))
}

// A pick is a membership to ask about.
type pick struct{ group, user int32 }

// picks are the memberships of users who can speak, or of users who cannot.
func (a *app) picks(may bool) (picks []pick) {
	for group := range a.full() {
		for j := range groupSize {
			if a.maySpeak(group, j) == may {
				picks = append(picks, pick{int32(group), int32(a.member(group, j))})
			}
		}
	}
	shuffle(picks)
	return picks
}

func (a *app) name(group int) string { return fmt.Sprintf("Group %06d", group) }

func (a *app) description(group int) string {
	return fmt.Sprintf("where the people of number %06d meet", group)
}

func (a *app) avatar(group int) string {
	return fmt.Sprintf("avatars/%06d.png", group)
}
