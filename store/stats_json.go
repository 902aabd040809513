package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// seconds is a duration as text: decimal seconds, such as "0.5s".
type seconds time.Duration

func (s seconds) MarshalText() ([]byte, error) {
	d := max(time.Duration(s), 0)
	text := strconv.FormatInt(int64(d/time.Second), 10)
	if rest := d % time.Second; rest != 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(int64(time.Second+rest), 10)[1:], "0")
	}
	return []byte(text + "s"), nil
}

func (s *seconds) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("store: %.40q is not a duration", text)
	}
	*s = seconds(d)
	return nil
}

type (
	durationsForm struct {
		Count uint64    `json:"count,omitzero"`
		Sum   seconds   `json:"sum,omitzero"`
		Max   seconds   `json:"max,omitzero"`
		Bins  []binForm `json:"bins,omitzero"`
	}
	binForm struct {
		Bound seconds `json:"bound"`
		Count uint64  `json:"count,omitzero"`
	}
	connectionsForm struct {
		Most   int     `json:"most,omitzero"`
		Open   int     `json:"open,omitzero"`
		Busy   int     `json:"busy,omitzero"`
		Waits  uint64  `json:"waits,omitzero"`
		Waited seconds `json:"waited,omitzero"`
	}
)

// MarshalJSON returns the JSON of the durations. Each duration is a text of decimal seconds, such as "0.5s".
func (d Durations) MarshalJSON() ([]byte, error) {
	form := durationsForm{Count: d.Count, Sum: seconds(d.Sum), Max: seconds(d.Max)}
	for _, b := range d.Bins {
		form.Bins = append(form.Bins, binForm{seconds(b.Bound), b.Count})
	}
	return json.Marshal(form)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (d *Durations) UnmarshalJSON(text []byte) error {
	var form durationsForm
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	*d = Durations{Count: form.Count, Sum: time.Duration(form.Sum), Max: time.Duration(form.Max)}
	for _, b := range form.Bins {
		d.Bins = append(d.Bins, Bin{time.Duration(b.Bound), b.Count})
	}
	return nil
}

// MarshalJSON returns the JSON of the connections. The duration is a text of decimal seconds.
func (c Connections) MarshalJSON() ([]byte, error) {
	return json.Marshal(connectionsForm{c.Most, c.Open, c.Busy, c.Waits, seconds(c.Waited)})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (c *Connections) UnmarshalJSON(text []byte) error {
	var form connectionsForm
	if err := json.Unmarshal(text, &form); err != nil {
		return err
	}
	*c = Connections{form.Most, form.Open, form.Busy, form.Waits, time.Duration(form.Waited)}
	return nil
}
