package rest

import (
	"context"
	"errors"
	"math"
	"time"

	"groupkit"
)

// A muted is an entry of the list of mutes, or what a call did to one user.
type muted struct {
	Result *bool           `json:"result,omitempty"` // nil in the list
	Expire int64           `json:"expire,omitempty"`
	Reason string          `json:"reason,omitempty"`
	User   groupkit.UserID `json:"user"`
}

// listMutes answers GET /chatgroups/{group}/mute, with the action "post": so does the live service.
func listMutes(c *call) (answer, error) {
	out, from := []muted{}, groupkit.From{Limit: maxPage}
	for {
		page, next, err := c.reader().MutesFrom(c.ctx, c.group(), from)
		if err != nil {
			return answer{}, err
		}
		for _, m := range page {
			out = append(out, muted{Expire: millis(m.Until), User: m.User})
		}
		if from.Cursor = next; next == "" {
			return answer{data: out, action: "post"}, nil
		}
	}
}

// muteMembers answers POST /chatgroups/{group}/mute.
func muteMembers(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	users, err := body.users("usernames")
	if err != nil {
		return answer{}, err
	}
	ms, err := body.number("mute_duration")
	if err != nil {
		return answer{}, err
	}
	results, err := c.run(func(a groupkit.Actor) batch {
		return func(ctx context.Context, group groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error) {
			return a.MuteUsers(ctx, group, duration(ms), users)
		}
	}, users, nil)
	return c.mutes(results, err)
}

// duration converts milliseconds, of which -1 are forever. A duration that is longer than a
// time.Duration can be is the longest.
func duration(ms int64) time.Duration {
	const longest = math.MaxInt64 / int64(time.Millisecond)
	if ms == -1 {
		return groupkit.Forever
	}
	return time.Duration(min(max(ms, -longest), longest)) * time.Millisecond
}

// unmuteMembers answers DELETE /chatgroups/{group}/mute/{user}. It succeeds for users who are not
// muted or not known.
func unmuteMembers(c *call) (answer, error) {
	users, err := c.users()
	if err != nil {
		return answer{}, err
	}
	results, err := c.run(func(a groupkit.Actor) batch { return a.UnmuteUsers }, users, func(_ groupkit.UserID, err error) error {
		if errors.Is(err, groupkit.ErrNotMuted) || errors.Is(err, groupkit.ErrInvalid) {
			return nil
		}
		return err
	})
	return c.mutes(results, err)
}

// mutes answers with an array.
func (c *call) mutes(results groupkit.Results, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	out := make([]muted, len(results))
	for i, r := range results {
		out[i] = muted{Result: new(r.Err == nil), User: r.User}
		if r.Err != nil {
			out[i].Reason = c.reason(r)
		} else {
			out[i].Expire = millis(r.Until)
		}
	}
	return answer{data: out}, nil
}

// muteGroup answers POST /chatgroups/{group}/ban.
func muteGroup(c *call) (answer, error) { return c.muteAll(true, groupkit.Actor.MuteGroup) }

// unmuteGroup answers DELETE /chatgroups/{group}/ban.
func unmuteGroup(c *call) (answer, error) { return c.muteAll(false, groupkit.Actor.UnmuteGroup) }

func (c *call) muteAll(mute bool, verb func(groupkit.Actor, context.Context, groupkit.GroupID) error) (answer, error) {
	a, err := c.writer()
	if err == nil {
		err = verb(a, c.ctx, c.group())
	}
	return answer{data: struct {
		Mute bool `json:"mute"`
	}{mute}}, err
}
