package groupkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// useless is a value of each type without the content that makes it useful, and the errors that its
// calls may return.
var useless = []struct {
	name  string
	value any
	allow []error
}{
	{"zero actor", groupkit.Actor{}, []error{groupkit.ErrInvalid}},
	{"zero actor with options", groupkit.Actor{}.Can().Once("x").Because("x").IfVersion(1), []error{groupkit.ErrInvalid}},
	{"nil engine", (*groupkit.Engine)(nil), []error{groupkit.ErrClosed}},
	{"zero engine", new(groupkit.Engine), []error{groupkit.ErrClosed}},
	{"system of a nil engine", (*groupkit.Engine)(nil).System(), []error{groupkit.ErrInvalid}},
	{"system of a zero engine", new(groupkit.Engine).System(), []error{groupkit.ErrClosed, groupkit.ErrInvalid}},
	{"user of a zero engine", new(groupkit.Engine).As("alice"), []error{groupkit.ErrClosed, groupkit.ErrInvalid}},
	{"nil transaction", (*groupkit.Tx)(nil), []error{groupkit.ErrClosed}},
	{"zero transaction", new(groupkit.Tx), []error{groupkit.ErrClosed}},
	{"system of a nil transaction", (*groupkit.Tx)(nil).System(), []error{groupkit.ErrClosed, groupkit.ErrNested, groupkit.ErrInvalid}},
	{"user of a zero transaction", new(groupkit.Tx).As("alice"), []error{groupkit.ErrClosed, groupkit.ErrNested, groupkit.ErrInvalid}},
	{"nil subscription", (*groupkit.Follower)(nil), []error{groupkit.ErrClosed}},
	{"zero subscription", new(groupkit.Follower), []error{groupkit.ErrClosed}},
}

// TestZeroValues calls every method of every value that is of no use, with zero arguments and with
// plausible ones. None panics, and each that can fail does.
func TestZeroValues(t *testing.T) {
	t.Parallel()
	require.Empty(t, (*groupkit.Engine)(nil).History())
	require.Empty(t, new(groupkit.Engine).History())
	for _, u := range useless {
		v := reflect.ValueOf(u.value)
		for i := range v.NumMethod() {
			method, name := v.Method(i), fmt.Sprintf("%s: %s", u.name, v.Type().Method(i).Name)
			for _, zero := range []bool{true, false} {
				var out []reflect.Value
				require.NotPanics(t, func() { out = method.Call(arguments(t, method.Type(), zero)) }, name)
				if err, fails := failure(t, out); fails {
					require.Error(t, err, name)
					matches := false
					for _, is := range u.allow {
						matches = matches || errors.Is(err, is)
					}
					require.True(t, matches, "%s: %v", name, err)
				}
			}
		}
	}
}

// arguments are a context, and zero or plausible values for what follows.
func arguments(t *testing.T, method reflect.Type, zero bool) (in []reflect.Value) {
	for i := range method.NumIn() {
		arg := method.In(i)
		if method.IsVariadic() && i == method.NumIn()-1 {
			break
		}
		switch v := reflect.New(arg).Elem(); {
		case arg == reflect.TypeFor[context.Context]():
			in = append(in, reflect.ValueOf(t.Context()))
		case arg.Kind() == reflect.String && !zero:
			v.SetString("bob")
			in = append(in, v)
		case arg == reflect.TypeFor[[]groupkit.UserID]() && !zero:
			in = append(in, reflect.ValueOf(grouptest.IDs{"bob"}))
		case arg == reflect.TypeFor[io.Writer]() && !zero:
			in = append(in, reflect.ValueOf(io.Discard))
		case arg == reflect.TypeFor[func(*groupkit.Tx) error]() && !zero:
			in = append(in, reflect.ValueOf(func(*groupkit.Tx) error { return nil }))
		case arg == reflect.TypeFor[func(store.Reader) error]() && !zero:
			in = append(in, reflect.ValueOf(func(store.Reader) error { return nil }))
		default:
			in = append(in, v)
		}
	}
	return in
}

// failure returns the error of a call: its last result, or what its iterator yields.
func failure(t *testing.T, out []reflect.Value) (err error, fails bool) {
	if len(out) == 0 {
		return nil, false
	}
	last := out[len(out)-1]
	if last.Type() == reflect.TypeFor[error]() {
		err, _ = last.Interface().(error)
		return err, true
	}
	if last.Kind() != reflect.Func {
		return nil, false
	}
	for _, e := range last.Seq2() {
		require.NoError(t, err, "it ends with the first error")
		err, _ = e.Interface().(error)
	}
	return err, true
}

