package rest

import (
	"context"
	"errors"

	"groupkit"
)

// An outcome is what a call did to one user of one or several.
type outcome struct {
	Result bool             `json:"result"`
	Action string           `json:"action"`
	Reason string           `json:"reason,omitempty"`
	User   groupkit.UserID  `json:"user"`
	Group  groupkit.GroupID `json:"groupid"`
}

// A batch is a call of the engine for many users.
type batch func(ctx context.Context, group groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error)

// run makes a call for many users with the conditions of the headers. It fails if the call fails for
// all of them. learn, if not nil, replaces the error of one user.
func (c *call) run(verb func(groupkit.Actor) batch, users []groupkit.UserID, learn func(groupkit.UserID, error) error) (groupkit.Results, error) {
	a, err := c.writer()
	if err != nil {
		return nil, err
	}
	results, err := verb(a)(c.ctx, c.group(), users)
	if results == nil {
		return nil, err
	}
	failed := 0
	for i := range results {
		if r := &results[i]; r.Err != nil && learn != nil {
			r.Err = learn(r.User, r.Err)
		}
		if results[i].Err != nil {
			failed++
		}
	}
	if failed == len(results) {
		return nil, c.allFailed(results)
	}
	return results, nil
}

// runFor is run for the users whom the request names.
func (c *call) runFor(named func(*call) ([]groupkit.UserID, error), verb func(groupkit.Actor) batch, learn func(groupkit.UserID, error) error) (groupkit.Results, error) {
	users, err := named(c)
	if err != nil {
		return nil, err
	}
	return c.run(verb, users, learn)
}

// allFailed returns the fault of the first user, which names all to whom the same happened.
func (c *call) allFailed(results groupkit.Results) error {
	first := c.text(results[0].Err)
	var users []string
	for _, r := range results {
		if c.text(r.Err) == first {
			users = append(users, string(r.User))
		}
	}
	return faultOf(c, results[0].Err, users)
}

// text returns the text of the rule for an error, without the names in it.
func (c *call) text(err error) string {
	if about, ok := errors.AsType[*groupkit.Error](err); ok {
		if rule := ruleOf(c, about, err); rule != nil {
			return rule.text
		}
	}
	return groupkit.Code(err)
}

// reason says why a call failed for one user, while it succeeded for another.
func (c *call) reason(r groupkit.Result) string {
	if c.text(r.Err) != notMembers {
		return faultOf(c, r.Err, nil).description
	}
	about, _ := errors.AsType[*groupkit.Error](r.Err)
	if about.Op == groupkit.OpRemoveMembers && !c.knows(r.User) {
		return "user " + string(r.User) + " doesn't exist."
	}
	return ruleOf(c, about, r.Err).with(notInGroup).fault(c, about, nil).description
}

// outcomes answers for several users with an array.
func (c *call) outcomes(action string, results groupkit.Results) []outcome {
	out := make([]outcome, len(results))
	for i, r := range results {
		out[i] = outcome{Result: r.Err == nil, Action: action, User: r.User, Group: c.group()}
		if r.Err != nil {
			out[i].Reason = c.reason(r)
		}
	}
	return out
}

// oneOrMany answers for one user with an object, for several with an array.
func (c *call) oneOrMany(action string, results groupkit.Results, err error) (answer, error) {
	switch {
	case err != nil:
		return answer{}, err
	case len(results) == 1:
		return answer{data: c.outcomes(action, results)[0]}, nil
	}
	return answer{data: c.outcomes(action, results)}, nil
}

// many answers with an array.
func (c *call) many(action string, results groupkit.Results, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{data: c.outcomes(action, results)}, nil
}

// knows reports whether the directory knows a user. Without a directory nobody is unknown; nor is
// a user whom it cannot be asked about.
func (c *call) knows(user groupkit.UserID) bool {
	if c.app.Directory == nil {
		return true
	}
	known, err := c.app.Directory.Exists(c.ctx, user)
	return known || err != nil
}

// bodyUsers returns the field "usernames" of the body.
func (c *call) bodyUsers() ([]groupkit.UserID, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	return body.users("usernames")
}

// everyUser reads a whole list, part by part, and returns its names.
func everyUser[T any](read func(groupkit.From) ([]T, string, error), name func(*T) groupkit.UserID) ([]groupkit.UserID, error) {
	out, from := []groupkit.UserID{}, groupkit.From{Limit: maxPage}
	for {
		page, next, err := read(from)
		if err != nil {
			return nil, err
		}
		for i := range page {
			out = append(out, name(&page[i]))
		}
		if from.Cursor = next; next == "" {
			return out, nil
		}
	}
}

// listed answers with all names of a list.
func listed[T any](c *call, read func(context.Context, groupkit.GroupID, groupkit.From) ([]T, string, error), name func(*T) groupkit.UserID) (answer, error) {
	users, err := everyUser(func(from groupkit.From) ([]T, string, error) { return read(c.ctx, c.group(), from) }, name)
	return counted(users), err
}
