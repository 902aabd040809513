package groupkit

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/internal/wordcache"
	"groupkit/store"
)

// A loading is a group that is being loaded. Its records are written in steps, under a header
// that says so: no reader sees such a group, and no verb changes it.
//
//  1. The log is stored as it comes: a checkpoint under key.Checkpoint and, at the same time, as the present
//     state; calls in the log, and as changes of the present state. Nothing leads to the standings yet.
//  2. The standings are checked, one after another: what is wrong is only known in the end.
//  3. The entries that lead to the standings are written, and the counts of the users.
//  4. One transaction writes the real header, and everything else that there is once: from then on
//     the group is there.
//
// What must hold: a step reads the lease of the load by its key and moves it. So only one call at
// a time loads a group. A lease that does not move belongs to a load that was cut off: whoever
// finds it removes everything. What is known only while the load goes on, the header and the
// texts, is in memory, and the rest is in the store.
type loading struct {
	eng      *Engine
	group    GroupID
	opts     LoadOptions
	progress LoadProgress

	holder   string // tells this load from others
	moved    uint64 // how often the lease was moved
	leftover bool   // there are records of a load that was cut off

	started      bool
	head         record.Header // as the log has it so far; its counts are those of what is stored
	custom       string
	announcement record.Announcement

	parts  int                // of the checkpoint that has not ended; 0: there is none
	first  uint64             // the version of the checkpoint; 0: there is none
	files  uint64             // files of the checkpoint so far
	newest uint64             // the version of its newest file
	blank  bool               // it has empty records; see loadStore.standingPairs
	places [len(marks)]uint32 // by kind, the pending marks of the checkpoint so far

	call  []Event    // the events of the call that has not ended
	batch []loadItem // what the next step stores
	room  *room
}

// A loadItem is an entry of a list of a checkpoint, or a call.
type loadItem struct {
	user     string
	standing *record.Standing // what the list says about the user
	file     *record.File
	call     *record.Call
	last     uint64 // the version of the last event of the call
	logged   bool   // the call gets into the log
}

// loadStep is how many items one step stores. It limits how long other writers wait.
const loadStep = 500

func newLoading(e *Engine, group GroupID, opts LoadOptions) *loading {
	l := &loading{eng: e, group: group, opts: opts, holder: uuid.NewString()}
	l.room = newRoom(e.sizes)
	return l
}

// errLoadLost: another call has taken over the ID.
var errLoadLost = fmt.Errorf("%w: another call loads the group", ErrGroupExists)

// step runs one step, unless another call has taken over. If its answer was lost and it was made,
// it is not made again.
func (l *loading) step(ctx context.Context, fn func(store.Writer) error) error {
	err := l.eng.step(ctx, func(w store.Writer) error {
		lease, err := loadLease(w, key.Load(string(l.group)))
		switch {
		case err != nil:
			return err
		case lease.Holder != l.holder:
			return errLoadLost
		case lease.Count == l.moved+1:
			return nil
		}
		if err := fn(w); err != nil {
			return err
		}
		return write(w, []store.Pair{l.leasePair(l.moved + 1)})
	})
	if err == nil {
		l.moved++
	}
	return err
}

func (l *loading) leasePair(count uint64) store.Pair {
	return store.Pair{Key: key.Load(string(l.group)), Value: (&record.Lease{Holder: l.holder, Count: count}).Encode()}
}

func (l *loading) headerPair(h *record.Header) store.Pair {
	return store.Pair{Key: key.Of(string(l.group), key.Header), Value: h.Encode()}
}

// add adds an item to the next step. If it does not fit any more, the step is made before.
func (l *loading) add(ctx context.Context, item loadItem) error {
	var pairs []store.Pair
	var reads int
	if l.eng.sizes != (store.Sizes{}) { // else nothing is bounded
		pairs, reads = item.cost(string(l.group))
	}
	if len(l.batch) == loadStep || !l.room.fits(pairs, reads) {
		if err := l.flush(ctx); err != nil {
			return err
		}
		l.room.fits(pairs, reads)
	}
	l.batch = append(l.batch, item)
	return nil
}

// cost returns as many pairs as the item writes at most, and what it reads.
func (i *loadItem) cost(group string) (pairs []store.Pair, reads int) {
	p := store.Pair{Key: key.Group(group)}
	switch {
	case i.call != nil:
		p.Value = i.call.Encode()
		names := 1
		for range namesIn(i.call) {
			names++
		}
		pairs = append(make([]store.Pair, 5*names+2*len(i.call.Events)), p)
		return pairs, 2*names + len(i.call.Events)
	case i.file != nil:
		p.Value = i.file.Encode()
		return []store.Pair{p, p, {}, {}, {}, {}}, 3
	}
	p.Value = i.standing.Encode()
	return []store.Pair{p, p, {}, {}, {}, {}, {}, {}}, 4
}

// flush stores the items.
func (l *loading) flush(ctx context.Context) error {
	batch := l.batch
	l.batch, l.room = nil, newRoom(l.eng.sizes)
	if len(batch) == 0 {
		return nil
	}
	var s *loadStore
	names := namesInItems(batch)
	pending := l.eng.words.Begin(l.words(names))
	defer l.eng.words.End(pending)
	err := l.step(ctx, func(w store.Writer) (err error) {
		s = newLoadStore(l)
		if err = s.read(w, batch, names); err != nil {
			return err
		}
		for i := range batch {
			if err = s.store(&batch[i]); err != nil {
				return err
			}
		}
		return write(w, s.pairs())
	})
	if err != nil {
		return err
	}
	l.head, l.announcement, l.custom, l.blank = s.state.head, s.state.announcement, s.state.custom, s.blank
	for i := range batch {
		if batch[i].call == nil {
			l.progress.Entries++
		}
	}
	l.batch = batch[:0]
	l.report()
	return nil
}

