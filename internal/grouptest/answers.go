package grouptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"groupkit"
)

// Answers are what the engine answers to every read, by the name of the read.
type Answers map[string]string

// ReadAnswers makes every read of the public API about the groups and the users, for the
// system. told are the reads that were refused because the data are damaged.
func ReadAnswers(ctx context.Context, eng *groupkit.Engine, groups []groupkit.GroupID, users []groupkit.UserID) (answers Answers, told []string) {
	r := &answering{ctx: ctx, eng: eng, system: eng.System(), answers: make(Answers)}
	add(r, "groups", "", collected(r.system.Groups(ctx)))
	found, missing, err := r.system.GroupDetails(ctx, groups)
	add(r, "details", "", func() (any, error) { return []any{found, missing}, err })
	for _, group := range groups {
		r.group(group)
		for _, user := range users {
			r.standing(group, user)
		}
	}
	for _, user := range users {
		add(r, "joined", string(user), collected(r.system.JoinedGroups(ctx, user)))
		add(r, "requests of", string(user), collected(r.system.PendingRequests(ctx, user)))
		add(r, "invitations of", string(user), collected(r.system.PendingInvitations(ctx, user)))
	}
	return r.answers, r.told
}

type answering struct {
	ctx     context.Context
	eng     *groupkit.Engine
	system  groupkit.Actor
	answers Answers
	told    []string
}

// add makes a read and notes its answer.
func add(r *answering, what, of string, read func() (any, error)) {
	got, err := read()
	if errors.Is(err, groupkit.ErrCorrupt) {
		r.told = append(r.told, what+" "+of)
	}
	text, failed := json.Marshal(got)
	Must(failed)
	r.answers[what+" "+of] = fmt.Sprintf("%s %v", text, err)
}

func collected[T any](all iter.Seq2[T, error]) func() (any, error) {
	return func() (any, error) { return Collect(all) }
}

func one[T any](got T, err error) func() (any, error) {
	return func() (any, error) { return got, err }
}

// group makes every read that is about one group.
func (r *answering) group(group groupkit.GroupID) {
	ctx, of := r.ctx, string(group)
	add(r, "group", of, one(r.system.Group(ctx, group)))
	add(r, "announcement", of, one(r.system.Announcement(ctx, group)))
	add(r, "members", of, collected(r.system.Members(ctx, group)))
	add(r, "admins", of, collected(r.system.Admins(ctx, group)))
	add(r, "mutes", of, collected(r.system.Mutes(ctx, group)))
	add(r, "blacklist", of, collected(r.system.Blacklist(ctx, group)))
	add(r, "allow list", of, collected(r.system.AllowList(ctx, group)))
	add(r, "requests", of, collected(r.system.Requests(ctx, group)))
	add(r, "invitations", of, collected(r.system.Invitations(ctx, group)))
	add(r, "events", of, collected(r.system.Events(ctx, group, 0)))
	add(r, "snapshot", of, one(r.system.Snapshot(ctx, group)))
	add(r, "files", of, collected(r.system.Files(ctx, group)))
	files, _ := Collect(r.system.Files(ctx, group))
	for _, f := range files {
		add(r, "content", string(f.ID), r.content(group, f.ID))
	}
}

func (r *answering) content(group groupkit.GroupID, file groupkit.FileID) func() (any, error) {
	return func() (any, error) {
		_, content, err := r.system.OpenFile(r.ctx, group, file)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(content)
		return string(text), errors.Join(err, content.Close())
	}
}

// standing makes every read that is about one user in a group.
func (r *answering) standing(group groupkit.GroupID, user groupkit.UserID) {
	of := fmt.Sprintf("%s of %s", user, group)
	add(r, "role", of, one(r.system.Role(r.ctx, group, user)))
	add(r, "view", of, one(r.eng.As(user).Group(r.ctx, group)))
	add(r, "speech", of, func() (any, error) { return nil, r.eng.As(user).MaySpeak(r.ctx, group) })
}
