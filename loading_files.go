package groupkit

import (
	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// readFiles reads where the files of the items are.
func (s *loadStore) readFiles(r store.Reader, batch []loadItem) error {
	var ids []string
	for i := range batch {
		if f := batch[i].file; f != nil {
			ids = append(ids, f.ID)
		}
		if call := batch[i].call; call != nil {
			for j := range call.Events {
				if f := call.Events[j].File; f != nil {
					ids = append(ids, f.ID)
				}
			}
		}
	}
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = key.FileIndex(uuid.UUID([]byte(id)))
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return storage(err)
	}
	for i, value := range values {
		if value == nil {
			continue
		}
		group, version, err := key.CutPoint(value)
		if err != nil {
			return err
		}
		if group != s.group {
			return invalid("files", "has %s, which is a file of another group", quote(fileID(ids[i])))
		}
		s.places[ids[i]] = version
	}
	return nil
}

func fileID(id string) string { return uuid.UUID([]byte(id)).String() }

// storeFile stores a file of a checkpoint. One that an event has brought meanwhile is there already.
func (s *loadStore) storeFile(f *record.File) error {
	switch place := s.places[f.ID]; {
	case place == 0:
	case place > s.newest:
		return nil
	default:
		return invalid("files", "has %s twice", quote(fileID(f.ID)))
	}
	s.putFile(f)
	s.state.head.Files++
	return nil
}

// storeFileEvent stores what an event does to a file. The stored event says since which version the
// file was there; the state counts it.
func (s *loadStore) storeFileEvent(e *record.Event, version uint64) error {
	if e.File == nil {
		return nil
	}
	file, place := *e.File, s.places[e.File.ID]
	switch EventKind(e.Kind) {
	case FileAdded:
		if place > 0 {
			return invalid(fieldLog, "adds at version %d the file %s, which is there", version, quote(fileID(file.ID)))
		}
		file.Version = version
		s.putFile(&file)
	case FileDeleted:
		switch {
		case place == 0 && !s.cutting:
			return invalid(fieldLog, "deletes at version %d the file %s, which is not there", version, quote(fileID(file.ID)))
		case place == 0: // it would have come in a later part
			s.state.head.Files++
		}
		s.dropFile(file.ID, place)
		file.Version = place
		e.File = &file
	}
	return nil
}

// putFile writes the records of a file. Its content is not there.
func (s *loadStore) putFile(f *record.File) {
	s.places[f.ID] = f.Version
	if s.cutting {
		s.out = append(s.out, store.Pair{Key: s.checkpointed(f.ID, f.Version), Value: f.Encode()})
	}
	absent := *f
	absent.Absent = true
	s.out = append(s.out, filePairs(s.group, &absent)...)
}

// dropFile removes the records of a file.
func (s *loadStore) dropFile(id string, version uint64) {
	s.places[id] = 0
	if version == 0 {
		return
	}
	s.out = append(s.out, difference(filePairs(s.group, &record.File{ID: id, Version: version}), nil)...)
	if s.cutting {
		s.out = append(s.out, store.Pair{Key: s.checkpointed(id, version)})
	}
}

// checkpointed returns the key of a file of the checkpoint.
func (s *loadStore) checkpointed(id string, version uint64) []byte {
	return append(key.Of(s.group, key.Checkpoint), key.FileRest(version, uuid.UUID([]byte(id)))...)
}
