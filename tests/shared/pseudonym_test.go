package shared_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/internal/sharedmem"
	"groupkit/store"
	"groupkit/store/memblob"
)

// little is what a store can take that takes little at once.
var little = store.Sizes{Reads: 60, Writes: 48}

// A nameless world is a group in which alice has left her name in more places than one transaction can
// write.
type nameless struct {
	*cluster
	opts groupkit.Options
}

func newNameless(t *testing.T, o sharedmem.Options) *nameless {
	o.Numbers = true
	if o.Sizes == (store.Sizes{}) {
		o.Sizes = little
	}
	return &nameless{cluster: &cluster{t: t, data: sharedmem.New(o), blobs: memblob.New()}}
}

func (n *nameless) openAs(s store.Store) *process {
	opts := n.opts
	eng, err := groupkit.New(s, grouptest.KeptBlobs{Blobs: n.blobs}, &opts)
	require.NoError(n.t, err)
	n.t.Cleanup(func() { _ = eng.Close() })
	return &process{eng, s}
}

func (n *nameless) openLittle() *process { return n.openAs(n.data.Open()) }

// stepping is a store that calls a function after each of its Updates, and then may fail for ever.
type stepping struct {
	*sharedmem.Store
	updates int
	armed   bool
	failed  error
	after   func(update int) error
}

func (s *stepping) arm() { s.armed = true }

func (s *stepping) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.failed != nil {
		return s.failed
	}
	err := s.Store.Update(ctx, fn)
	if s.armed && err == nil {
		s.updates++
		s.failed = s.after(s.updates)
	}
	return err
}

// fill makes the group "g".
func (n *nameless) fill(p *process) {
	ctx, system := n.t.Context(), p.System()
	others := names("user", 70)
	_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", MaxUsers: 500, Public: true, Members: grouptest.IDs{"alice", "bob"}})
	require.NoError(n.t, err)
	for _, u := range others {
		require.NoError(n.t, system.AddMember(ctx, "g", u))
	}
	require.NoError(n.t, system.AddAdmin(ctx, "g", "alice"))
	alice := p.As("alice")
	for i, u := range others {
		switch i % 3 {
		case 0:
			require.NoError(n.t, grouptest.ErrorOf(alice.Mute(ctx, "g", groupkit.Forever, u)))
		case 1:
			require.NoError(n.t, grouptest.ErrorOf(alice.Block(ctx, "g", groupkit.Forever, u)))
		case 2:
			require.NoError(n.t, alice.Allow(ctx, "g", u))
		}
		require.NoError(n.t, alice.SetAnnouncement(ctx, "g", fmt.Sprint("news ", i)))
	}
	require.NoError(n.t, grouptest.ErrorOf(alice.UploadFile(ctx, "g", "a.txt", strings.NewReader("a"))))
}

var (
	pseudonymize = groupkit.ForgetOptions{Owned: groupkit.OwnedSucceed, Pseudonymize: true}
	pseudonyms   = regexp.MustCompile(`forgotten-[0-9a-f-]{36}`)
)

// seen is all that can be read of the group.
func seen(t *testing.T, p *process, group groupkit.GroupID) string {
	ctx, system := t.Context(), p.System()
	var all []any
	keep := func(what any, err error) {
		require.NoError(t, err)
		all = append(all, what)
	}
	keep(grouptest.Collect(system.Events(ctx, group, 0)))
	keep(system.Snapshot(ctx, group))
	keep(grouptest.Collect(system.Mutes(ctx, group)))
	keep(grouptest.Collect(system.Blacklist(ctx, group)))
	keep(grouptest.Collect(system.AllowList(ctx, group)))
	keep(system.MutesPage(ctx, group, groupkit.Page{}))
	first, _, err := system.BlacklistFrom(ctx, group, groupkit.From{})
	keep(first, err)
	keep(grouptest.Collect(system.Files(ctx, group)))
	keep(system.FilesPage(ctx, group, groupkit.Page{}))
	files, _, err := system.FilesFrom(ctx, group, groupkit.From{})
	keep(files, err)
	for _, f := range files {
		keep(system.File(ctx, group, f.ID))
	}
	keep(system.Announcement(ctx, group))
	var about []groupkit.UserData
	for _, u := range names("user", 3) {
		for _, d := range grouptest.MustCollect(t, system.UserData(ctx, u)) {
			if d.Group == group {
				about = append(about, d)
			}
		}
	}
	text, err := json.Marshal(about)
	keep(string(text), err)
	for _, u := range names("user", 3) {
		st, err := system.Standing(ctx, group, u)
		keep(fmt.Sprintf("%+v %+v %+v", st.Mute, st.Block, st.Allowed), err)
	}
	var out strings.Builder
	for _, part := range all {
		fmt.Fprintf(&out, "%+v\n", part)
	}
	log, _ := grouptest.Collect(system.Events(ctx, group, 0))
	for _, e := range log {
		if e.File != nil {
			fmt.Fprintf(&out, "%+v\n", *e.File)
		}
		if e.Checkpoint != nil {
			fmt.Fprintf(&out, "%+v\n", *e.Checkpoint)
		}
	}
	return regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(out.String(), "")
}

