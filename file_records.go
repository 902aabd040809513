package groupkit

import (
	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// filePairs returns all records that a shared file consists of.
func filePairs(group string, f *record.File) []store.Pair {
	id := uuid.UUID([]byte(f.ID))
	return []store.Pair{
		{Key: key.File(group, f.Version, id), Value: f.Encode()},
		{Key: key.FileIndex(id), Value: key.Point(group, f.Version)},
	}
}

// loadFile reads the record of a file. Returns ErrFileNotFound if there is none.
func loadFile(r store.Reader, group GroupID, file FileID) (*record.File, error) {
	id, err := uuid.Parse(string(file))
	if err != nil || id.String() != string(file) {
		return nil, ErrFileNotFound
	}
	f, in, err := findFile(r, id)
	if err == nil && (f == nil || in != group) {
		err = ErrFileNotFound
	}
	return f, err
}

// findFile reads the record of a file in any group. It returns nil if there is none.
func findFile(r store.Reader, id uuid.UUID) (f *record.File, group GroupID, err error) {
	place, ok, err := r.Get(key.FileIndex(id))
	if err != nil || !ok {
		return nil, "", storage(err)
	}
	in, version, err := key.CutPoint(place)
	if err != nil {
		return nil, "", err
	}
	value, ok, err := r.Get(key.File(in, version, id))
	if err != nil {
		return nil, "", storage(err)
	}
	if !ok {
		return nil, "", corrupt("file %s has no record in group %q", id, in)
	}
	file, err := decodeFile(key.FileRest(version, id)[1:], value)
	if err != nil {
		return nil, "", err
	}
	return &file, GroupID(in), nil
}

// decodeFile decodes the record of a file. rest is the part of its key after the kind.
func decodeFile(rest, value []byte) (record.File, error) {
	version, id, err := key.CutFile(rest)
	if err != nil {
		return record.File{}, err
	}
	f, err := record.DecodeFile(value)
	if err == nil && (f.ID != string(id[:]) || f.Version != version) {
		err = corrupt("file record has the ID or the version of another file")
	}
	return f, err
}

// contentOf returns the ID of the content of a file.
func contentOf(f *record.File) string {
	if f.Content != "" {
		return f.Content
	}
	return key.Content(uuid.UUID([]byte(f.ID)))
}
