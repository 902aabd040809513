package faults_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/seal"
	"groupkit/store"
)

// TestEngine_Verify_RandomDamage damages a store at random. Verify does not panic and
// does not give up, and it reports everything that an answer could depend on. Quick finds nothing
// that is sound.
func TestEngine_Verify_RandomDamage(t *testing.T) {
	t.Parallel()
	shared := grouptest.NewDataset(t)
	sound := shared.Dump(t)
	rapid.Check(t, func(t *rapid.T) {
		damaged := corrupt(t, sound)
		swap(t, shared.Store, sound, damaged)
		defer swap(t, shared.Store, damaged, sound)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		report, err := shared.Verify(ctx, groupkit.VerifyOptions{})
		require.NoError(t, err)
		if why := matters(sound, damaged); why != "" {
			require.False(t, report.Sound(), "not reported: %s", why)
		}
		quick, err := shared.Verify(ctx, groupkit.VerifyOptions{Quick: true})
		require.NoError(t, err)
		require.True(t, quick.Sound() || !report.Sound(), "only quick: %v", quick.Violations)
	})
}

// TestEngine_RandomDamage makes every call over a damaged store. Nothing panics or runs
// forever, and what cannot be answered fails with a true error.
func TestEngine_RandomDamage(t *testing.T) {
	t.Parallel()
	sound := grouptest.NewDataset(t).Dump(t)
	rapid.Check(t, func(t *rapid.T) {
		s := grouptest.NewDataset(t)
		swap(t, s.Store, sound, corrupt(t, sound))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		all := slices.Concat(reads, transfers, changes)
		for _, v := range append(all, rapid.SampledFrom(multiStep).Draw(t, "verb")) {
			err := v.run(ctx, s)
			require.NotErrorIs(t, err, groupkit.ErrStorage, v.name)
			require.NotErrorIs(t, err, groupkit.ErrInvalid, v.name)
			require.NotErrorIs(t, err, context.DeadlineExceeded, v.name)
			if err != nil {
				_, ok := errors.AsType[*groupkit.Error](err)
				require.True(t, ok, "%s: %v", v.name, err)
			}
		}
	})
}

// corrupt damages a copy of the records in one or two ways.
func corrupt(t *rapid.T, sound map[string]string) map[string]string {
	out := maps.Clone(sound)
	keys := slices.Sorted(maps.Keys(sound))
	one := func(name string) string { return rapid.SampledFrom(keys).Draw(t, name) }
	for range rapid.IntRange(1, 2).Draw(t, "damages") {
		k := one("key")
		switch rapid.IntRange(0, 7).Draw(t, "damage") {
		case 0:
			delete(out, k)
		case 1:
			out[k] = flip(t, out[k])
		case 2:
			out[k] = out[k][:rapid.IntRange(0, len(out[k])).Draw(t, "length")]
		case 3:
			out[k] = string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value"))
		case 4:
			v := out[k]
			delete(out, k)
			out[flip(t, k)] = v
		case 5:
			out[flip(t, k)] = out[k]
		case 6:
			other := one("other")
			out[k], out[other] = out[other], out[k]
		case 7:
			cut := rapid.IntRange(1, len(k)).Draw(t, "length")
			out[k[:cut]+string(rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "tail"))] = out[k]
		}
	}
	return out
}

// flip changes one byte.
func flip(t *rapid.T, v string) string {
	if v == "" {
		return "x"
	}
	b := []byte(v)
	i := rapid.IntRange(0, len(b)-1).Draw(t, "place")
	b[i] ^= rapid.ByteRange(1, 255).Draw(t, "bits")
	return string(b)
}

