package key

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"github.com/google/uuid"
)

// Creation returns the prefix of the public or of the private groups in creation order.
func Creation(public bool) []byte {
	if public {
		return []byte{FamilyCreation, 1}
	}
	return []byte{FamilyCreation, 0}
}

// Position returns the position of a group in creation order.
func Position(created int64, group string) []byte {
	return AppendGroupID(binary.BigEndian.AppendUint64(nil, uint64(created)), group)
}

// CutPosition splits a position.
func CutPosition(p []byte) (created int64, group string, err error) {
	if len(p) < 8 {
		return 0, "", ErrForm
	}
	group, rest, err := CutGroupID(p[8:])
	if err != nil || len(rest) != 0 {
		return 0, "", ErrForm
	}
	return int64(binary.BigEndian.Uint64(p)), group, nil
}

// Created returns the key of the group in creation order.
func Created(public bool, created int64, group string) []byte {
	return append(Creation(public), Position(created, group)...)
}

// Deletions returns the prefix of all deletions in progress.
func Deletions() []byte { return []byte{FamilyDeletions} }

// Deletion returns the key of the deletion of the group while it is in progress.
func Deletion(group string) []byte {
	return AppendGroupID([]byte{FamilyDeletions}, group)
}

// Loads returns the prefix of all groups that are being loaded.
func Loads() []byte { return []byte{FamilyLoads} }

// Load returns the key of the lease of whoever loads the group.
func Load(group string) []byte {
	return AppendGroupID([]byte{FamilyLoads}, group)
}

// Renames returns the prefix of all pseudonyms that are being written.
func Renames() []byte { return []byte{FamilyRenames} }

// Rename returns the key of the pseudonym that is being written into the group.
func Rename(group string) []byte {
	return AppendGroupID([]byte{FamilyRenames}, group)
}

// Expiries returns the prefix of all entries that expire.
func Expiries() []byte { return []byte{FamilyExpiries} }

// ExpiriesBefore returns the end of the range of entries that expire before the time.
func ExpiriesBefore(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{FamilyExpiries}, uint64(at))
}

// Expiry returns the key of an entry that expires. fact is the kind of its index.
func Expiry(at int64, group string, fact byte, user string) []byte {
	b := append(make([]byte, 0, 1+8+idLen(group)+1+len(user)), FamilyExpiries)
	b = AppendGroupID(binary.BigEndian.AppendUint64(b, uint64(at)), group)
	return append(append(b, fact), user...)
}

// CutExpiry splits the key of an entry that expires.
func CutExpiry(k []byte) (at int64, group string, fact byte, user string, err error) {
	if len(k) < 9 || k[0] != FamilyExpiries {
		return 0, "", 0, "", ErrForm
	}
	group, rest, err := CutGroupID(k[9:])
	if err != nil || len(rest) < 2 {
		return 0, "", 0, "", ErrForm
	}
	return int64(binary.BigEndian.Uint64(k[1:])), group, rest[0], string(rest[1:]), nil
}

// Uploads returns the prefix of all uploads in progress.
func Uploads() []byte { return []byte{FamilyUploads} }

// Upload returns the key of the upload of the content while it is in progress.
func Upload(content string) []byte {
	return append([]byte{FamilyUploads}, content...)
}

// Hold returns the key of the record that contents are held: none is removed while it is there. It lies among
// the uploads, and has no ID of a content.
func Hold(id uuid.UUID) []byte { return append(Holds(), id.String()...) }

// Holds returns the prefix of the records that contents are held.
func Holds() []byte { return Upload("hold-") }

// IsHold reports whether a key of an upload is that of a hold.
func IsHold(k []byte) bool {
	id, ok := bytes.CutPrefix(k, Holds())
	_, valid := parseUUID(string(id))
	return ok && valid
}

// ToGo returns the key of the record that a content must be removed.
func ToGo(content string) []byte {
	return append([]byte{FamilyToGo}, content...)
}

// AllToGo returns the prefix of the records of contents that must be removed.
func AllToGo() []byte { return []byte{FamilyToGo} }

// Content returns the ID of the content of a shared file.
func Content(file uuid.UUID) string { return file.String() }

// Content1 returns the ID that the content of a shared file has if it was uploaded with
// format 1. It includes the group.
func Content1(group string, file uuid.UUID) string {
	return hex.EncodeToString(AppendGroupID(nil, group)) + "-" + file.String()
}

// CutContent returns the file in the ID of a content of either form.
func CutContent(id string) (file uuid.UUID, err error) {
	if at := len(id) - uuidLen - 1; at > 0 && id[at] == '-' {
		raw, err := hex.DecodeString(id[:at])
		if err != nil || hex.EncodeToString(raw) != id[:at] {
			return file, ErrForm
		}
		if _, rest, err := CutGroupID(raw); err != nil || len(rest) != 0 {
			return file, ErrForm
		}
		id = id[at+1:]
	}
	file, ok := parseUUID(id)
	if !ok {
		return file, ErrForm
	}
	return file, nil
}

// FileIndex returns the key of the place of a shared file: the group and the version with
// which it was added.
func FileIndex(id uuid.UUID) []byte { return append([]byte{FamilyFiles}, id[:]...) }

// Point returns the value of a key of FileIndex or Commit: a group and a version of it. A Commit
// with version 0 is a group that was loaded.
func Point(group string, version uint64) []byte {
	return AppendGroupID(binary.BigEndian.AppendUint64(nil, version), group)
}

// CutPoint splits a value of Point.
func CutPoint(value []byte) (group string, version uint64, err error) {
	if len(value) < 8 {
		return "", 0, ErrForm
	}
	group, rest, err := CutGroupID(value[8:])
	if err != nil || len(rest) != 0 {
		return "", 0, ErrForm
	}
	return group, binary.BigEndian.Uint64(value), nil
}

// Commits returns the prefix of the calls in the order of their commits.
func Commits() []byte { return []byte{FamilyCommits} }

// Commit returns the key of the call with the number.
func Commit(number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{FamilyCommits}, number)
}

// LastRemoved returns the key of the highest number of a call that was removed from the index of
// commits. No call has the number 0.
func LastRemoved() []byte { return Commit(0) }

// Floor returns the key of the number below which no call comes any more, on a shared store that has no
// numbers of its own.
func Floor() []byte { return Commits() }

// CutCommit returns the number in a key of Commit.
func CutCommit(k []byte) (number uint64, err error) {
	if len(k) != 9 || k[0] != FamilyCommits {
		return 0, ErrForm
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

// Identity returns the key of the identity of the data.
func Identity() []byte { return []byte{FamilyIdentity} }
