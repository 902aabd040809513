//go:build amd64 || arm64

package powercut_test

import (
	"cmp"
	"flag"
	"fmt"
	"groupkit/internal/grouptest"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

var (
	images = flag.Int("images", 200, "how many images of crashes are opened")
	seed   = flag.Uint64("seed", 0, "repeats a run: the seed that it printed")
)

// A history is one group in the record of a child.
type history struct {
	states []found // after each call
	begun  []int   // where in the record each call began
	done   []int   // where it had returned
}

// A record is everything that a child has done.
type record struct {
	operations []operation
	groups     map[groupkit.GroupID]*history
	closed     []int // where Close had returned
	told       []told
	phases     []string // of each operation
}

type told struct {
	at      int
	group   groupkit.GroupID
	version uint64
}

func (r *record) history(group string) *history {
	h := r.groups[groupkit.GroupID(group)]
	if h == nil {
		h = new(history)
		r.groups[groupkit.GroupID(group)] = h
	}
	return h
}

// read takes the notes out of the operations.
func (r *record) read(t *testing.T) {
	phase := "" // the child says what it does before it changes anything
	r.groups = make(map[groupkit.GroupID]*history)
	for at, o := range r.operations {
		words := strings.Fields(o.line + " - - -")
		switch words[0] {
		case "phase":
			phase = words[1]
		case "begin":
			h := r.history(words[1])
			h.begun, phase = append(h.begun, at), words[3]
		case "done":
			h := r.history(words[1])
			h.done = append(h.done, at)
		case "state":
			h, version := r.history(words[1]), number(t, words[3])
			if int(number(t, words[2])) == len(h.states) {
				h.states = append(h.states, found{words[4], version})
			}
			require.Equal(t, found{words[4], version}, h.states[len(h.states)-1])
		case "told":
			r.told = append(r.told, told{at, groupkit.GroupID(words[1]), number(t, words[2])})
		case "closed":
			r.closed = append(r.closed, at)
		}
		r.phases = append(r.phases, phase)
	}
}

func number(t *testing.T, word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	require.NoError(t, err)
	return n
}

// before returns how many of the places are before one.
func before(places []int, at int) int {
	n, _ := slices.BinarySearch(places, at)
	return n
}

// A scenario is what a child finds when it begins. Everything in the folder is durable.
type scenario struct {
	name    string
	prepare func(t *testing.T, dir string)
	unknown []string // contents that no record names
}

var scenarios = []scenario{
	{name: "a new database", prepare: func(*testing.T, string) {}},
	// Opening it brings it up to date. Nobody knows whether the contents beside it are its own,
	// so the one of an upload that was cut off stays.
	{"a file of format 1", unpackFormat1, []string{"0266696c657300-01977308-1902-7960-b4a8-6d5d08f8c355"}},
}

var levels = map[string]groupkit.Durability{
	"always": groupkit.SyncAlways, "interval": groupkit.SyncInterval, "never": groupkit.SyncNever,
}

// TestPowerCut opens images of crashes at moments of a recorded workload.
func TestPowerCut(t *testing.T) {
	requireTracing(t)
	first := cmp.Or(*seed, uint64(time.Now().UnixNano()))
	t.Logf("-seed %d", first)
	runs := len(scenarios) * len(levels)
	for _, s := range scenarios {
		for _, name := range slices.Sorted(maps.Keys(levels)) {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(first, uint64(levels[name])))
				all := &record{}
				from, now := recordChild(t, s, levels[name], r.Uint64(), all)
				requireComplete(t, from, now, all.operations)
				q := question{Level: levels[name], Groups: slices.Sorted(maps.Keys(all.groups)), Unknown: s.unknown, Old: oldRecords(t, from)}
				openImages(t, from, all, q, r, (*images+runs-1)/runs)
			})
		}
	}
}

// recordChild runs a child and returns the folder that it began with, and the folder that it
// has left behind.
func recordChild(t *testing.T, s scenario, level groupkit.Durability, seed uint64, into *record) (from, to string) {
	to, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	s.prepare(t, to)
	from = filepath.Join(t.TempDir(), "from")
	require.NoError(t, os.CopyFS(from, os.DirFS(to)))
	tracer := tracer{dir: to, record: func(o operation) { into.operations = append(into.operations, o) }}
	env := append(os.Environ(), childDir+"="+to, fmt.Sprintf("%s=%d", childLevel, level), fmt.Sprintf("%s=%d", childSeed, seed), "GODEBUG=asyncpreemptoff=1")
	require.NoError(t, tracer.run(env, os.Args[0], "-test.run=^TestPowerCutChild$"))
	into.read(t)
	require.Len(t, into.closed, sessions)
	return from, to
}

// requireComplete checks that the record, applied to the folder at the beginning, gives the
// folder at the end.
func requireComplete(t *testing.T, from, now string, operations []operation) {
	d, err := loadDisk(from)
	require.NoError(t, err)
	for _, o := range operations {
		require.NoError(t, d.apply(o))
	}
	again := filepath.Join(t.TempDir(), "again")
	require.NoError(t, everything().build(d, again))
	different, err := differences(now, again)
	require.NoError(t, err)
	require.Empty(t, different, "the record lacks operations")
}

// oldRecords returns the digest of all records of a folder with a database of an older format.
func oldRecords(t *testing.T, dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "groups.db")); err != nil {
		return ""
	}
	copied := t.TempDir() // the folder stays as it is
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	digest, err := digestOfAll(filepath.Join(copied, "groups.db"))
	require.NoError(t, err)
	return digest
}

