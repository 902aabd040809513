package groupkit

import (
	"encoding/json"
	"time"
)

// The JSON of most types is what the tags of their fields say. The functions of this file are for
// the types with a field of which that is not enough. docs/json.md describes all forms.

// MarshalJSON returns the JSON of the file. The hash is hexadecimal.
func (f File) MarshalJSON() ([]byte, error) { return json.Marshal(fileForm{filePlain(f), f.SHA256}) }

// UnmarshalJSON is the inverse of MarshalJSON. It returns ErrInvalid for a hash that does not have
// 64 hexadecimal digits, and the errors of encoding/json.
func (f *File) UnmarshalJSON(text []byte) error {
	var form fileForm
	if err := decode(text, &form); err != nil {
		return err
	}
	*f = File(form.filePlain)
	f.SHA256 = form.SHA256
	return nil
}

type (
	filePlain File
	fileForm  struct {
		filePlain
		SHA256 hexHash `json:"sha256,omitzero"`
	}
)

// MarshalJSON returns the JSON of the event. A user who was not muted before has null in
// "before".
func (e Event) MarshalJSON() ([]byte, error) {
	form := eventForm{eventPlain: eventPlain(e)}
	for i := range e.Before {
		form.Before = append(form.Before, nil)
		if !e.Before[i].IsZero() {
			form.Before[i] = &e.Before[i]
		}
	}
	return json.Marshal(form)
}

// UnmarshalJSON is the inverse of MarshalJSON. It returns ErrInvalid for an unknown word and for
// text that is not UTF-8, and the errors of encoding/json. It takes events that no group can have:
// Replay refuses them.
func (e *Event) UnmarshalJSON(text []byte) error {
	var form eventForm
	if err := decode(text, &form); err != nil {
		return err
	}
	*e = Event(form.eventPlain)
	for _, at := range form.Before {
		if at == nil {
			at = new(time.Time)
		}
		e.Before = append(e.Before, *at)
	}
	return nil
}

type (
	eventPlain Event
	eventForm  struct {
		eventPlain
		Before []*time.Time `json:"before,omitzero"`
	}
)

// UnmarshalJSON reads the JSON of a snapshot. It returns ErrInvalid for an unknown word and for text
// that is not UTF-8, and the errors of encoding/json. It takes snapshots that no group can have:
// Replay refuses them.
func (s *Snapshot) UnmarshalJSON(text []byte) error {
	type plain Snapshot
	var form plain
	if err := decode(text, &form); err != nil {
		return err
	}
	*s = Snapshot(form)
	return nil
}

// UnmarshalJSON reads the JSON of what a group contains about a user. It returns ErrInvalid for an
// unknown word and for text that is not UTF-8, and the errors of encoding/json.
func (d *UserData) UnmarshalJSON(text []byte) error {
	type plain UserData
	var form plain
	if err := decode(text, &form); err != nil {
		return err
	}
	*d = UserData(form)
	return nil
}

// MarshalJSON returns the JSON of the command. The duration is "forever" or decimal seconds, such as
// "600s" or "0.5s".
func (c Command) MarshalJSON() ([]byte, error) {
	return json.Marshal(commandForm{commandPlain(c), period(c.Duration)})
}

// UnmarshalJSON is the inverse of MarshalJSON. For the duration it takes all that
// [time.ParseDuration] takes. It returns ErrInvalid for an unknown word, another duration and text
// that is not UTF-8, and the errors of encoding/json.
func (c *Command) UnmarshalJSON(text []byte) error {
	var form commandForm
	if err := decode(text, &form); err != nil {
		return err
	}
	*c = Command(form.commandPlain)
	c.Duration = time.Duration(form.Duration)
	return nil
}

type (
	commandPlain Command
	commandForm  struct {
		commandPlain
		Duration period `json:"duration,omitzero"`
	}
)

// MarshalJSON returns the JSON of the result. The error has the JSON of an [Error].
func (r Result) MarshalJSON() ([]byte, error) {
	form := resultForm{resultPlain: resultPlain(r)}
	if r.Err != nil {
		form.Err = formOf(r.Err)
	}
	return json.Marshal(form)
}

// UnmarshalJSON is the inverse of MarshalJSON. The error has the same text and matches the same
// sentinels. It returns ErrInvalid for an unknown word and for text that is not UTF-8, and the
// errors of encoding/json.
func (r *Result) UnmarshalJSON(text []byte) error {
	var form resultForm
	if err := decode(text, &form); err != nil {
		return err
	}
	*r = Result(form.resultPlain)
	r.Err = nil
	if form.Err != nil {
		r.Err = form.Err.err()
	}
	return nil
}

type (
	resultPlain Result
	resultForm  struct {
		resultPlain
		Err *errorForm `json:"error,omitzero"`
	}
)
