package main

import (
	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
)

// casbinModel gives a user a role in a group; mutes it does not know.
const casbinModel = `
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.act == p.act
`

type enforcer interface {
	Enforce(rvals ...any) (bool, error)
}

// newEnforcers are Casbin, and Casbin with its cache of answers, knowing the roles of
// all members.
func newEnforcers(a *app) (plain, cached enforcer, err error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, nil, err
	}
	c, err := casbin.NewCachedEnforcer(m)
	if err != nil {
		return nil, nil, err
	}
	if _, err := c.AddPolicies([][]string{{"member", "speak"}, {"owner", "speak"}}); err != nil {
		return nil, nil, err
	}
	for group := range a.full() {
		rules := make([][]string, groupSize)
		for j := range rules {
			role := "member"
			if j == 0 {
				role = "owner"
			}
			rules[j] = []string{string(a.user(a.member(group, j))), role, string(a.group(group))}
		}
		if _, err := c.AddGroupingPolicies(rules); err != nil {
			return nil, nil, err
		}
	}
	return c.Enforcer, c, nil
}

func ask(a *app, e enforcer, p pick) (bool, error) {
	return e.Enforce(string(a.user(int(p.user))), string(a.group(int(p.group))), "speak")
}
