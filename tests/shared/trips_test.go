// Package shared_test tests engines that share one store.
package shared_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
	"groupkit/store/memblob"
)

// A call on a shared store makes this many round trips, whatever it is about. The commit is one.
func TestActor_roundTrips(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, c := range []struct {
		name     string
		most     int64
		prepared func(*trips)
		call     func(*trips) error
	}{
		{"join", 2, nil, func(s *trips) error {
			_, err := s.As("dora").Join(ctx, s.open)
			return err
		}},
		{"join with a key", 2, nil, func(s *trips) error {
			_, err := s.As("dora").Once("k").Join(ctx, s.open)
			return err
		}},
		{"join with a key again", 1, func(s *trips) {
			_, err := s.As("dora").Once("k").Join(ctx, s.open)
			require.NoError(t, err)
		}, func(s *trips) error {
			_, err := s.As("dora").Once("k").Join(ctx, s.open)
			return err
		}},
		{"mute", 2, nil, func(s *trips) error {
			_, err := s.As("olga").Mute(ctx, s.open, time.Hour, "user-007")
			return err
		}},
		{"may speak", 1, nil, func(s *trips) error { return s.As("user-007").MaySpeak(ctx, s.open) }},
		{"page of members", 2, nil, func(s *trips) error {
			page, err := s.As("user-007").MembersPage(ctx, s.open, groupkit.Page{Size: 100})
			require.Len(t, page, 100)
			return err
		}},
		{"page of joined groups", 2, func(s *trips) { s.many(t, 50) }, func(s *trips) error {
			page, err := s.As("olga").JoinedGroupsPage(ctx, "olga", groupkit.Page{Size: 20})
			require.Len(t, page, 20)
			return err
		}},
		{"page of joined groups with requests", 3, func(s *trips) { s.ask(t, s.many(t, 50)) }, func(s *trips) error {
			page, err := s.As("olga").JoinedGroupsPage(ctx, "olga", groupkit.Page{Size: 20})
			require.Len(t, page, 20)
			return err
		}},
		{"details of 50 groups", 1, func(s *trips) { s.ids = s.many(t, 50) }, func(s *trips) error {
			found, _, err := s.As("olga").GroupDetails(ctx, s.ids)
			require.Len(t, found, 50)
			return err
		}},
		{"details of 50 groups with requests", 2, func(s *trips) { s.ids = s.many(t, 50); s.ask(t, s.ids) }, func(s *trips) error {
			found, _, err := s.As("olga").GroupDetails(ctx, s.ids)
			require.Len(t, found, 50)
			require.Equal(t, 1, found[0].RequestCount)
			return err
		}},
		{"data of a user in 50 groups", 5, func(s *trips) { s.many(t, 50) }, func(s *trips) error {
			all, err := grouptest.Collect(s.System().UserData(ctx, "olga"))
			require.Len(t, all, 51)
			return err
		}},
		{"batch of 60", 2, nil, func(s *trips) error {
			_, err := s.System().AddMembers(ctx, s.open, names("new", 60))
			return err
		}},
		{"creation with 100 members", 2, nil, func(s *trips) error {
			_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "n", Name: "n", Owner: "olga", Members: names("user", 100)})
			return err
		}},
		{"deletion of 1,000 members", 40, func(s *trips) {
			_, err := s.System().CreateGroup(ctx, groupkit.NewGroup{ID: "large", Name: "Large", Owner: "olga", MaxUsers: 1001, Members: names("many", 1000)})
			require.NoError(t, err)
		}, func(s *trips) error { return s.System().DeleteGroup(ctx, "large") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTrips(t)
			if c.prepared != nil {
				c.prepared(s)
			}
			before := s.data.Counts.Trips.Load()
			require.NoError(t, c.call(s))
			require.LessOrEqual(t, s.data.Counts.Trips.Load()-before, c.most)
		})
	}
}

// trips is an engine on a shared store that counts.
type trips struct {
	*groupkit.Engine
	data *sharedmem.Data
	open groupkit.GroupID // a public group of olga with 200 more members
	ids  []groupkit.GroupID
}

func newTrips(t *testing.T) *trips {
	data := sharedmem.New(sharedmem.Options{Numbers: true})
	clock, opening := grouptest.NewClockAt(grouptest.Dawn), grouptest.NewOpening()
	eng, err := groupkit.New(data.Open(), memblob.New(), &groupkit.Options{
		Clock: clock.Now, Logger: opening.Logger(), Limits: groupkit.Limits{NewMembers: 1000}})
	require.NoError(t, err)
	opening.Wait(t) // what it does in the background reads, too
	t.Cleanup(func() { require.NoError(t, eng.Close()) })
	s := &trips{Engine: eng, data: data, open: "open"}
	_, err = eng.System().CreateGroup(context.Background(), groupkit.NewGroup{
		ID: s.open, Name: "Open", Owner: "olga", Public: true, MaxUsers: 1000, Members: names("user", 200)})
	require.NoError(t, err)
	return s
}

// many makes groups of olga and returns their IDs.
func (s *trips) many(t *testing.T, n int) (ids []groupkit.GroupID) {
	for i := range n {
		id := groupkit.GroupID(fmt.Sprintf("group-%03d", i))
		_, err := s.System().CreateGroup(t.Context(), groupkit.NewGroup{
			ID: id, Name: "Group", Owner: "olga", Public: true, MembersOnly: true, Custom: strings.Repeat("x", 10)})
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

// ask makes a request to each group.
func (s *trips) ask(t *testing.T, groups []groupkit.GroupID) {
	for _, id := range groups {
		_, err := s.As("dora").Join(t.Context(), id)
		require.NoError(t, err)
	}
}

func names(prefix string, n int) (users []groupkit.UserID) {
	for i := range n {
		users = append(users, groupkit.UserID(fmt.Sprintf("%s-%03d", prefix, i)))
	}
	return users
}