func (l *loading) report() {
	if l.opts.Progress != nil {
		l.opts.Progress(l.progress)
	}
}

// words returns the keys of the words of the users whose standings a step can change.
func (l *loading) words(names map[string]bool) (keys []wordcache.Key) {
	words := l.eng.words
	if words == nil {
		return nil
	}
	group := words.Key(string(l.group))
	for user := range names {
		keys = append(keys, words.UserKey(group, user))
	}
	return keys
}

// namesInItems returns the users whom the items name.
func namesInItems(batch []loadItem) map[string]bool {
	names := make(map[string]bool, len(batch))
	for i := range batch {
		item := &batch[i]
		switch {
		case item.call != nil:
			for user := range namesIn(item.call) {
				names[user] = true
			}
		case item.file != nil:
			names[item.file.Owner] = true
		default:
			names[item.user] = true
			for _, kind := range marks {
				if m := *kind.field(item.standing); m != nil {
					names[m.By] = true
				}
			}
		}
	}
	delete(names, "")
	return names
}

// A loadStore is one step that stores items. Its state contains the users whom the items name.
type loadStore struct {
	group   string
	cutting bool   // the items belong to the checkpoint
	newest  uint64 // the version of its newest file
	blank   bool   // it has empty records
	state   *state
	before  map[string]record.Standing
	places  map[string]uint64 // where files are, by ID: the version, 0 for none
	out     []store.Pair
}

func newLoadStore(l *loading) *loadStore {
	s := &loadStore{
		group: string(l.group), cutting: l.parts > 0, newest: l.newest, blank: l.blank, state: newState(),
		places: make(map[string]uint64),
	}
	s.state.head, s.state.custom, s.state.announcement = l.head, l.custom, l.announcement
	return s
}

// read reads what is stored of the users and the files of the items.
func (s *loadStore) read(r store.Reader, batch []loadItem, names map[string]bool) error {
	users := make([]string, 0, len(names)+2)
	for user := range names {
		users = append(users, user)
	}
	for _, user := range []string{s.state.head.Owner, s.state.announcement.By} {
		if user != "" {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	users = slices.Compact(users)
	s.before = make(map[string]record.Standing, len(users))
	s.state.standings = make(map[string]*record.Standing, len(users))
	for part := range slices.Chunk(users, store.MaxPage/2) {
		values, err := store.GetMany(r, key.Access(s.group, part...)[1:])
		if err != nil {
			return storage(err)
		}
		for i, user := range part {
			st, err := decodeStanding(values[2*i], values[2*i+1])
			if err != nil {
				return err
			}
			s.before[user] = st
			*s.state.standing(user) = st
		}
	}
	return s.readFiles(r, batch)
}

// store stores one item in the state.
func (s *loadStore) store(i *loadItem) error {
	switch {
	case i.call != nil:
		return s.storeCall(i)
	case i.file != nil:
		return s.storeFile(i.file)
	}
	have, st := s.state.standing(i.user), i.standing
	if st.Member() {
		s.state.setRole(i.user, Role(st.Role), st.Joined)
		have.Joined, have.AdminSince = st.Joined, st.AdminSince
	}
	for _, kind := range marks {
		if mark := *kind.field(st); mark != nil {
			s.state.setMark(i.user, kind, mark)
		}
	}
	return nil
}

// storeCall applies a call.
func (s *loadStore) storeCall(i *loadItem) error {
	call := *i.call
	if call.At < s.state.head.Modified {
		return invalid(fieldLog, "goes back in time at version %d", i.last)
	}
	call.Events = slices.Clone(call.Events)
	for n := range call.Events {
		e := &call.Events[n]
		if err := s.storeFileEvent(e, i.last+uint64(n+1)-uint64(len(call.Events))); err != nil {
			return err
		}
		s.state.apply(&call, e)
	}
	s.state.head.Version = i.last - uint64(len(call.Events))
	s.state.advance(&call)
	if i.logged {
		s.out = append(s.out, store.Pair{Key: key.Event(s.group, i.last), Value: call.Encode()})
	}
	return nil
}

// pairs returns what the step writes.
func (s *loadStore) pairs() []store.Pair {
	for user, st := range s.state.standings {
		before, known := s.before[user]
		if known && *st == before && !st.Empty() {
			continue
		}
		if *st != before {
			s.out = s.standingPairs(s.out, nil, user, &before, st)
		}
		if s.cutting {
			s.out = s.standingPairs(s.out, []byte{key.Checkpoint}, user, &before, st)
		}
		if st.Empty() && !isPseudonym(user) {
			s.out = append(s.out, tracePair(s.group, user))
		}
	}
	return s.out
}

// standingPairs appends the record of a standing: that of the present state, or that of the
// checkpoint. A user whom the checkpoint names and who is nothing has an empty record in it; see traceWalk.
func (s *loadStore) standingPairs(out []store.Pair, in []byte, user string, before, st *record.Standing) []store.Pair {
	at := func(area byte) []byte { return append(append(append(key.Group(s.group), in...), area), user...) }
	var member, outsider []byte
	switch {
	case st.Member():
		member = st.Encode()
	case !st.Empty():
		outsider = st.Encode()
	case in != nil && !isPseudonym(user):
		outsider, s.blank = []byte{}, true
	}
	if member != nil || before.Member() {
		out = append(out, store.Pair{Key: at(key.Members), Value: member})
	}
	if outsider != nil || !before.Member() && !before.Empty() || in != nil && s.blank {
		out = append(out, store.Pair{Key: at(key.Outsiders), Value: outsider})
	}
	return out
}
