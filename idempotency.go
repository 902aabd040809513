package groupkit

import (
	"bytes"
	"errors"
	"time"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// checkKey checks the length of the key of Once.
func (a Actor) checkKey() error {
	if a.key == nil {
		return nil
	}
	if n := len(*a.key); n < 1 || n > maxKey {
		return invalid(FieldKey, "has %d bytes (1 to %d)", n, maxKey)
	}
	return nil
}

// lookup returns the recorded result of a call whose key was used before.
func (a Actor) lookup(r store.Reader, v *verb, cmd *Command, out *reply) (bool, error) {
	if a.key == nil {
		return false, nil
	}
	value, ok, err := r.Get(key.Once(string(a.user), *a.key))
	if err != nil || !ok {
		return false, storage(err)
	}
	kept, err := record.DecodeOnce(value)
	if err != nil {
		return false, err
	}
	now, err := a.eng.now()
	if err != nil {
		return false, err
	}
	if now >= kept.Until {
		return false, nil
	}
	sum, err := digest(v, cmd)
	if err != nil {
		return false, err
	}
	if !bytes.Equal([]byte(kept.Digest), sum) {
		return false, ErrKeyReused
	}
	if *out, err = decodeReply(cmd, &kept); err != nil {
		return true, err
	}
	out.repeated = true
	if checkGroupID(cmd.Group) == nil { // ForgetUser has no group
		_, out.pending, err = r.Get(key.Deletion(string(cmd.Group)))
	}
	return true, storage(err)
}

// save returns the records that keep the result of a call under its key.
func (a Actor) save(r store.Reader, v *verb, cmd *Command, now int64, out *reply) ([]store.Pair, error) {
	if a.key == nil || v.keepNothing {
		return nil, nil
	}
	sum, err := digest(v, cmd)
	if err != nil {
		return nil, err
	}
	kept := encodeReply(out)
	kept.Digest, kept.Until = string(sum), now+a.eng.opts.KeyTTL.Milliseconds()
	k := key.Once(string(a.user), *a.key)
	pairs, err := replyRemoval(r, k)
	if err != nil {
		return nil, err
	}
	return append(pairs,
		store.Pair{Key: k, Value: kept.Encode()},
		store.Pair{Key: key.OnceExpiry(kept.Until, k), Value: []byte{}}), nil
}

// replyRemoval returns the writes that remove the result recorded under a key, if there is one.
func replyRemoval(r store.Reader, k []byte) ([]store.Pair, error) {
	value, ok, err := r.Get(k)
	if err != nil || !ok {
		return nil, storage(err)
	}
	kept, err := record.DecodeOnce(value)
	return []store.Pair{{Key: k}, {Key: key.OnceExpiry(kept.Until, k)}}, err
}

func encodeReply(o *reply) *record.Once {
	kept := &record.Once{Outcome: uint8(o.result.Outcome), Ends: millisOrZero(o.result.Until)}
	if o.group.ID != "" {
		kept.Group, kept.Header, kept.Custom = string(o.group.ID), headerOf(&o.group), o.group.Custom
	}
	for _, field := range o.changed {
		kept.Changed = append(kept.Changed, string(field))
	}
	if o.file.ID != "" {
		kept.File = new(recordFile(&o.file))
	}
	for _, r := range o.results {
		k := record.Result{User: string(r.User), Outcome: uint8(r.Outcome), Until: millisOrZero(r.Until)}
		if len(k.User) > maxID {
			k.User = "" // the repeated call names it again
		}
		if r.Err != nil {
			keepError(&k, r.Err)
		}
		kept.Results = append(kept.Results, k)
	}
	return kept
}

func decodeReply(cmd *Command, kept *record.Once) (reply, error) {
	o := reply{result: Result{Outcome: Outcome(kept.Outcome), Until: instant(kept.Ends)}}
	if kept.Group != "" {
		h, err := record.DecodeHeader(kept.Header)
		if err != nil {
			return o, err
		}
		o.group = publicGroup(GroupID(kept.Group), &h, kept.Custom)
		o.group.RequestCount, o.group.InvitationCount = h.Requests, h.Invitations
	}
	for _, field := range kept.Changed {
		o.changed = append(o.changed, Field(field))
	}
	if kept.File != nil {
		o.file = publicFile(kept.File)
	}
	for i, k := range kept.Results {
		r := Result{User: UserID(k.User), Outcome: Outcome(k.Outcome), Until: instant(k.Until)}
		if k.User == "" && i < len(cmd.Users) {
			r.User = cmd.Users[i]
		}
		if k.Code != 0 || k.Text != "" {
			r.Until = time.Time{} // it belongs to the error
			r.Err = &Error{Op: cmd.Op, Group: cmd.Group, User: UserID(k.About), Err: recordedCause(&k)}
		} else if r.Outcome == OutcomeNone {
			r.Outcome = OutcomeDone // an earlier version recorded 0
		}
		o.results = append(o.results, r)
	}
	return o, nil
}

// keepError records an error of an entry so that its text, errors.Is and errors.As give
// the same again.
func keepError(k *record.Result, err error) {
	k.Code, k.Text = numberOf(err), err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		k.Text, k.About = e.Err.Error(), string(e.User)
	}
	if e, ok := errors.AsType[*BlockedError](err); ok {
		k.Until = millisOrZero(e.Until)
	}
	if e, ok := errors.AsType[*LimitError](err); ok {
		k.Limit = &record.Limit{Value: e.Value, Max: e.Max}
	}
	if e, ok := errors.AsType[*FieldError](err); ok {
		k.Field, k.Why = string(e.Field), e.Why
	}
}

// recordedCause is the inverse of keepError.
func recordedCause(k *record.Result) error {
	cause := numbered[k.Code]
	switch {
	case k.Limit != nil:
		cause = &LimitError{Err: cause, Value: k.Limit.Value, Max: k.Limit.Max}
	case k.Field != "":
		cause = &FieldError{Field: Field(k.Field), Why: k.Why}
	case cause == ErrBlacklisted:
		cause = &BlockedError{instant(k.Until)}
	}
	if cause != nil && cause.Error() == k.Text {
		return cause
	}
	return &recordedError{cause, k.Text}
}

// A recordedError is a cause whose recorded text differs from the text of this version.
// It was recorded by a version that had another text or recorded less.
type recordedError struct {
	cause error
	text  string
}

func (e *recordedError) Error() string { return e.text }

func (e *recordedError) Unwrap() error { return e.cause }

// checkRecordable returns an error if the error of an entry cannot be recorded, because its
// sentinel has no number.
func checkRecordable(err error) error {
	if numberOf(err) == 0 {
		return corrupt("entry failed with %q, which has no stored number", err)
	}
	return nil
}

// sweepReplies removes recorded results that have expired.
func (e *Engine) sweepReplies(w store.Writer) (n int, err error) {
	by, err := e.dueBy()
	if err != nil {
		return 0, err
	}
	rng := store.Range{From: key.OnceExpiries(), To: key.OnceExpiriesBefore(by + 1), Limit: entries(e.sizes, sweepStep, 2, 2)}
	page, err := scanGuarded(w, rng) // a call with an expired key replaces its entry
	if err != nil {
		return 0, err
	}
	for _, p := range page {
		once, err := key.CutOnceExpiry(p.Key)
		if err != nil {
			return 0, err
		}
		if err := write(w, []store.Pair{{Key: p.Key}, {Key: once}}); err != nil {
			return 0, err
		}
	}
	return len(page), nil
}
