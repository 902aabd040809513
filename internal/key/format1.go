package key

import (
	"bytes"

	"github.com/google/uuid"
)

// The keys of format 1 differ from those of this package in three things: their families are
// lower-case letters, requests and invitations are in the order of the users, and files are in
// the order of their IDs.

// FirstOfFormat1 and EndOfFormat1 are the bounds of all keys of format 1 except the number of
// the format.
func FirstOfFormat1() []byte { return []byte{'a'} }

// EndOfFormat1 is the exclusive bound of the keys of format 1.
func EndOfFormat1() []byte { return []byte{'z' + 1} }

// Group1 returns the prefix of one kind of record of a group in format 1.
func Group1(group string, kind byte) []byte {
	k := Of(group, kind)
	k[0] = 'g'
	return k
}

// FromFormat1 returns the key with the family of this format.
func FromFormat1(k []byte) []byte {
	k = bytes.Clone(k)
	k[0] -= 'a' - 'A'
	if k[0] == FamilyOutcomeExpiries && len(k) > 9 && k[9] == 'i' {
		k[9] = FamilyOutcomes
	}
	return k
}

// CutFile1 returns the file in the part of the key of a shared file of format 1 after its kind.
func CutFile1(rest []byte) (uuid.UUID, error) {
	id, err := uuid.FromBytes(rest)
	if err != nil {
		return id, ErrForm
	}
	return id, nil
}
