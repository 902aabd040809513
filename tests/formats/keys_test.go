package formats_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
)

// format1Kinds are all kinds of record of format 1, as kindOf names them.
var format1Kinds = []string{
	"format", "number of groups", "deletion", "upload", "outcome", "end of an outcome",
	"created: private", "created: public",
	"group h", "group m", "group o", // header, members, outsiders
	"group a", "group b", "group i", "group l", "group r", "group u", // admins, blacklist, invitations, allow list, requests, mutes
	"group e", "group f", "group n", "group x", // events, files, announcement, custom text
	"checkpoint h", "checkpoint m", "checkpoint o", "checkpoint f", "checkpoint n", "checkpoint x",
	"expiry b", "expiry i", "expiry r", "expiry u",
	"user h", "user m", "user o", "user t", // number of groups, member of, outsider of, trace
	"id as a UUID", "id as a text",
}

// format2Kinds are all kinds of record of format 2.
var format2Kinds = append(slices.Clone(format1Kinds),
	"identity", "place of a file", "commit", "content to go",
	"group v",                                              // inviters
	"group z: b", "group z: i", "group z: r", "group z: u", // what expires
)

// Keys are what a file holds, as its keys show it.
type keys struct {
	kinds   map[string]int // how many there are of each
	groups  []string       // live, deleted, and being deleted
	users   []string
	buckets []string // of the application
}

// scan reads the keys of a file with bbolt itself, without the engine and its stores. It
// takes the keys apart by its own means: they are of their format, whatever later code writes.
func scan(t *testing.T, path string, kindOf func([]byte) (kind, group, user string)) keys {
	t.Helper()
	found := keys{kinds: make(map[string]int)}
	groups, users := make(map[string]bool), make(map[string]bool)
	for name, pairs := range dump(t, path) {
		if name == "groupkit.format" { // the store's
			continue
		}
		if name != "groupkit" {
			found.buckets = append(found.buckets, name)
			continue
		}
		for k := range pairs {
			kind, group, user := kindOf([]byte(k))
			found.kinds[kind]++
			if group != "" {
				groups[group] = true
			}
			if user != "" {
				users[user] = true
			}
		}
	}
	for group := range groups {
		if isUUID(group) {
			found.kinds["id as a UUID"]++
		} else {
			found.kinds["id as a text"]++
		}
	}
	slices.Sort(found.buckets)
	found.groups, found.users = slices.Sorted(maps.Keys(groups)), slices.Sorted(maps.Keys(users))
	return found
}

// dump returns all buckets of a file of bbolt.
func dump(t *testing.T, path string) map[string]map[string]string {
	t.Helper()
	file, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	all := make(map[string]map[string]string)
	require.NoError(t, file.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			pairs := make(map[string]string)
			all[string(name)] = pairs
			return b.ForEach(func(k, v []byte) error {
				pairs[string(k)] = string(v)
				return nil
			})
		})
	}))
	return all
}

// kindOf1 names the kind of record that stands under a key of format 1, with the group or the
// user whose record it is.
func kindOf1(k []byte) (kind, group, user string) {
	switch rest := k[1:]; k[0] {
	case '!':
		return "format", "", ""
	case 'n':
		return "number of groups", "", ""
	case 'd':
		return "deletion", "", ""
	case 'w':
		return "upload", "", ""
	case 'i':
		return "outcome", "", ""
	case 'j':
		return "end of an outcome", "", ""
	case 'c':
		return []string{"created: private", "created: public"}[rest[0]], "", ""
	case 't':
		_, rest = cutGroup(rest[8:])
		return "expiry " + string(rest[:1]), "", ""
	case 'u':
		name, rest, _ := bytes.Cut(rest, []byte{0})
		return "user " + string(rest[:1]), "", string(name)
	case 'g':
		group, rest = cutGroup(rest)
		if rest[0] == 'c' {
			return "checkpoint " + string(rest[1:2]), group, ""
		}
		return "group " + string(rest[:1]), group, ""
	}
	return "unknown", "", ""
}

// kindOf2 does the same for format 2. What both formats have is in capitals in format 2.
func kindOf2(k []byte) (kind, group, user string) {
	switch k[0] {
	case 'F':
		return "place of a file", "", ""
	case 'K':
		return "commit", "", ""
	case 'B':
		return "identity", "", ""
	case 'X':
		return "content to go", "", ""
	case 'C', 'D', 'G', 'I', 'J', 'N', 'T', 'U', 'W':
		k = append([]byte{k[0] + 'a' - 'A'}, k[1:]...)
	case '!':
	default:
		return "unknown", "", ""
	}
	if kind, group, user = kindOf1(k); kind == "group z" {
		_, rest := cutGroup(k[1:])
		kind += ": " + string(rest[1:2])
	}
	return kind, group, user
}

// cutGroup takes a group id off the front of a key: the sixteen bytes of a UUID behind a
// 1, or a text behind a 2 and before a 0.
func cutGroup(k []byte) (group string, rest []byte) {
	if k[0] == 1 {
		return uuid.UUID(k[1:17]).String(), k[17:]
	}
	text, rest, _ := bytes.Cut(k[1:], []byte{0})
	return string(text), rest
}

func isUUID(group string) bool {
	id, err := uuid.Parse(group)
	return err == nil && id.String() == group
}

// requireEveryKind fails the test unless there are records of every kind of the format, and
// none of any other.
func (k keys) requireEveryKind(t *testing.T, kinds []string) {
	t.Helper()
	require.ElementsMatch(t, kinds, slices.Collect(maps.Keys(k.kinds)))
	require.Equal(t, 1, k.kinds["deletion"])
	require.Equal(t, 1, k.kinds["upload"])
	require.Equal(t, []string{"ledger", "sessions"}, k.buckets)
}