func TestNilArguments(t *testing.T) {
	t.Parallel()
	s := grouptest.NewFixture(t, groupkit.Options{})
	ctx := t.Context()
	_, none := groupkit.New(nil, nil, nil)
	_, noStore := groupkit.New(nil, memblob.New(), nil)
	_, noBolt := groupkit.New((*boltstore.Store)(nil), memblob.New(), nil)
	_, noMemory := groupkit.New(memstore.New(), (*memblob.Blobs)(nil), nil)
	_, noBlobs := groupkit.New(memstore.New(), nil, nil)
	for name, c := range map[string]struct {
		err   error
		field groupkit.Field
	}{
		"New without anything":      {none, "blobs"},
		"New without a store":       {noStore, "store"},
		"New without blobs":         {noBlobs, "blobs"},
		"Upgrade":                   {groupkit.Upgrade(ctx, nil, nil), "store"},
		"Atomic":                    {s.Engine.Atomic(ctx, nil), "function"},
		"Bucket":                    {s.Engine.Bucket(ctx, "gold", nil), "function"},
		"Backup":                    {grouptest.ErrorOf(s.Engine.Backup(ctx, nil)), "writer"},
		"Backup, nil earlier":       {grouptest.ErrorOf(s.Engine.Backup(ctx, io.Discard, nil)), "backup"},
		"CheckBackup":               {grouptest.ErrorOf(groupkit.CheckBackup(nil)), "backup"},
		"Restore, store":            {grouptest.ErrorOf(groupkit.Restore(ctx, nil, memblob.New())), "store"},
		"Restore, blobs":            {grouptest.ErrorOf(groupkit.Restore(ctx, memstore.New(), nil)), "blobs"},
		"Restore, none":             {grouptest.ErrorOf(groupkit.Restore(ctx, memstore.New(), memblob.New())), "backup"},
		"Restore, nil":              {grouptest.ErrorOf(groupkit.Restore(ctx, memstore.New(), memblob.New(), nil)), "backup"},
		"Copy, store":               {grouptest.ErrorOf(s.Engine.Copy(ctx, nil, memblob.New(), groupkit.CopyOptions{})), "store"},
		"Copy, blobs":               {grouptest.ErrorOf(s.Engine.Copy(ctx, memstore.New(), (*memblob.Blobs)(nil), groupkit.CopyOptions{})), "blobs"},
		"UploadFile":                {grouptest.ErrorOf(s.Engine.As("carol").UploadFile(ctx, s.ID, "x", nil)), "content"},
		"UploadFile, *bytes.Reader": {grouptest.ErrorOf(s.Engine.As("carol").UploadFile(ctx, s.ID, "x", (*bytes.Reader)(nil))), "content"},
		"UploadFile, *os.File":      {grouptest.ErrorOf(s.Engine.As("carol").UploadFile(ctx, s.ID, "x", (*os.File)(nil))), "content"},
		"UploadFile, function":      {grouptest.ErrorOf(s.Engine.As("carol").UploadFile(ctx, s.ID, "x", grouptest.ReaderFunc(nil))), "content"},
		"Backup, *os.File":          {grouptest.ErrorOf(s.Engine.Backup(ctx, (*os.File)(nil))), "writer"},
		"Upgrade, *boltstore.Store": {groupkit.Upgrade(ctx, (*boltstore.Store)(nil), nil), "store"},
		"New, *boltstore.Store":     {noBolt, "store"},
		"New, *memblob.Blobs":       {noMemory, "blobs"},
		"UploadFile, dry":           {grouptest.ErrorOf(s.Engine.As("carol").Can().UploadFile(ctx, s.ID, "x", nil)), "content"},
	} {
		require.ErrorIs(t, c.err, groupkit.ErrInvalid, name)
		fields := groupkit.FieldErrors(c.err)
		require.Len(t, fields, 1, name)
		require.Equal(t, c.field, fields[0].Field, name)
	}
	require.NoError(t, s.Engine.System().AddMember(ctx, s.ID, "ivan"), "the engine goes on")
	_, err := groupkit.New(new(memstore.Store), memblob.New(), nil)
	require.ErrorIs(t, err, groupkit.ErrClosed)
}

// The texts of errors that the application makes itself.
func TestZeroErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		new(groupkit.Error), new(groupkit.LimitError), new(groupkit.FieldError), new(groupkit.MutedError), new(groupkit.VersionError),
		new(groupkit.OwnsError), new(groupkit.BlockedError),
	} {
		require.NotPanics(t, func() { require.NotEmpty(t, err.Error()) }, "%T", err)
	}
}
