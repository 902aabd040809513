package otelgroupkit

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"groupkit"
)

// An outcome is how a call or a piece of background work ended, in words of which there are few. The zero
// outcome is success.
type outcome struct {
	code  string // groupkit.Code; "" for success, and for an error that is not from the engine
	fault string // error.type; "" for success and for a refusal
}

// refusals are the errors with which the engine answers a caller whose call is not possible. The engine works.
var refusals = []error{
	groupkit.ErrNotFound, groupkit.ErrForbidden, groupkit.ErrLimit, groupkit.ErrInvalid, groupkit.ErrConflict,
	groupkit.ErrReadOnly, groupkit.ErrNested,
}

func outcomeOf(err error, code string) outcome {
	switch {
	case err == nil:
		return outcome{}
	case code != "" && refusal(code):
		return outcome{code: code}
	case code != "":
		return outcome{code: code, fault: code}
	case errors.Is(err, context.Canceled):
		return outcome{code: "canceled"}
	case errors.Is(err, context.DeadlineExceeded):
		return outcome{fault: "deadline_exceeded"}
	}
	return outcome{fault: semconv.ErrorTypeOther.Value.AsString()}
}

// refusal reports whether a code belongs to a refusal. It looks at the code alone: an error with several causes has the
// code of the first.
func refusal(code string) bool {
	sentinel := groupkit.Sentinel(code)
	return slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(sentinel, r) })
}

// attributes returns what an outcome adds to metrics and spans.
func (o outcome) attributes() (out []attribute.KeyValue) {
	if o.code != "" {
		out = append(out, codeKey.String(o.code))
	}
	if o.fault != "" {
		out = append(out, semconv.ErrorTypeKey.String(o.fault))
	}
	return out
}

// mark sets the status of a span. Without IDs the description is the text of the sentinel, because the text of the error
// names groups and users.
func (t *Telemetry) mark(span trace.Span, o outcome, err error) {
	switch {
	case o.fault == "":
	case t.ids:
		span.SetStatus(codes.Error, err.Error())
	case o.code != "":
		span.SetStatus(codes.Error, groupkit.Sentinel(o.code).Error())
	default:
		span.SetStatus(codes.Error, "")
	}
}