// openImages builds images along the record and judges what another process finds in them.
func openImages(t *testing.T, from string, all *record, q question, r *rand.Rand, count int) {
	d, err := loadDisk(from)
	require.NoError(t, err)
	moments := draw(all, r, count)
	opener := grouptest.NewProcess(t, "TestPowerCutOpener", openerFlag+"=1")
	defer opener.Stop()
	dir, wrong := t.TempDir(), 0
	tally := map[string]int{}
	for at, o := range all.operations {
		require.NoError(t, d.apply(o))
		for ; len(moments) > 0 && moments[0].at == at; moments = moments[1:] {
			image := filepath.Join(dir, fmt.Sprint(len(moments)))
			c := newCut(r)
			if moments[0].worst {
				c.data, c.names = 0, 0
			}
			require.NoError(t, c.build(d, image))
			q.Dir = image
			var a answer
			crash := opener.Ask(q, &a)
			tally[all.phases[at]]++
			complaints := crash
			if crash == "" {
				complaints = all.judge(a, q.Level, at+1)
			}
			if complaints != "" {
				wrong++
				t.Errorf("%s: cut at %d of %d (%s), %v of the data, %v of the names, torn: %v\n%s",
					filepath.Base(image), at, len(all.operations), all.phases[at], c.data, c.names, c.torn, complaints)
			}
			require.NoError(t, os.RemoveAll(image))
			require.Less(t, wrong, 5, "enough is wrong")
		}
	}
	t.Logf("%d images: %v", count, tally)
	if count >= 30 {
		for _, phase := range []string{all.phases[0], "open", "upload-file", "delete-file", "delete-group", "close"} {
			require.NotZero(t, tally[phase], phase)
		}
	}
}

// A moment is a place of the record at which the power is cut. At the worst nothing survives
// that was not synced.
type moment struct {
	at    int
	worst bool
}

// draw returns moments of the record in order, as many of each phase as of every other, and
// twice as many of the first opening and of the first calls. At some moments it must be the
// worst: they show whether names and contents are made durable at all.
func draw(all *record, r *rand.Rand, count int) (moments []moment) {
	by := make(map[string][]int)
	returned := make(map[string]int)
	for at, o := range all.operations {
		if o.kind != note {
			by[all.phases[at]] = append(by[all.phases[at]], at)
		}
		if phase := all.phases[at]; strings.HasPrefix(o.line, "done ") && (phase != "first-calls" || len(by["upload-file"]) == 0) {
			returned[phase] = at
		}
	}
	for _, phase := range []string{"first-calls", "upload-file"} {
		moments = append(moments, moment{returned[phase], true})
	}
	phases := slices.Sorted(maps.Keys(by))
	for _, again := range []string{all.phases[0], "first-calls"} {
		if len(by[again]) > 0 { // with SyncInterval calls can be over before anything is written
			phases = append(phases, again)
		}
	}
	for i := range count - len(moments) {
		in := by[phases[i%len(phases)]]
		moments = append(moments, moment{at: in[r.IntN(len(in))]})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return moments
}

// judge says what is wrong with an image of the operations before a place of the record.
func (r *record) judge(a answer, level groupkit.Durability, at int) string {
	if a.Copy != "" {
		return "the copy of the old data: " + a.Copy
	}
	if level == groupkit.SyncNever {
		if a.Refused != "" && !a.Corrupt {
			return "Open: " + a.Refused
		}
		return ""
	}
	if a.Refused != "" {
		return "Open: " + a.Refused
	}
	var bad []string
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if len(a.Violations) > 0 || a.Reading != "" {
		complain("Verify: %v; reading: %s", a.Violations, a.Reading)
	}
	if a.Second != "" {
		complain("the second opening: %s", a.Second)
	}
	least, most := make(map[groupkit.GroupID]int), make(map[groupkit.GroupID]int)
	for group, h := range r.groups {
		has := a.States[string(group)]
		least[group] = slices.Index(h.states, has)
		if least[group] < 0 {
			complain("%s: is in no state that it ever had: %+v", group, has)
			return strings.Join(bad, "\n")
		}
		most[group] = least[group]
		for most[group]+1 < len(h.states) && h.states[most[group]+1] == has {
			most[group]++
		}
		if saved := r.saved(level, at, h); most[group] < saved {
			complain("%s: has %d calls, and %d must be there", group, most[group], saved)
		}
		if begun := before(h.begun, at); least[group] > begun {
			complain("%s: has %d calls, and only %d have begun", group, least[group], begun)
		}
	}
	for group, version := range r.toldBefore(at) {
		if has := a.States[string(group)].Version; has < version {
			complain("%s: has version %d, and subscribers were told of %d", group, has, version)
		}
	}
	for group, n := range least {
		for other, h := range r.groups {
			if n > 0 && most[other] < before(h.done, r.groups[group].begun[n-1]) {
				complain("%s has call %d, and %s lacks a call that had returned before it began", group, n, other)
			}
		}
	}
	return strings.Join(bad, "\n")
}

// toldBefore returns the last version of each group that subscribers were told of.
func (r *record) toldBefore(at int) map[groupkit.GroupID]uint64 {
	last := make(map[groupkit.GroupID]uint64)
	for _, told := range r.told {
		if told.at < at {
			last[told.group] = told.version
		}
	}
	return last
}

// saved returns how many calls of a group must be there.
func (r *record) saved(level groupkit.Durability, at int, h *history) int {
	if level == groupkit.SyncAlways {
		return before(h.done, at)
	}
	if n := before(r.closed, at); n > 0 {
		return before(h.done, r.closed[n-1])
	}
	return 0
}
