package grouptest

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// ToFormat1 turns all records of a store into those that format 1 would have: nothing in them
// says what format 1 did not know. It gives the contents of files the names of format 1, and takes
// their mark away.
func ToFormat1(t require.TestingT, s store.Store, blobs store.Blobs) {
	records := make(map[string]string)
	for k, v := range DumpStore(t, s) {
		k, v := toFormat1(t, []byte(k), []byte(v))
		if k != nil {
			records[string(k)] = string(v)
		}
		if file, group, ok := fileOf1(k, v); ok {
			rename(t, blobs, key.Content(uuid.UUID([]byte(file.ID))), key.Content1(group, uuid.UUID([]byte(file.ID))))
		}
	}
	ReplaceAll(t, s, records)
	require.NoError(t, blobs.Delete(context.Background(), ContentsMark))
}

// atOnce is how many records fit in a transaction of every store of the tests.
const atOnce = 100

// ReplaceAll gives a store that nobody uses other records, as they are.
func ReplaceAll(t require.TestingT, s store.Store, records map[string]string) {
	ctx := context.Background()
	for more := true; more; {
		require.NoError(t, s.Update(ctx, func(w store.Writer) error {
			page, m, err := w.Scan(store.Range{Limit: atOnce})
			more = m
			for _, p := range page {
				if err == nil {
					err = w.Delete(p.Key)
				}
			}
			return err
		}))
	}
	for keys := range slices.Chunk(slices.Collect(maps.Keys(records)), atOnce) {
		require.NoError(t, s.Update(ctx, func(w store.Writer) error {
			for _, k := range keys {
				if err := w.Put([]byte(k), []byte(records[k])); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func rename(t require.TestingT, blobs store.Blobs, from, to string) {
	ctx := context.Background()
	r, err := blobs.Get(ctx, from)
	if err != nil {
		return // it has its name already, or is gone
	}
	require.NoError(t, blobs.Put(ctx, to, r))
	require.NoError(t, r.Close())
	require.NoError(t, blobs.Delete(ctx, from))
}

// fileOf1 returns the file of a record of format 1, with its group.
func fileOf1(k, v []byte) (f record.File, group string, ok bool) {
	if len(k) == 0 || k[0] != 'g' {
		return f, "", false
	}
	group, kind, _, err := key.CutGroup(key.FromFormat1(k))
	if err != nil || kind != key.Files {
		return f, "", false
	}
	f, err = record.DecodeFile(v)
	return f, group, err == nil
}

// toFormat1 returns the record of format 1. The key is nil if format 1 has no such record.
func toFormat1(t require.TestingT, k, v []byte) (k1, v1 []byte) {
	if bytes.Equal(k, key.GroupLimit()) {
		return nil, nil
	}
	k1 = bytes.Clone(k)
	k1[0] += 'a' - 'A'
	switch k[0] {
	case key.FamilyFormat:
		return k, record.EncodeCount(1)
	case key.FamilyGroups:
		return groupToFormat1(t, k1, k, v)
	case key.FamilyOutcomeExpiries:
		k1[9] = 'i'
	case key.FamilyOutcomes:
		kept, err := record.DecodeOnce(v)
		require.NoError(t, err)
		if kept.File != nil {
			toFile1(kept.File)
			v = kept.Encode()
		}
	case key.FamilyCreation, key.FamilyDeletions, key.FamilyGroupCount, key.FamilyExpiries, key.FamilyUsers, key.FamilyUploads:
	default:
		return nil, nil
	}
	return k1, v
}

func toFile1(f *record.File) { f.Version, f.Content, f.Absent = 0, "", false }

func groupToFormat1(t require.TestingT, k1, k, v []byte) ([]byte, []byte) {
	_, kind, rest, err := key.CutGroup(k)
	require.NoError(t, err)
	head := k1[:len(k1)-len(rest)]
	if kind == key.Checkpoint {
		kind, rest, head = rest[0], rest[1:], k1[:len(k1)-len(rest)+1]
	}
	switch kind {
	case key.Inviters, key.Expiring:
		return nil, nil
	case key.Requests, key.Invitations:
		user, err := key.CutArrival(rest)
		require.NoError(t, err)
		return append(head, user...), v
	case key.Files:
		f, err := record.DecodeFile(v)
		require.NoError(t, err)
		toFile1(&f)
		return append(head, f.ID...), f.Encode()
	case key.Members, key.Outsiders:
		if len(v) == 0 {
			return nil, nil // of a checkpoint: a user who is nothing in the group
		}
		st, err := record.DecodeStanding(v, kind == key.Members)
		require.NoError(t, err)
		return k1, toStanding1(&st).Encode()
	case key.Events:
		call, err := record.DecodeCall(v)
		require.NoError(t, err)
		call.Commit = 0
		for _, e := range call.Events {
			if e.File != nil {
				toFile1(e.File)
			}
		}
		return k1, call.Encode()
	}
	return k1, v
}

func toStanding1(st *record.Standing) *record.Standing {
	st.JoinVersion, st.JoinPlace, st.AdminVersion, st.AdminPlace = 0, 0, 0, 0
	for _, mark := range []*record.Mark{st.Mute, st.Block, st.Allow, st.Request, st.Invitation} {
		if mark != nil {
			mark.Version, mark.Place = 0, 0
		}
	}
	return st
}
