package groupkit

import (
	"bytes"
	"fmt"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
)

// file1 decodes the record of a file of format 1. Its version is not known yet.
func file1(group string, rest, value []byte) (record.File, error) {
	id, err := key.CutFile1(rest)
	if err != nil {
		return record.File{}, err
	}
	f, err := record.DecodeFile(value)
	if err == nil && f.ID != string(id[:]) {
		err = corrupt("file record has the ID of another file")
	}
	if err == nil {
		f.Content = content1(group, &f)
	}
	return f, err
}

// content1 returns the ID of the content of a file of format 1.
func content1(group string, f *record.File) string {
	return key.Content1(group, uuid.UUID([]byte(f.ID)))
}

// standing1 decodes the standing of a user. An outsider with nothing, or with a membership, is
// a damaged record.
func standing1(kind byte, rest, value []byte) (record.Standing, error) {
	st, err := record.DecodeStanding(value, kind == key.Members)
	if err == nil && kind == key.Outsiders && (!st.Marked() || st.Joined != 0) {
		err = corrupt("an outsider has the record of a member, or an empty one")
	}
	return st, requireForm(err, isUser1(rest))
}

// isUser1 reports whether the part of a key can be a user ID.
func isUser1(rest []byte) bool { return len(rest) > 0 && bytes.IndexByte(rest, 0) < 0 }

// checkOther1 checks a record of format 1 that is of no group and no user. Format 2 has it
// unchanged.
func checkOther1(k, value []byte) (err error) {
	rest, empty := k[1:], len(value) == 0
	switch k[0] {
	case key.FamilyCreation:
		if len(rest) == 0 || rest[0] > 1 {
			return key.ErrForm
		}
		_, _, err = key.CutPosition(rest[1:])
		return requireForm(err, empty)
	case key.FamilyDeletions:
		_, rest, err := key.CutGroupID(rest)
		return requireForm(err, len(rest) == 0 && empty)
	case key.FamilyOutcomes:
		_, err = record.DecodeOnce(value)
		return requireForm(err, bytes.IndexByte(rest, 0) >= 0)
	case key.FamilyOutcomeExpiries:
		_, err = key.CutOnceExpiry(k)
		return requireForm(err, empty)
	case key.FamilyGroupCount:
		_, err = record.DecodeCount(value)
		return requireForm(err, len(rest) == 0)
	case key.FamilyUploads:
		if _, err = key.CutContent(string(rest)); err == nil {
			_, err = record.DecodeUpload(value)
		}
		return err
	}
	return key.ErrForm
}

// requireForm returns err, or key.ErrForm if the rest of the record has another form.
func requireForm(err error, ok bool) error {
	if err == nil && !ok {
		return key.ErrForm
	}
	return err
}

// damaged names the old record that cannot be converted.
func damaged(k []byte, err error) error {
	group, user, what := recordOf(key.FromFormat1(k))
	if user != "" {
		what += fmt.Sprintf(" of user %q", user)
	}
	if group != "" {
		what += fmt.Sprintf(" in group %q", group)
	}
	return fmt.Errorf("%s (key %x): %w", what, k, err)
}
