package groupkit_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/modeltest"
)

// asked says in a failure which engine failed on which call.
type asked struct {
	in   *instance
	call call
}

func (a asked) String() string { return a.in.name + ": " + a.call.String() }

func (a asked) requireReply(t *rapid.T, want any, no *modeltest.Refusal, got reply) {
	switch {
	case no != nil:
		a.in.requireRefused(t, a, a.call.group, no, got.err)
	case got.err != nil:
		t.Fatalf("%s should not give %q", a, got.err)
	}
	switch want := want.(type) {
	case []modeltest.Entry:
		a.in.requireResults(t, a, a.call.group, want, got)
	default:
		if no == nil {
			requireEqual(t, want, got.value, a)
		}
	}
}

// requireEqual is require.Equal, which takes its time, where there is a difference.
func requireEqual(t *rapid.T, want, got any, where any) {
	if !reflect.DeepEqual(want, got) {
		require.Equal(t, want, got, where)
	}
}

// requireRefused is about an error: that it matches the sentinels it should, and
// no others, and says on whom it is.
func (in *instance) requireRefused(t *rapid.T, where fmt.Stringer, group groupkit.GroupID, want *modeltest.Refusal, err error) {
	if err == nil {
		t.Fatalf("%s should give %q", where, want.Is)
	}
	for is, class := range grouptest.Classes {
		if slices.Contains(want.Is, is) != errors.Is(err, is) || errors.Is(err, is) && !errors.Is(err, class) {
			t.Fatalf("%s should give %q, not %q, let alone %q", where, want.Is, err, is)
		}
	}
	if want.Is[0] == modeltest.ErrBroken && !errors.Is(err, modeltest.ErrBroken) {
		t.Fatalf("%s should give the error of the reader, not %q", where, err)
	}
	e, ok := errors.AsType[*groupkit.Error](err)
	if !ok || e.Group != in.id(group) || want.User != "" && want.User != e.User {
		t.Fatalf("%s should give an *Error about %q and %q, not %+v", where, group, want.User, e)
	}
	in.requireCause(t, where, want, err)
}

// requireCause is about the numbers in an error.
func (in *instance) requireCause(t *rapid.T, where fmt.Stringer, want *modeltest.Refusal, err error) {
	if want.Batch {
		return
	}
	switch class := grouptest.Classes[want.Is[0]]; {
	case class == groupkit.ErrLimit:
		limit, ok := errors.AsType[*groupkit.LimitError](err)
		if !ok || limit.Max != want.Limit {
			t.Fatalf("%s should name the limit %d: %v", where, want.Limit, err)
		}
	case class == groupkit.ErrInvalid:
		if _, ok := errors.AsType[*groupkit.FieldError](err); !ok {
			t.Fatalf("%s should name the field: %v", where, err)
		}
	case want.Is[0] == groupkit.ErrMuted, want.Is[0] == groupkit.ErrGroupMuted:
		muted, ok := errors.AsType[*groupkit.MutedError](err)
		if !ok || !muted.Until.Equal(want.Until) || muted.WholeGroup != (want.Is[0] == groupkit.ErrGroupMuted) {
			t.Fatalf("%s should be muted until %v, not %+v", where, want.Until, muted)
		}
	}
}

func (in *instance) requireResults(t *rapid.T, where fmt.Stringer, group groupkit.GroupID, want []modeltest.Entry, reply reply) {
	got := reply.value.(groupkit.Results)
	require.Len(t, got, len(want), where)
	for i, e := range want {
		require.Equal(t, e.User, got[i].User, where)
		if e.Refused != nil {
			no := *e.Refused
			no.Batch = reply.again
			in.requireRefused(t, where, group, &no, got[i].Err)
			require.Equal(t, groupkit.OutcomeNone, got[i].Outcome, where)
			continue
		}
		outcome := e.Outcome
		if outcome == groupkit.OutcomeNone {
			outcome = groupkit.OutcomeDone // the model has nothing more to say
		}
		requireEqual(t, groupkit.Result{User: e.User, Outcome: outcome, Until: e.Until}, got[i], where)
	}
}
