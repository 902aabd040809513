package otelgroupkit_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"groupkit"
	"groupkit/contrib/otelgroupkit"
	"groupkit/store/memstore"
)

// last returns the span that ended last.
func (c *collector) last() sdktrace.ReadOnlySpan {
	all := c.spans.Ended()
	return all[len(all)-1]
}

func TestSpans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		eng := open(t, &testStore{Store: memstore.New()}, groupkit.Options{Hooks: c.telemetry(t).Hooks(groupkit.Hooks{})})
		id := guild(t, eng, "bob")
		require.False(t, c.last().Parent().IsValid(), "the context has no span")
		ctx, parent := c.traces.Tracer("application").Start(t.Context(), "request")

		began := time.Now()
		_, err := eng.System().AddMembers(ctx, id, []groupkit.UserID{"carol", "dave"})
		require.NoError(t, err)
		span := c.last()
		require.Equal(t, "add member", span.Name())
		require.Equal(t, trace.SpanKindInternal, span.SpanKind())
		require.Equal(t, parent.SpanContext(), span.Parent())
		require.Equal(t, parent.SpanContext().TraceID(), span.SpanContext().TraceID())
		require.Equal(t, began, span.StartTime())
		require.Equal(t, began.Add(2*time.Millisecond), span.EndTime())
		require.Equal(t, sdktrace.Status{}, span.Status())
		require.Empty(t, span.Events())
		require.Equal(t, otelgroupkit.ScopeName, span.InstrumentationScope().Name)
		require.Equal(t, []attribute.KeyValue{attribute.String("groupkit.operation", "add member"), attribute.Int("groupkit.users", 2)}, span.Attributes())

		// A loop is a call that lasts as long as its body.
		began = time.Now()
		for range eng.As("alice").Members(ctx, id) {
			time.Sleep(time.Second)
		}
		require.Equal(t, "list members", c.last().Name())
		require.Equal(t, []time.Time{began, began.Add(4 * time.Second)}, []time.Time{c.last().StartTime(), c.last().EndTime()})
		require.Equal(t, parent.SpanContext(), c.last().Parent())
	})
}

// A call that a hook makes is told too, as a child of the same parent.
func TestSpans_CallInHook(t *testing.T) {
	t.Parallel()
	c := newCollector()
	var eng *groupkit.Engine
	eng = open(t, nil, groupkit.Options{Hooks: c.telemetry(t).Hooks(groupkit.Hooks{Call: func(ctx context.Context, info groupkit.CallInfo) {
		if info.Op == groupkit.OpLeave {
			_, err := eng.System().Group(ctx, info.Group)
			require.NoError(t, err)
		}
	}})})
	id := guild(t, eng, "bob")
	ctx, parent := c.traces.Tracer("application").Start(t.Context(), "request")
	require.NoError(t, eng.As("bob").Leave(ctx, id))
	var names []string
	for _, span := range c.spans.Ended() {
		if span.Parent().Equal(parent.SpanContext()) {
			names = append(names, span.Name())
		}
	}
	require.Equal(t, []string{"leave group", "read group"}, names)
}

// The span of background work is the root of a trace.
func TestSpans_Background(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCollector()
		s := &testStore{Store: memstore.New()}
		eng := open(t, s, groupkit.Options{SweepEvery: time.Hour, Hooks: c.telemetry(t).Hooks(groupkit.Hooks{})})
		require.Equal(t, "background resume", c.last().Name())
		s.sick.Store(true)
		time.Sleep(time.Hour + time.Second)
		s.sick.Store(false)
		span := c.last()
		require.Equal(t, "background sweep", span.Name())
		require.False(t, span.Parent().IsValid())
		require.NotEqual(t, c.spans.Ended()[0].SpanContext().TraceID(), span.SpanContext().TraceID())
		require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "storage failed"}, span.Status())
		require.Equal(t, []attribute.KeyValue{
			attribute.String("groupkit.task", "sweep"), attribute.String("groupkit.code", "storage_failed"), attribute.String("error.type", "storage_failed"),
		}, span.Attributes())
		require.NoError(t, eng.Close())
	})
}

