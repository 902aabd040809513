package machinetest

import (
	"context"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// goBack turns the data of an engine that is closed into that of format 1, and upgrades it. No
// log has been cut, so the log tells everything that format 1 did not store: the upgrade gives
// every record back, except for the numbers of calls, the names of contents, and what an opening makes.
func (in *instance) goBack(t *rapid.T, opts *groupkit.Options) {
	in.reach(t, func(s store.Store, blobs store.Blobs) {
		want := comparable1(t, grouptest.DumpStore(t, s))
		grouptest.ToFormat1(t, s, blobs)
		require.NoError(t, groupkit.Upgrade(context.Background(), s, opts))
		requireEqual(t, want, comparable1(t, grouptest.DumpStore(t, s)), in.Name+" upgraded")
	})
}

// comparable1 returns records without what an upgrade from format 1 chooses anew.
func comparable1(t *rapid.T, records map[string]string) map[string]string {
	for k, v := range records {
		group, kind, _, err := key.CutGroup([]byte(k))
		switch {
		case k[0] == key.FamilyCommits, k[0] == key.FamilyIdentity, k[0] == key.FamilyToGo,
			k[0] == key.FamilyLease, k == string(key.GroupLimit()):
			delete(records, k)
		case err == nil && kind == key.Events:
			records[k] = callWithoutNames(t, v)
		case err == nil && kind == key.Files:
			f, err := record.DecodeFile([]byte(v))
			require.NoError(t, err, group)
			f.Content = ""
			records[k] = string(f.Encode())
		case k[0] == key.FamilyOutcomes:
			kept, err := record.DecodeOnce([]byte(v))
			require.NoError(t, err)
			if kept.File != nil {
				kept.File.Content, kept.File.Version = "", 0
			}
			records[k] = string(kept.Encode())
		}
	}
	return records
}

func callWithoutNames(t *rapid.T, v string) string {
	call, err := record.DecodeCall([]byte(v))
	require.NoError(t, err)
	call.Commit = 0
	for _, e := range call.Events {
		if e.File != nil {
			e.File.Content = ""
		}
	}
	return string(call.Encode())
}
