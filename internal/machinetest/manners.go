package machinetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/modeltest"
)

// The engines are not only asked to make a change, but each in a Manner of its own,
// and the answer has to be the same.

// A Manner is a way to make a call. It returns one reply, or several that all have
// to be the right one.
type Manner func(*rapid.T, *instance, call, *modeltest.Refusal) []reply

type reply struct {
	value any
	err   error
}

func (c call) of(a groupkit.Actor, in *instance) reply {
	value, err := c.engine(context.Background(), in, a, in.id(c.group))
	return reply{value: value, err: err}
}

// Plainly just makes the call.
func Plainly(t *rapid.T, in *instance, c call, _ *modeltest.Refusal) []reply {
	return []reply{c.of(c.who.Actor(in.turn(t)), in)}
}

// Foretold asks first whether the call can be made. What an upload yields nobody
// can know before.
func Foretold(t *rapid.T, in *instance, c call, no *modeltest.Refusal) []reply {
	in.dry = true
	said := c.of(c.who.Actor(in.turn(t)).Can(), in)
	in.dry = false
	unforeseen := no != nil && (slices.Contains(no.Is, groupkit.ErrFileTooLarge) || slices.Contains(no.Is, modeltest.ErrBroken))
	switch {
	case no != nil && !unforeseen:
		in.requireRefused(t, asked{in, c}, c.group, no, said.err)
	case said.err != nil:
		t.Fatalf("%s: Can should not say %q", asked{in, c}, said.err)
	}
	return Plainly(t, in, c, no)
}

// Repeated makes the call under an idempotency key, and once more if it is granted.
func Repeated(t *rapid.T, in *instance, c call, _ *modeltest.Refusal) []reply {
	once := func() reply { return c.of(c.who.Actor(in.turn(t)).Once(fmt.Sprint("call ", c.number)), in) }
	first := once()
	if first.err != nil {
		return []reply{first}
	}
	return []reply{first, once()}
}

// Atomically makes the call in a transaction of its own, which can't be done with
// what is more than one transaction by itself.
func Atomically(t *rapid.T, in *instance, c call, no *modeltest.Refusal) []reply {
	if c.verb == "UploadFile" || c.verb == "ForgetUser" {
		return Plainly(t, in, c, no)
	}
	var got reply
	err := in.turn(t).Atomic(context.Background(), func(tx *groupkit.Tx) error {
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

// InTurn makes one call in the one manner, the next one in the next.
func InTurn(hows ...Manner) Manner {
	return func(t *rapid.T, in *instance, c call, no *modeltest.Refusal) []reply {
		return hows[c.number%len(hows)](t, in, c, no)
	}
}
