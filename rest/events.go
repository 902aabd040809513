package rest

import (
	"context"
	"net/http"

	"groupkit"
)

// followGroup answers with the events of a group.
func followGroup(c *call) (answer, error) {
	return c.follow(func(ctx context.Context, from groupkit.Position) (*groupkit.Follower, error) {
		return c.reader().Follow(ctx, c.group(), from)
	})
}

// followAll answers with the events of all groups.
func followAll(c *call) (answer, error) {
	return c.follow(func(ctx context.Context, from groupkit.Position) (*groupkit.Follower, error) {
		return c.reader().FollowAll(ctx, from)
	})
}

// follow opens a follower and sends what it gives. What the engine refuses is an error as of any
// other route.
func (c *call) follow(open func(context.Context, groupkit.Position) (*groupkit.Follower, error)) (answer, error) {
	from, err := c.from()
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(c.h.serving, cancel)()
	if c.h.serving.Err() != nil {
		return answer{}, unavailable
	}
	opening, opened := context.WithTimeout(ctx, c.h.opts.Timeout)
	defer opened()
	f, err := open(opening, from)
	if err != nil {
		return answer{}, err
	}
	defer f.Close()
	s := &stream{c: c, ctx: ctx, follower: f, control: http.NewResponseController(c.w)}
	s.serve()
	return answer{sent: true}, nil
}

// from returns the position to follow from. The header counts, because browsers repeat the URL
// when they go on.
func (c *call) from() (groupkit.Position, error) {
	text := c.asked.Header.Get("Last-Event-ID")
	if text == "" {
		text = c.query().Get("from")
		if text == "latest" {
			return groupkit.Latest(), nil
		}
	}
	from, err := groupkit.ParsePosition(text)
	if err != nil {
		return from, invalid(err.Error())
	}
	return from, nil
}
