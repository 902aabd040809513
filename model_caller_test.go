package groupkit_test

import (
	"fmt"
	"groupkit"
)

func (c caller) String() string {
	s := fmt.Sprintf("%q", c.user)
	if c.system {
		s = "system"
	}
	if c.reason != "" {
		s += fmt.Sprintf(" because %.20q", c.reason)
	}
	if c.version != nil {
		s += fmt.Sprintf(" if version %d", *c.version)
	}
	return s
}

func (c caller) actor(in groupkit.Scope) groupkit.Actor {
	a := in.System()
	if !c.system {
		a = in.As(c.user)
	}
	if c.reason != "" {
		a = a.Because(c.reason)
	}
	if c.version != nil {
		a = a.IfVersion(*c.version)
	}
	return a
}