func TestSpans_Outcome(t *testing.T) {
	t.Parallel()
	var store *testStore
	var eng *groupkit.Engine
	var id groupkit.GroupID
	ended := func(with func(context.Context) (context.Context, context.CancelFunc)) context.Context {
		ctx, cancel := with(context.Background())
		cancel()
		return ctx
	}
	code, errorType := attribute.Key("groupkit.code"), attribute.Key("error.type")
	for name, row := range map[string]struct {
		call        func(ctx context.Context) error
		attributes  []attribute.KeyValue
		description string // "": the status is unset
		status      codes.Code
	}{
		"success": {call: func(ctx context.Context) error { return eng.System().AddMember(ctx, id, "dave") }},
		"a refusal": {
			call:       func(ctx context.Context) error { return eng.As("bob").RemoveMember(ctx, id, "alice") },
			attributes: []attribute.KeyValue{code.String("role_too_low")},
		},
		"the store fails": {
			call: func(ctx context.Context) error {
				store.sick.Store(true)
				defer store.sick.Store(false)
				return eng.As("bob").Leave(ctx, id)
			},
			attributes:  []attribute.KeyValue{code.String("storage_failed"), errorType.String("storage_failed")},
			status:      codes.Error,
			description: "storage failed",
		},
		"the caller gives up": {
			call:       func(context.Context) error { return eng.As("bob").Leave(ended(context.WithCancel), id) },
			attributes: []attribute.KeyValue{code.String("canceled")},
		},
		"the time is over": {
			call: func(context.Context) error {
				return eng.As("bob").Leave(ended(func(ctx context.Context) (context.Context, context.CancelFunc) {
					return context.WithDeadline(ctx, time.Now().Add(-time.Second))
				}), id)
			},
			attributes: []attribute.KeyValue{errorType.String("deadline_exceeded")},
			status:     codes.Error,
		},
		"the application fails": {
			call: func(ctx context.Context) error {
				return eng.Atomic(ctx, func(*groupkit.Tx) error { return errors.New("no gold of alice is left") })
			},
			attributes: []attribute.KeyValue{errorType.String("_OTHER")},
			status:     codes.Error,
		},
		"the engine is closed": {
			call: func(ctx context.Context) error {
				require.NoError(t, eng.Close())
				return eng.As("bob").Leave(ctx, id)
			},
			attributes:  []attribute.KeyValue{code.String("closed"), errorType.String("closed")},
			status:      codes.Error,
			description: "closed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ids := range []bool{false, true} {
				var options []otelgroupkit.Option
				if ids {
					options = append(options, otelgroupkit.WithIDs())
				}
				c := newCollector()
				store = &testStore{Store: memstore.New()}
				eng = open(t, store, groupkit.Options{Hooks: c.telemetry(t, options...).Hooks(groupkit.Hooks{})})
				id = guild(t, eng, "bob")
				err := row.call(t.Context())
				span := c.last()
				require.Equal(t, row.status, span.Status().Code)
				if ids && row.status == codes.Error {
					require.Equal(t, err.Error(), span.Status().Description)
				} else {
					require.Equal(t, row.description, span.Status().Description)
				}
				var got []attribute.KeyValue
				for _, a := range span.Attributes() {
					switch a.Key {
					case "groupkit.operation", "groupkit.users":
					case "groupkit.group.id":
						require.True(t, ids)
						require.Equal(t, string(id), a.Value.AsString())
					default:
						got = append(got, a)
					}
				}
				require.Equal(t, row.attributes, got)
				require.Equal(t, ids && span.Name() != "atomic", contains(span.Attributes(), "groupkit.group.id"))
			}
		})
	}
}

func contains(attributes []attribute.KeyValue, key attribute.Key) bool {
	for _, a := range attributes {
		if a.Key == key {
			return true
		}
	}
	return false
}

// Every code of the engine is a refusal or one of the errors of the system here.
func TestOutcome_EveryCode(t *testing.T) {
	t.Parallel()
	system := map[string]bool{"storage_failed": true, "corrupt": true, "unknown_outcome": true, "clock_out_of_range": true, "closed": true}
	text, err := os.ReadFile("../../errors.go")
	require.NoError(t, err)
	found := regexp.MustCompile(`= (?:classless|inClass)\((?:Err\w+, )?"(\w+)"`).FindAllSubmatch(text, -1)
	require.Greater(t, len(found), 40)
	for _, m := range found {
		code := string(m[1])
		c := newCollector()
		c.telemetry(t).Hooks(groupkit.Hooks{}).Call(t.Context(), groupkit.CallInfo{Op: groupkit.OpJoin, Err: groupkit.Sentinel(code), Code: code})
		require.Contains(t, c.last().Attributes(), attribute.String("groupkit.code", code))
		require.Equal(t, system[code], c.last().Status().Code == codes.Error, code)
		require.Equal(t, system[code], contains(c.last().Attributes(), "error.type"), code)
	}
}

// An exemplar of the histogram of calls leads to the span of the call.
func TestSpans_Exemplar(t *testing.T) {
	t.Parallel()
	c := newCollector()
	eng := open(t, nil, groupkit.Options{Hooks: c.telemetry(t).Hooks(groupkit.Hooks{})})
	guild(t, eng)
	span := c.last().SpanContext().SpanID()
	require.Contains(t, exemplars(c.metrics(t)["groupkit.call.duration"]), span)
}