// requireNameless looks into the store for what is left of a name, and whether the rest is sound.
func (n *nameless) requireNameless(p *process, name string, ids ...groupkit.GroupID) {
	n.t.Helper()
	for k, v := range grouptest.DumpStore(n.t, n.data.Open()) {
		require.NotContains(n.t, k+v, name)
	}
	require.Empty(n.t, n.keys(key.Renames()))
	grouptest.RequireVerified(n.t, p.Engine)
	for _, id := range ids {
		n.requireReplayed(p, id)
	}
}

func (n *nameless) requireReplayed(p *process, id groupkit.GroupID) {
	n.t.Helper()
	want, err := p.System().Snapshot(n.t.Context(), id)
	require.NoError(n.t, err)
	got, err := groupkit.Replay(p.System().Events(n.t.Context(), id, 0))
	require.NoError(n.t, err)
	require.Equal(n.t, want, got)
}

// count returns how many events of the kind the log of a group has.
func (n *nameless) count(p *process, id groupkit.GroupID, kind groupkit.EventKind) (count int) {
	for e, err := range p.System().Events(n.t.Context(), id, 0) {
		require.NoError(n.t, err)
		if e.Kind == kind {
			count++
		}
	}
	return count
}

// A log of any length loses the name, however little a transaction can take. From the first transaction on
// everybody sees the same pseudonym everywhere.
func TestActor_ForgetUser_InSteps(t *testing.T) {
	t.Parallel()
	n := newNameless(t, sharedmem.Options{PointsOnly: true, Rerun: 0.2})
	reader := n.openLittle()
	n.fill(reader)
	require.Contains(t, seen(t, reader, "g"), "alice")
	var views []string
	s := &stepping{Store: n.data.Open(), after: func(int) error {
		view := seen(t, reader, "g")
		require.NotContains(t, view, "alice")
		require.Empty(t, grouptest.MustCollect(t, reader.System().UserData(t.Context(), "alice")))
		views = append(views, view)
		grouptest.RequireVerified(t, reader.Engine)
		n.requireReplayed(reader, "g")
		return nil
	}}
	eng := n.openAs(s)
	s.arm()
	require.NoError(t, eng.System().ForgetUser(t.Context(), "alice", pseudonymize))
	require.Greater(t, len(views), 4)
	for _, view := range views {
		require.Equal(t, views[0], view)
	}
	all := pseudonyms.FindAllString(views[0], -1)
	require.Greater(t, len(all), 300)
	for _, name := range all {
		require.Equal(t, all[0], name)
	}
	require.Equal(t, 1, n.count(reader, "g", groupkit.Pseudonymized))
	n.requireNameless(reader, "alice", "g")
}

// errGone is the error of a store whose process is gone.
var errGone = store.ErrClosed

// cutOff forgets alice and dies after some transactions. It returns false if there were not so many.
func (n *nameless) cutOff(after int) bool {
	s := &stepping{Store: n.data.Open()}
	s.after = func(update int) error {
		if update == after {
			return errGone
		}
		return nil
	}
	dying := n.openAs(s)
	s.arm()
	return dying.System().ForgetUser(n.t.Context(), "alice", pseudonymize) != nil
}

