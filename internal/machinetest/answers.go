package machinetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

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

func (a asked) String() string { return a.in.Name + ": " + a.call.String() }

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

// requireEqual is require.Equal, which takes its time, where there is a difference. All pseudonyms are
// one.
func requireEqual(t *rapid.T, want, got any, where any) {
	if reflect.DeepEqual(want, got) {
		return
	}
	if got != nil {
		p := reflect.New(reflect.TypeOf(got)).Elem()
		p.Set(reflect.ValueOf(got))
		unname(p)
		got = p.Interface()
	}
	if !reflect.DeepEqual(want, got) {
		require.Equal(t, want, got, where)
	}
}

// unname replaces every pseudonym in a value by that of the model.
func unname(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() && v.Type() == reflect.TypeFor[groupkit.UserID]() && strings.HasPrefix(v.String(), "forgotten-") {
			v.SetString(string(modeltest.Pseudonym))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			unname(v.Elem())
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			unname(field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			unname(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(v.MapIndex(k))
			unname(element)
			v.SetMapIndex(k, element)
		}
	default:
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
	case want.Is[0] == groupkit.ErrBlacklisted:
		blocked, ok := errors.AsType[*groupkit.BlockedError](err)
		if !ok || !blocked.Until.Equal(want.Until) {
			t.Fatalf("%s should be blocked until %v, not %+v", where, want.Until, blocked)
		}
	}
}

func (in *instance) requireResults(t *rapid.T, where fmt.Stringer, group groupkit.GroupID, want []modeltest.Entry, reply reply) {
	got := reply.value.(groupkit.Results)
	require.Len(t, got, len(want), where)
	for i, e := range want {
		require.Equal(t, e.User, got[i].User, where)
		if e.Refused != nil {
			in.requireRefused(t, where, group, e.Refused, got[i].Err)
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
