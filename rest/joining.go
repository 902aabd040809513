package rest

import (
	"groupkit"
)

// A step is what a call did on the way of a user into a group.
type step struct {
	Result bool             `json:"result"`
	Action string           `json:"action"`
	Reason string           `json:"reason,omitempty"`
	User   groupkit.UserID  `json:"user"`
	Group  groupkit.GroupID `json:"id"`
}

func (c *call) step(action string, user groupkit.UserID) answer {
	return answer{data: step{Result: true, Action: action, User: user, Group: c.group()}}
}

// apply answers POST /chatgroups/{group}/apply: the user who calls joins, or asks to.
func apply(c *call) (answer, error) {
	body, err := c.body()
	if err != nil {
		return answer{}, err
	}
	message, err := body.optional("message")
	if err != nil {
		return answer{}, err
	}
	if err := c.onlyUser(); err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err == nil {
		_, err = a.Because(message).Join(c.ctx, c.group())
	}
	return c.step("apply", c.caller.User), err
}

// A verdict is the body of apply_verify and invite_verify.
type verdict struct {
	user   groupkit.UserID
	yes    bool
	reason string
}

// verdict reads the body; who is the name of the field with the user.
func (c *call) verdict(who string) (v verdict, err error) {
	body, err := c.body()
	if err != nil {
		return v, err
	}
	user, err := body.filled(who)
	if err != nil {
		return v, err
	}
	v.user = groupkit.UserID(user)
	if v.yes, err = body.flag("verifyResult"); err != nil {
		return v, err
	}
	v.reason, err = body.optional("reason")
	return v, err
}

// verifyApply answers POST /chatgroups/{group}/apply_verify.
func verifyApply(c *call) (answer, error) {
	v, err := c.verdict("applicant")
	if err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err != nil {
		return answer{}, err
	}
	if a = a.Because(v.reason); v.yes {
		err = a.ApproveRequest(c.ctx, c.group(), v.user)
	} else {
		err = a.DeclineRequest(c.ctx, c.group(), v.user)
	}
	return c.step("applyVerify", v.user), err
}

// invite answers POST /chatgroups/{group}/invite.
func invite(c *call) (answer, error) {
	users, err := c.bodyUsers()
	if err != nil {
		return answer{}, err
	}
	results, err := c.run(func(a groupkit.Actor) batch { return a.InviteUsers }, users, nil)
	if err != nil {
		return answer{}, err
	}
	out := make([]step, len(results))
	for i, r := range results {
		out[i] = step{Result: r.Err == nil, Action: "invite", User: r.User, Group: c.group()}
		if r.Err != nil {
			out[i].Reason = c.reason(r)
		}
	}
	return answer{data: out}, nil
}

// verifyInvite answers POST /chatgroups/{group}/invite_verify. A user answers for itself; the
// application answers for any user, and then the user is who acts.
func verifyInvite(c *call) (answer, error) {
	v, err := c.verdict("invitee")
	if err != nil {
		return answer{}, err
	}
	if !c.caller.System && v.user != c.caller.User {
		return answer{}, forbidden("only the invited user may")
	}
	a, err := c.conditional(c.app.Engine.As(v.user))
	if err != nil {
		return answer{}, err
	}
	if a = a.Because(v.reason); v.yes {
		err = a.AcceptInvitation(c.ctx, c.group())
	} else {
		err = a.DeclineInvitation(c.ctx, c.group())
	}
	return c.step("inviteVerify", v.user), err
}

// quit answers DELETE /chatgroups/{group}/quit: the user who calls leaves.
func quit(c *call) (answer, error) {
	if err := c.onlyUser(); err != nil {
		return answer{}, err
	}
	a, err := c.writer()
	if err == nil {
		err = a.Leave(c.ctx, c.group())
	}
	return answer{data: struct {
		Result bool `json:"result"`
	}{true}}, err
}