// swap replaces the records of a store with others.
func swap(t require.TestingT, s store.Store, before, after map[string]string) {
	require.NoError(t, s.Update(context.Background(), func(raw store.Writer) error {
		w := seal.NewWriter(raw)
		for k := range before {
			if _, ok := after[k]; !ok {
				if err := w.Delete([]byte(k)); err != nil {
					return err
				}
			}
		}
		for k, v := range after {
			if before[k] != v || v == "" {
				if err := w.Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// matters names a difference between two stores that Verify has to find; "" if there is
// none. It leaves out what nothing can tell: the ids of the database and its history, who did what and why in the log, the outcomes
// of idempotency keys, reservations of uploads, and what the rest of a cut log changes
// again.
func matters(sound, damaged map[string]string) string {
	for k, v := range damaged {
		was, ok := sound[k]
		switch {
		case !ok && (plausible(k, v) || isTrace(k)):
		case !ok:
			return "added " + k
		case was != v && differs([]byte(k), []byte(was), []byte(v)):
			return "changed " + k
		}
	}
	for k, v := range sound {
		if _, ok := damaged[k]; !ok && !plausible(k, v) {
			return "removed " + k
		}
	}
	return ""
}

// isTrace reports whether a key says that a user was once in a group: nothing else in the
// store can confirm that.
func isTrace(k string) bool {
	_, kind, _, err := key.CutUser([]byte(k))
	return err == nil && kind == key.UserTrace
}

// plausible reports whether a store is sound with this key and without it.
func plausible(k, v string) bool {
	if k == string(key.GroupCount()) {
		return true // who needs it counts anew
	}
	if k == string(key.Lease()) {
		_, err := record.DecodeLease([]byte(v))
		return err == nil // no engine holds it
	}
	if k[0] == key.FamilyUploads {
		_, err := key.CutContent(k[1:])
		_, damaged := record.DecodeUpload([]byte(v))
		return err == nil && damaged == nil
	}
	if _, kind, group, err := key.CutUser([]byte(k)); err == nil {
		return kind == key.UserTrace && (group == string(grouptest.Vanished) || group == string(grouptest.Archive)) // whose logs are gone
	}
	_, kind, rest, err := key.CutGroup([]byte(k))
	if err != nil || len(rest) > 0 {
		return false
	}
	if h, err := record.DecodeHeader([]byte(v)); kind == key.Header && err == nil && h.State == record.Deleted && h.First == h.Version+1 {
		return true // a tombstone without a log, of whatever group
	}
	text, err := record.DecodeAnnouncement([]byte(v))
	return kind == key.Custom && v == "" || kind == key.Announcement && err == nil && text == record.Announcement{}
}

// differs reports whether two values of a key mean different things.
func differs(k, a, b []byte) bool {
	switch k[0] {
	case key.FamilyCreation, key.FamilyDeletions, key.FamilyOutcomeExpiries, key.FamilyExpiries, key.FamilyCommits:
		return false // only the key counts
	case key.FamilyFormat, key.FamilyGroupCount:
		return unlike(record.DecodeCount)(a, b)
	case key.FamilyIdentity:
		_, err := record.DecodeIdentity(b)
		return err != nil
	case key.FamilyUploads:
		_, err := record.DecodeUpload(b)
		return err != nil
	case key.FamilyOutcomes:
		x, _ := record.DecodeOnce(a)
		y, err := record.DecodeOnce(b)
		return err != nil || x.Until != y.Until
	case key.FamilyUsers:
		_, kind, _, _ := key.CutUser(k)
		if kind == key.UserMember && len(b) == 0 {
			return false // an entry without a role: the role is read in the group
		}
		return kind != key.UserTrace && unlike(record.DecodeCount)(a, b)
	}
	group, kind, rest, _ := key.CutGroup(k)
	if group == string(grouptest.Vanished) {
		return unlike(decodeStone)(a, b)
	}
	return recordDiffers(kind, rest, a, b)
}

// decodeStone reads a tombstone, leaving out what only its log could confirm if that is gone.
func decodeStone(v []byte) (record.Header, error) {
	h, err := record.DecodeHeader(v)
	h.Created, h.Modified, h.Version, h.First = 0, 0, 0, 0
	return h, err
}

func recordDiffers(kind byte, rest, a, b []byte) bool {
	switch kind {
	case key.Header:
		return unlike(record.DecodeHeader)(a, b)
	case key.Members:
		return unlike(func(v []byte) (record.Standing, error) { return record.DecodeStanding(v, true) })(a, b)
	case key.Outsiders:
		return unlike(func(v []byte) (record.Standing, error) { return record.DecodeStanding(v, false) })(a, b)
	case key.Files:
		return unlike(record.DecodeFile)(a, b)
	case key.Announcement:
		return unlike(record.DecodeAnnouncement)(a, b)
	case key.Events:
		x, _ := record.DecodeCall(a)
		y, err := record.DecodeCall(b)
		return err != nil || len(x.Events) != len(y.Events)
	case key.Checkpoint:
		if rest[0] == key.Header {
			_, err := record.DecodeHeader(b)
			return err != nil
		}
		return recordDiffers(rest[0], rest[1:], a, b)
	}
	return !bytes.Equal(a, b)
}

func unlike[T any](decode func([]byte) (T, error)) func(a, b []byte) bool {
	return func(a, b []byte) bool {
		x, _ := decode(a)
		y, err := decode(b)
		return err != nil || !reflect.DeepEqual(x, y)
	}
}