// Cut off after any step, it is finished by repeating it, by the next opening, by retention, and by
// whoever brings the user back.
func TestActor_ForgetUser_CutOffInSteps(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(*nameless, *process){
		"repeated": func(n *nameless, p *process) {
			require.NoError(n.t, p.System().ForgetUser(n.t.Context(), "alice", pseudonymize))
		},
		"retention": func(n *nameless, p *process) {
			require.NoError(n.t, grouptest.ErrorOf(p.Sweep(n.t.Context())))
			require.Less(n.t, n.count(p, "g", groupkit.AnnouncementChanged), 10)
		},
		"another user": func(n *nameless, p *process) {
			require.NoError(n.t, p.System().ForgetUser(n.t.Context(), "bob", pseudonymize))
			require.Equal(n.t, 2, n.count(p, "g", groupkit.Pseudonymized))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after, more := 1, true; more; after++ {
				n := newNameless(t, sharedmem.Options{PointsOnly: true})
				if name == "retention" {
					n.opts.Retention = groupkit.Retention{MaxEvents: 7}
				}
				p := n.openLittle()
				n.fill(p)
				if more = n.cutOff(after); more {
					require.NotContains(t, seen(t, p, "g"), "alice")
				}
				finish(n, p)
				n.requireNameless(p, "alice", "g")
				require.LessOrEqual(t, after, 30)
			}
		})
	}
}

// Retention removes calls in steps, however little a transaction can read: each of these calls names two users.
func TestEngine_Sweep_InSteps(t *testing.T) {
	t.Parallel()
	n := newNameless(t, sharedmem.Options{Sizes: store.Sizes{Reads: 60}})
	n.opts.Retention = groupkit.Retention{MaxEvents: 7}
	p := n.openLittle()
	ctx, system := t.Context(), p.System()
	_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: "g", Name: "G", Owner: "olga", MaxUsers: 500, AllowInvites: true})
	require.NoError(t, err)
	for _, u := range names("user", 60) {
		require.NoError(t, system.AddMember(ctx, "g", u))
	}
	for _, u := range names("user", 60) {
		require.NoError(t, grouptest.ErrorOf(p.As(u).Invite(ctx, "g", "friend-of-"+u)))
	}
	require.NoError(t, grouptest.ErrorOf(p.Sweep(ctx)))
	require.Equal(t, 7, n.count(p, "g", groupkit.MemberInvited))
	require.Zero(t, n.count(p, "g", groupkit.MemberJoined))
	grouptest.RequireVerified(t, p.Engine)
}

