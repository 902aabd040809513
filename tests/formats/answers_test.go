package formats_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store"
)

// stranger is a user of whom the database knows nothing.
const stranger groupkit.UserID = "never seen"

// standings reads what the engine answers to and about every user in a group. Users to
// whom it answers as to a stranger are counted.
func (r *reading) standings(id groupkit.GroupID) {
	got := struct {
		Users    map[string][]string `json:"users,omitempty"` // by the answer
		Others   int                 `json:"others"`
		Stranger string              `json:"stranger"`
	}{make(map[string][]string), 0, r.answer(id, stranger)}
	for _, user := range r.all.users {
		answer := r.answer(id, groupkit.UserID(user))
		if answer == got.Stranger {
			got.Others++
		} else {
			got.Users[answer] = append(got.Users[answer], user)
		}
	}
	r.add("answers", id, "", got)
}

// answer is what one user is in a group, may see of it and may say in it.
func (r *reading) answer(id groupkit.GroupID, user groupkit.UserID) string {
	role, err := r.eng.System().Role(r.ctx, id, user)
	answer := []string{cmp.Or(r.refusal(err), of(r, "role", roleWords, role))}
	if own, err := r.eng.As(user).Role(r.ctx, id, user); err == nil {
		require.Equal(r.t, role, own)
	}
	sight := "sees all"
	seen, err := r.eng.As(user).Group(r.ctx, id)
	switch {
	case err != nil:
		sight = "sees: " + r.refusal(err)
	case seen.Owner == "":
		require.Equal(r.t, groupkit.Group{
			ID: seen.ID, Name: seen.Name, Description: seen.Description, Avatar: seen.Avatar, MemberCount: seen.MemberCount,
		}, seen)
		sight = "sees what is shown to the invited"
	}
	speech := "may speak"
	if err := r.eng.As(user).MaySpeak(r.ctx, id); err != nil {
		speech = "speaks: " + r.refusal(err)
		if muted, ok := errors.AsType[*groupkit.MutedError](err); ok && !muted.Until.IsZero() {
			speech += " until " + instant(muted.Until)
		}
	}
	return strings.Join(append(answer, sight, speech), "; ")
}

// user reads the groups that a user is in, and what the user has pending.
func (r *reading) user(user groupkit.UserID) {
	got := struct {
		Joined      []string `json:"joined"`
		Requests    []any    `json:"requests,omitempty"`
		Invitations []any    `json:"invitations,omitempty"`
	}{Joined: []string{}}
	system := r.eng.System()
	joined := collect(r, system.JoinedGroups(r.ctx, user))
	page, err := system.JoinedGroupsPage(r.ctx, user, groupkit.Page{Size: 1000})
	require.NoError(r.t, err)
	require.Equal(r.t, joined, page)
	for _, g := range joined {
		one, err := system.Group(r.ctx, g.ID)
		require.NoError(r.t, err)
		require.Equal(r.t, one, g.Group)
		role, err := system.Role(r.ctx, g.ID, user)
		require.NoError(r.t, err)
		require.Equal(r.t, role, g.Role)
		got.Joined = append(got.Joined, string(g.ID))
	}
	slices.Sort(got.Joined)
	requests := collect(r, system.PendingRequests(r.ctx, user))
	slices.SortFunc(requests, func(x, y groupkit.Request) int { return cmp.Compare(x.Group, y.Group) })
	got.Requests = each(requests, shapeOfRequest)
	invitations := collect(r, system.PendingInvitations(r.ctx, user))
	slices.SortFunc(invitations, func(x, y groupkit.Invitation) int { return cmp.Compare(x.Group, y.Group) })
	got.Invitations = each(invitations, shapeOfInvitation)
	r.add("user", "", user, got)
}

// content reads the content of a file to its end.
func (r *reading) content(id groupkit.GroupID, file groupkit.FileID) contentShape {
	_, content, err := r.eng.System().OpenFile(r.ctx, id, file)
	require.NoError(r.t, err)
	read, err := io.ReadAll(content)
	require.NoError(r.t, errors.Join(err, content.Close()))
	sum := sha256.Sum256(read)
	return contentShape{string(file), len(read), hex.EncodeToString(sum[:])}
}

// buckets reads the application's own data.
func (r *reading) buckets() {
	for _, name := range r.all.buckets {
		require.NoError(r.t, r.eng.Bucket(r.ctx, name, func(in store.Reader) error {
			pairs, more, err := in.Scan(store.Range{})
			require.False(r.t, more)
			for _, p := range pairs {
				r.add("bucket "+name, "", "", []string{hex.EncodeToString(p.Key), hex.EncodeToString(p.Value)})
			}
			return err
		}))
	}
}

// calls repeats every call that has an idempotency key. It reads what was recorded.
func (r *reading) calls() {
	for _, call := range onceCalls {
		got, err := call.do(r.ctx, call.actor(r.eng))
		require.NoError(r.t, err, call.key)
		r.add("repeated "+call.key, "", call.as, r.recorded(got))
	}
}

// recorded is what a call has returned.
func (r *reading) recorded(got any) any {
	switch got := got.(type) {
	case nil:
		return "done"
	case groupkit.Group:
		return shapeOfGroup(got)
	case groupkit.File:
		return shapeOfFile(got)
	case groupkit.Outcome:
		return of(r, "outcome", outcomeWords, got)
	case groupkit.Results:
		return each(got, r.shapeOfResult)
	case []groupkit.Field:
		return each(got, func(f groupkit.Field) any { return of(r, "field", fieldWords, f) })
	case until:
		return instant(got.Time)
	}
	require.Failf(r.t, "no shape", "for %T", got)
	return nil
}
