package rest

import (
	"context"
	"errors"

	"groupkit"
)

// listBlocks answers GET /chatgroups/{group}/blocks/users.
func listBlocks(c *call) (answer, error) {
	return listed(c, c.reader().BlacklistFrom, func(b *groupkit.Block) groupkit.UserID { return b.User })
}

// block blocks for good: the API knows no other blocks.
func block(a groupkit.Actor) batch {
	return func(ctx context.Context, group groupkit.GroupID, users []groupkit.UserID) (groupkit.Results, error) {
		return a.BlockUsers(ctx, group, groupkit.Forever, users)
	}
}

func unblock(a groupkit.Actor) batch { return a.UnblockUsers }

// addNamedBlocks answers POST /chatgroups/{group}/blocks/users/{user}.
func addNamedBlocks(c *call) (answer, error) { return addBlocks(c, (*call).users) }

// addBodyBlocks answers POST /chatgroups/{group}/blocks/users.
func addBodyBlocks(c *call) (answer, error) { return addBlocks(c, (*call).bodyUsers) }

func addBlocks(c *call, whom func(*call) ([]groupkit.UserID, error)) (answer, error) {
	results, err := c.runFor(whom, block, nil)
	return c.oneOrMany("add_blocks", results, err)
}

// removeBlocks answers DELETE /chatgroups/{group}/blocks/users/{user}.
func removeBlocks(c *call) (answer, error) {
	results, err := c.runFor((*call).users, unblock, c.unblocked)
	return c.oneOrMany("remove_blocks", results, err)
}

// unblocked tells a user who is not blocked from one whom the app does not know.
func (c *call) unblocked(user groupkit.UserID, err error) error {
	if errors.Is(err, groupkit.ErrNotBlacklisted) && !c.knows(user) {
		return &groupkit.Error{Op: groupkit.OpUnblockUsers, Group: c.group(), User: user, Err: groupkit.ErrUserNotFound}
	}
	return err
}
