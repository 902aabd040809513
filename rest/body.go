package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"groupkit"
)

// An object is the JSON body of a request: its fields, and their names in the order in which they
// came. The last one of a name counts.
type object struct {
	names  []string
	fields map[string]json.RawMessage
}

// body reads the JSON body. Its type may be anything that JSON is sent as, also that of a form. No
// body and null are an object without fields.
func (c *call) body() (object, error) {
	if !mayBeJSON(c.asked.Header.Get("Content-Type")) {
		return object{}, notJSON
	}
	return c.anyBody()
}

// anyBody is body, whatever the Content-Type.
func (c *call) anyBody() (object, error) {
	b, err := c.readBody()
	if err != nil {
		return object{}, err
	}
	return parseObject(b)
}

// readBody reads the whole body, if it is not too large and comes in time.
func (c *call) readBody() ([]byte, error) {
	r := c.asked
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return nil, nil
	case r.ContentLength > c.h.opts.MaxBody:
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, r.Body, c.h.opts.MaxBody))
	if err != nil {
		return nil, bodyFault(err, badJSON("the body is cut off"))
	}
	c.setDeadline(time.Time{})
	return b, nil
}

// bodyFault returns the fault of an error of reading a body; cut is for one that is not complete.
func bodyFault(err, cut error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return unavailable
	}
	return cut
}

// setDeadline sets the time until which the body must have come; the zero time lifts it. Without a
// body there is no deadline. net/http lifts it before the next request of the connection. Once the
// body has come it must be lifted, because net/http waits for the end of the connection then.
func (c *call) setDeadline(at time.Time) {
	if c.asked.ContentLength != 0 {
		_ = http.NewResponseController(c.w).SetReadDeadline(at) // not every connection knows deadlines
	}
}

// mayBeJSON reports whether a body of the type can be JSON. Clients send it as a form, as text or
// without a type.
func mayBeJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, _ := mime.ParseMediaType(contentType)
	kind, sub, _ := strings.Cut(media, "/")
	switch kind {
	case "multipart", "image", "audio", "video", "font":
		return false
	}
	return sub != "xml" && sub != "html" && !strings.HasSuffix(sub, "+xml")
}

// parseObject reads one JSON object.
func parseObject(b []byte) (object, error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || string(b) == "null":
		return object{}, nil
	case !utf8.Valid(b):
		return object{}, badJSON("the body is not valid UTF-8")
	case !json.Valid(b):
		return object{}, badJSON("the body is not valid JSON")
	case b[0] != '{':
		return object{}, badJSON("the body is not a JSON object")
	}
	o := object{fields: make(map[string]json.RawMessage)}
	d := json.NewDecoder(bytes.NewReader(b))
	_, err := d.Token()
	for err == nil && d.More() {
		err = o.parseField(d)
	}
	if err != nil {
		return object{}, badJSON("the body is not valid JSON")
	}
	return o, nil
}

func (o *object) parseField(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return err
	}
	name, _ := token.(string)
	if _, again := o.fields[name]; !again {
		o.names = append(o.names, name)
	}
	o.fields[name] = value
	return nil
}

// has reports whether a field was sent and is not null.
func (o *object) has(name string) bool {
	value, ok := o.fields[name]
	return ok && string(value) != "null"
}

// text returns a text. It is missing if it was not sent or is of another kind.
func (o *object) text(name string) (string, error) {
	value := o.fields[name]
	if len(value) == 0 || value[0] != '"' {
		return "", missing(name)
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", missing(name)
	}
	return text, nil
}

// filled is text for a text that must not be empty.
func (o *object) filled(name string) (string, error) {
	text, err := o.text(name)
	if err == nil && text == "" {
		err = missing(name)
	}
	return text, err
}

// optional is text for a text that need not be there.
func (o *object) optional(name string) (string, error) {
	if !o.has(name) {
		return "", nil
	}
	return o.text(name)
}

// flag returns true or false.
func (o *object) flag(name string) (bool, error) {
	switch string(o.fields[name]) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, missing(name)
}

// number returns a whole number, sent as a number or as its digits. One that is too large or too
// small is the largest or the smallest.
func (o *object) number(name string) (int64, error) {
	number := string(o.fields[name])
	digits, err := o.text(name)
	if err != nil {
		digits = number
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err == nil || isRange(err) {
		return n, nil
	}
	f, err := strconv.ParseFloat(number, 64) // such as 1e3; a text is quoted and fails
	if err != nil && !isRange(err) || f != math.Trunc(f) {
		return 0, missing(name)
	}
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64, nil
	case f <= math.MinInt64:
		return math.MinInt64, nil
	}
	return int64(f), nil
}

// list returns a list of names. Empty names and names that come again are left out.
func (o *object) list(name string) ([]groupkit.UserID, error) {
	value := o.fields[name]
	if len(value) == 0 || value[0] != '[' {
		return nil, missing(name)
	}
	var texts []*groupkit.UserID
	if json.Unmarshal(value, &texts) != nil {
		return nil, missing(name)
	}
	list := make([]groupkit.UserID, 0, len(texts))
	for _, text := range texts {
		if text == nil {
			return nil, missing(name)
		}
		list = append(list, *text)
	}
	return distinct(list), nil
}

// users is list for a list that must have a name.
func (o *object) users(name string) ([]groupkit.UserID, error) {
	list, err := o.list(name)
	if err == nil && len(list) == 0 {
		err = missing(name)
	}
	return list, err
}