// A user who comes back while the old name is being replaced is a new one: what it does from then on has its
// name.
func TestActor_ForgetUser_ComesBack(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(context.Context, *process) error{
		"added": func(ctx context.Context, p *process) error { return p.System().AddMember(ctx, "g", "alice") },
		"joins": func(ctx context.Context, p *process) error { return grouptest.ErrorOf(p.As("alice").Join(ctx, "g")) },
		"invited": func(ctx context.Context, p *process) error {
			return grouptest.ErrorOf(p.As("olga").Invite(ctx, "g", "alice"))
		},
		"in a batch": func(ctx context.Context, p *process) error {
			return grouptest.ErrorOf(p.System().AddMembers(ctx, "g", grouptest.IDs{"carl", "alice"}))
		},
		"in a transaction": func(ctx context.Context, p *process) error {
			return p.Atomic(ctx, func(tx *groupkit.Tx) error {
				if err := tx.System().AddMember(ctx, "g", "carl"); err != nil {
					return err
				}
				_ = tx.System().AddMember(ctx, "g", "alice") // whatever the application makes of it
				return tx.System().MuteGroup(ctx, "g")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNameless(t, sharedmem.Options{})
			p := n.openLittle()
			n.fill(p)
			require.True(t, n.cutOff(3))
			require.NotEmpty(t, n.keys(key.Renames()))
			g, err := p.System().Group(t.Context(), "g")
			require.NoError(t, err)
			require.NoError(t, p.As("bob").Leave(t.Context(), "g"), "others do not wait")
			require.NotEmpty(t, n.keys(key.Renames()))
			require.NoError(t, back(t.Context(), p))
			require.Empty(t, n.keys(key.Renames()))
			for e, err := range p.System().Events(t.Context(), "g", 0) {
				require.NoError(t, err)
				if e.Version <= g.Version {
					require.NotContains(t, fmt.Sprintf("%+v %+v", e, e.File), "alice")
				}
			}
			st, err := p.System().Standing(t.Context(), "g", "alice")
			require.NoError(t, err)
			require.True(t, st.Role == groupkit.RoleMember || st.Invitation != nil)
			grouptest.RequireVerified(t, p.Engine)
			n.requireReplayed(p, "g")
			require.NoError(t, p.System().ForgetUser(t.Context(), "alice", pseudonymize))
			n.requireNameless(p, "alice", "g")
			require.Equal(t, 2, n.count(p, "g", groupkit.Pseudonymized))
		})
	}
}

// Two at once, of one user or of two, leave neither name.
func TestActor_ForgetUser_TwoAtOnce(t *testing.T) {
	t.Parallel()
	for _, other := range []groupkit.UserID{"alice", "bob"} {
		t.Run(string(other), func(t *testing.T) {
			t.Parallel()
			n := newNameless(t, sharedmem.Options{PointsOnly: true, Rerun: 0.2})
			one, two := n.openLittle(), n.openLittle()
			n.fill(one)
			var both sync.WaitGroup
			errs := make([]error, 2)
			both.Go(func() { errs[0] = one.System().ForgetUser(t.Context(), "alice", pseudonymize) })
			both.Go(func() { errs[1] = two.System().ForgetUser(t.Context(), other, pseudonymize) })
			both.Wait()
			require.Equal(t, []error{nil, nil}, errs)
			n.requireNameless(one, "alice", "g")
			n.requireNameless(two, string(other), "g")
			want := 1
			if other != "alice" {
				want = 2
			}
			require.Equal(t, want, n.count(one, "g", groupkit.Pseudonymized))
		})
	}
}

// The log that remains of a deleted group loses the name in the same way, and tells so.
func TestActor_ForgetUser_DeletedInSteps(t *testing.T) {
	t.Parallel()
	for after, more := 1, true; more; after++ {
		n := newNameless(t, sharedmem.Options{})
		p := n.openLittle()
		n.fill(p)
		require.NoError(t, p.System().DeleteGroup(t.Context(), "g"))
		more = n.cutOff(after)
		if len(n.keys(key.Renames())) > 0 {
			events, err := grouptest.Collect(p.System().Events(t.Context(), "g", 0))
			require.NoError(t, err)
			require.NotContains(t, fmt.Sprintf("%+v", events), "alice")
			require.Equal(t, groupkit.Pseudonymized, events[len(events)-1].Kind)
		}
		grouptest.RequireVerified(t, p.Engine)
		require.NoError(t, p.System().ForgetUser(t.Context(), "alice", pseudonymize))
		n.requireNameless(p, "alice")
		require.Equal(t, 1, n.count(p, "g", groupkit.Pseudonymized))
	}
}

// What a process has left half written is finished by any living one. Subscribers who read the log meanwhile
// hear the pseudonym.
func TestEngine_takesUpPseudonyms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNameless(t, sharedmem.Options{})
		living := n.openLittle()
		n.fill(living)
		ctx, end := context.WithCancel(t.Context())
		defer end()
		one, err := living.System().Follow(ctx, "g", groupkit.Latest())
		require.NoError(t, err)
		all, err := living.System().FollowAll(ctx, groupkit.Latest())
		require.NoError(t, err)
		mortal := n.openLittle()
		synctest.Wait() // from now on nobody looks before time passes
		require.NoError(t, mortal.As("alice").SetAnnouncement(t.Context(), "g", "last"))
		require.True(t, n.cutOff(3))
		require.NoError(t, mortal.Close())
		for _, sub := range []*groupkit.Follower{one, all} {
			for kind := groupkit.EventKind(0); kind != groupkit.Pseudonymized; {
				e, err := sub.Next(ctx)
				require.NoError(t, err)
				require.NotContains(t, fmt.Sprintf("%+v", e), "alice")
				kind = e.Kind
			}
		}
		require.NotEmpty(t, n.keys(key.Renames()))
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		n.requireNameless(living, "alice", "g")
	})
}

// An opening finishes it at once.
func TestNew_finishesPseudonyms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNameless(t, sharedmem.Options{})
		first := n.openLittle()
		n.fill(first)
		require.True(t, n.cutOff(2))
		next := n.openLittle()
		synctest.Wait()
		n.requireNameless(next, "alice", "g")
	})
}
