package groupkit

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"
)

// An errorForm is an error as JSON has it. What an error does not know is missing.
type errorForm struct {
	Code    string       `json:"code,omitzero"`  // of the sentinel
	Class   string       `json:"class,omitzero"` // the code of the class of the sentinel
	Message string       `json:"message,omitzero"`
	Op      Op           `json:"op,omitzero"`
	Group   GroupID      `json:"group,omitzero"`
	User    UserID       `json:"user,omitzero"`
	Fields  []fieldForm  `json:"fields,omitzero"`  // of each FieldError
	Limit   *limitForm   `json:"limit,omitzero"`   // of a LimitError
	Until   time.Time    `json:"until,omitzero"`   // of a MutedError or a BlockedError
	Version *versionForm `json:"version,omitzero"` // of a VersionError
	Groups  []GroupID    `json:"groups,omitzero"`  // of an OwnsError
	Causes  []*errorForm `json:"causes,omitzero"`  // of a batch in which every entry failed
}

type fieldForm struct {
	Field Field  `json:"field"`
	Why   string `json:"why"`
	Max   int    `json:"max,omitzero"`
}

type limitForm struct {
	Value int64 `json:"value"`
	Max   int64 `json:"max"`
}

type versionForm struct {
	Current uint64 `json:"current"`
	Want    uint64 `json:"want"`
}

// MarshalJSON returns the error as JSON: the code and the class, the text of the cause, the
// operation, the group and the user, and what the cause contains, such as the limit. For the JSON of
// any other error of this package put it into the Err of an Error.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(formOf(e)) }

// UnmarshalJSON is the inverse of MarshalJSON. The error has the same text as before, and
// errors.Is and errors.As find the same. If a newer version wrote the code, the error
// matches the class. It returns the errors of encoding/json.
func (e *Error) UnmarshalJSON(text []byte) error {
	var form errorForm
	if err := decode(text, &form); err != nil {
		return err
	}
	*e = form.error()
	return nil
}

// formOf returns the form of an error.
func formOf(err error) *errorForm {
	f := new(errorForm)
	if e, ok := err.(*Error); ok { //nolint:errorlint // a deeper one is a cause, and only its text is written
		if e == nil {
			return f
		}
		f.Op, f.Group, f.User = e.Op, e.Group, e.User
		err = e.Err
	}
	if err == nil {
		return f
	}
	f.Message = err.Error()
	if s, ok := errors.AsType[*sentinel](err); ok {
		f.Code, f.Class = s.code, Code(s.class)
	}
	f.setDetails(err)
	return f
}

// setDetails sets what the cause of an error contains.
func (f *errorForm) setDetails(err error) {
	if e, ok := errors.AsType[*batchError](err); ok {
		for _, cause := range e.causes {
			f.Causes = append(f.Causes, formOf(cause))
		}
		return
	}
	for _, e := range FieldErrors(err) {
		f.Fields = append(f.Fields, fieldForm{e.Field, e.Why, e.Max})
	}
	if e, ok := errors.AsType[*LimitError](err); ok {
		f.Limit = &limitForm{e.Value, e.Max}
	}
	if e, ok := errors.AsType[*MutedError](err); ok {
		f.Until = e.Until
	}
	if e, ok := errors.AsType[*BlockedError](err); ok {
		f.Until = e.Until
	}
	if e, ok := errors.AsType[*VersionError](err); ok {
		f.Version = &versionForm{e.Current, e.Want}
	}
	if e, ok := errors.AsType[*OwnsError](err); ok {
		f.Groups = e.Groups
	}
}

// err is the inverse of formOf.
func (f *errorForm) err() error {
	e := f.error()
	if e.Op == "" && e.Group == "" && e.User == "" && e.Err != nil {
		return e.Err
	}
	return &e
}

func (f *errorForm) error() Error {
	return Error{Op: f.Op, Group: f.Group, User: f.User, Err: f.cause()}
}

// cause returns the cause. If its text is not that of the form, it gets that text.
func (f *errorForm) cause() error {
	cause := cmp.Or(Sentinel(f.Code), Sentinel(f.Class))
	if cause != nil {
		cause = f.detailed(cause)
	}
	switch {
	case cause != nil && cause.Error() == f.Message:
		return cause
	case cause == nil && f.Message == "":
		return nil
	}
	return &recordedError{cause, f.Message}
}

// detailed returns the error with the details of the form that matches the sentinel.
func (f *errorForm) detailed(known error) error {
	switch {
	case len(f.Causes) > 0:
		return f.batch()
	case known == ErrInvalid && len(f.Fields) > 0:
		return f.invalid()
	case f.Limit != nil && errors.Is(known, ErrLimit):
		return &LimitError{Err: known, Value: f.Limit.Value, Max: f.Limit.Max}
	case known == ErrMuted, known == ErrGroupMuted:
		return &MutedError{WholeGroup: known == ErrGroupMuted, Until: f.Until}
	case known == ErrBlacklisted:
		return &BlockedError{f.Until}
	case f.Version != nil && known == ErrVersion:
		return &VersionError{Current: f.Version.Current, Want: f.Version.Want}
	case len(f.Groups) > 0 && known == ErrIsOwner:
		return &OwnsError{f.Groups}
	}
	return known
}

func (f *errorForm) batch() error {
	out := new(batchError)
	for _, cause := range f.Causes {
		if cause != nil {
			out.causes = append(out.causes, cause.err())
		}
	}
	if len(out.causes) == 0 {
		return nil
	}
	return out
}

func (f *errorForm) invalid() error {
	var errs fieldErrors
	for _, x := range f.Fields {
		errs = append(errs, &FieldError{Field: x.Field, Why: x.Why, Max: x.Max})
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errs
}
