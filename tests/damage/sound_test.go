//go:build unix

package damage_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A sound database is what the tests damage: a closed file with every kind of record and
// some hundred pages, its contents, an older copy, and everything that can be read in it.
type sound struct {
	file, older []byte
	contents    string // the folder
	findings    string // the path of what was found in it
	question    question
}

// options are those of the dataset, with room for a large group.
func options() groupkit.Options {
	opts := grouptest.DatasetOptions()
	opts.Limits = groupkit.Limits{Groups: 50, Batch: 1000, MaxUsers: 20_000}
	return opts
}

func newSound(t *testing.T) *sound {
	dir := t.TempDir()
	path := filepath.Join(dir, "groups.db")
	raw, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	require.NoError(t, err)
	blobs := fileblob.New(path + ".files")
	s := &grouptest.Stack{Store: raw, Disk: blobs, Clock: grouptest.NewClockAt(grouptest.Dawn)}
	opts := options()
	opts.Clock, opts.Retention = s.Clock.Now, groupkit.Retention{MaxAge: grouptest.Month}
	s.Engine, err = groupkit.New(raw, blobs, &opts)
	require.NoError(t, err)
	grouptest.FillDataset(s)
	var older bytes.Buffer
	grouptest.NewLargeGroup(t, s, 250)
	require.NoError(t, raw.Backup(t.Context(), &older))
	require.NoError(t, grouptest.ErrorOf(s.System().UpdateGroup(t.Context(), grouptest.LargeGroup, groupkit.GroupUpdate{MaxUsers: new(1000)})))
	require.NoError(t, grouptest.ErrorOf(s.System().AddMembers(t.Context(), grouptest.LargeGroup, grouptest.Users("n", 500))))
	require.NoError(t, grouptest.ErrorOf(s.System().MuteUsers(t.Context(), grouptest.LargeGroup, time.Hour, grouptest.Users("n", 100))))
	s.RequireVerified(t)
	q := question{Now: s.Clock.Now(), Groups: []groupkit.GroupID{
		grouptest.Guild, grouptest.OpenGroup, grouptest.Ended, grouptest.Archive, grouptest.Vanished, grouptest.LargeGroup,
	}, Users: append(grouptest.IDs{
		"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "mallory", "nick", "olga", "vera", "walter", "xena", "yara", "zoe",
	}, append(grouptest.Users("m", 5), grouptest.Users("n", 5)...)...)}
	for g, err := range s.System().Groups(t.Context()) {
		require.NoError(t, err)
		if g.Name == "Rangers" {
			q.Groups = append(q.Groups, g.ID)
		}
	}
	require.NoError(t, s.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	all := &sound{file: trim(file), older: older.Bytes(), contents: path + ".files", question: q, findings: filepath.Join(dir, "findings")}
	all.look(t)
	return all
}

// look opens the sound file twice. Records that differ then are new at every opening: they
// say nothing about damage.
func (s *sound) look(t *testing.T) {
	r := newReader(t)
	defer r.Stop()
	var found [2]findings
	for i := range found {
		require.Empty(t, r.Ask(s.put(t, s.file), &found[i]))
		require.Empty(t, found[i].Refused)
		require.Empty(t, found[i].Told)
		require.Empty(t, found[i].Written)
	}
	require.Equal(t, found[0].Answers, found[1].Answers)
	found[0].Unsteady = differences(found[0].Records, found[1].Records)
	text, err := json.Marshal(found[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.findings, text, 0o600))
	s.question.Compare = s.findings
}

// put writes a file beside a copy of the contents and returns the question about it.
func (s *sound) put(t testing.TB, file []byte) question {
	dir, err := os.MkdirTemp(filepath.Dir(s.contents), "open")
	require.NoError(t, err)
	q := s.question
	q.Path = filepath.Join(dir, "groups.db")
	require.NoError(t, os.CopyFS(q.Path+".files", os.DirFS(s.contents)))
	require.NoError(t, os.WriteFile(q.Path, file, 0o600))
	return q
}

// trim removes the pages at the end that bbolt has allocated in advance.
func trim(file []byte) []byte {
	page := os.Getpagesize()
	high := max(binary.NativeEndian.Uint64(file[16+40:]), binary.NativeEndian.Uint64(file[page+16+40:]))
	return file[:high*uint64(page)]
}

// A damaged file is a file with the words for what was done to it.
type damagedFile struct {
	content []byte
	what    string
	inspect bool
}

// openAll opens n files, each with a damage of its own, in two processes at a time, and gives
// what was found in each to judge.
func (s *sound) openAll(t *testing.T, n int, seed uint64, damage func(*rand.Rand) damagedFile, judge func(t *testing.T, f findings, what string)) {
	for part := range 2 {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			r, rand := newReader(t), rand.New(rand.NewPCG(seed, uint64(part)))
			defer r.Stop()
			for range (n + 1) / 2 {
				file := damage(rand)
				q := s.put(t, file.content)
				q.Inspect = file.inspect
				var f findings
				crash := r.Ask(q, &f)
				if crash != "" {
					t.Errorf("%s: %s", file.what, crash)
				} else {
					judge(t, f, file.what)
				}
				require.NoError(t, os.RemoveAll(filepath.Dir(q.Path)))
			}
		})
	}
}

// A tally counts what came of the files.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = make(map[string]int)
	}
	c.count[what]++
}

// requireBoth checks at the end that some files were damaged and some were not: otherwise
// the test looks at nothing.
func (c *tally) requireBoth(t *testing.T) {
	t.Cleanup(func() {
		t.Logf("%v", c.count)
		require.NotZero(t, c.count["told"])
		require.NotZero(t, c.count["no effect"])
	})
}
