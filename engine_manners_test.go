package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/modeltest"
)

// The engines are not only asked to make a change, but each in a manner of its own,
// and the answer has to be the same.

// A manner is a way to make a call. It returns one reply, or several that all have
// to be the right one.
type manner func(*rapid.T, *instance, call, *modeltest.Refusal) []reply

type reply struct {
	value any
	err   error
	again bool // told again: the errors in it match their sentinels, and no more
}

func (c call) of(a groupkit.Actor, in *instance) reply {
	value, err := c.engine(context.Background(), in, a, in.id(c.group))
	return reply{value: value, err: err}
}

// plainly just makes the call.
func plainly(_ *rapid.T, in *instance, c call, _ *modeltest.Refusal) []reply {
	return []reply{c.of(c.who.Actor(in.eng), in)}
}

// foretold asks first whether the call can be made. What an upload yields nobody
// can know before.
func foretold(t *rapid.T, in *instance, c call, no *modeltest.Refusal) []reply {
	in.dry = true
	said := c.of(c.who.Actor(in.eng).Can(), in)
	in.dry = false
	unforeseen := no != nil && (slices.Contains(no.Is, groupkit.ErrFileTooLarge) || slices.Contains(no.Is, modeltest.ErrBroken))
	switch {
	case no != nil && !unforeseen:
		in.requireRefused(t, asked{in, c}, c.group, no, said.err)
	case said.err != nil:
		t.Fatalf("%s: Can should not say %q", asked{in, c}, said.err)
	}
	return plainly(t, in, c, no)
}

// repeated makes the call under an idempotency key, and once more if it is granted.
func repeated(_ *rapid.T, in *instance, c call, _ *modeltest.Refusal) []reply {
	a := c.who.Actor(in.eng).Once(fmt.Sprint("call ", c.number))
	first := c.of(a, in)
	if first.err != nil {
		return []reply{first}
	}
	again := c.of(a, in)
	again.again = true
	return []reply{first, again}
}

// atomically makes the call in a transaction of its own, which can't be done with
// what is more than one transaction by itself.
func atomically(t *rapid.T, in *instance, c call, no *modeltest.Refusal) []reply {
	if c.verb == "UploadFile" || c.verb == "ForgetUser" {
		return plainly(t, in, c, no)
	}
	var got reply
	err := in.eng.Atomic(context.Background(), func(tx *groupkit.Tx) error {
		got = c.of(c.who.Actor(tx), in)
		if c.number%2 == 0 {
			return nil // what was refused has changed nothing
		}
		return got.err
	})
	if err != nil && !errors.Is(err, got.err) {
		got.err = err
	}
	return []reply{got}
}
