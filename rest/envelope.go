package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// An answer is what a route answers; the envelope is put around it.
type answer struct {
	data     any    // nil: the answer has no data
	entities []any  // nil: empty
	count    *int   // nil: the answer has no count
	total    *int   // nil: the answer has no total
	cursor   string // "": nothing follows
	action   string // "": the method
	etag     string // "": the version is not known
	bare     any    // if set, the whole answer: there is no envelope
	sent     bool   // the route has written the answer itself
}

// An envelope is the form of every successful answer. The order of the fields is the order on the
// wire.
type envelope struct {
	Action          string              `json:"action"`
	Application     string              `json:"application"`
	Params          map[string][]string `json:"params,omitempty"`
	URI             string              `json:"uri"`
	Entities        []any               `json:"entities"`
	Data            any                 `json:"data,omitempty"`
	Timestamp       int64               `json:"timestamp"`
	Duration        int64               `json:"duration"`
	Organization    string              `json:"organization"`
	ApplicationName string              `json:"applicationName"`
	Total           *int                `json:"total,omitempty"`
	Cursor          string              `json:"cursor,omitempty"`
	Count           *int                `json:"count,omitempty"`
}

var noEntities = []any{}

// counted returns an answer with data and the number of its entries.
func counted[T any](entries []T) answer {
	if entries == nil {
		entries = []T{}
	}
	return answer{data: entries, count: new(len(entries))}
}

// answer writes a successful answer.
func (c *call) answer(a answer) {
	if a.etag != "" {
		c.w.Header().Set("ETag", a.etag)
	}
	if a.bare != nil {
		writeJSON(c.w, http.StatusOK, a.bare)
		return
	}
	now := c.h.opts.Clock()
	e := envelope{
		Action: a.action, Application: c.app.ID, URI: c.uri(), Entities: a.entities, Data: a.data,
		Timestamp: now.UnixMilli(), Duration: max(now.Sub(c.began).Milliseconds(), 0),
		Organization: c.org, ApplicationName: c.name,
		Total: a.total, Cursor: a.cursor, Count: a.count,
	}
	if e.Action == "" {
		e.Action = action(c.r.Method)
	}
	if e.Entities == nil {
		e.Entities = noEntities
	}
	if len(c.query()) > 0 {
		e.Params = c.query()
	}
	writeJSON(c.w, http.StatusOK, &e)
}

// action returns the method as answers name it. HEAD is answered as GET.
func action(method string) string {
	switch method {
	case http.MethodPost:
		return "post"
	case http.MethodPut:
		return "put"
	case http.MethodDelete:
		return "delete"
	}
	return "get"
}

// An encoder is a buffer with its encoder, for use again.
type encoder struct {
	buffer bytes.Buffer
	json   *json.Encoder
}

// keptBuffer is the size up to which a buffer is used again.
const keptBuffer = 64 << 10

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.buffer)
	e.json.SetEscapeHTML(false) // answers are never HTML
	return e
}}

// writeJSON writes one JSON value as the whole answer.
func writeJSON(w http.ResponseWriter, status int, value any) {
	e := encoders.Get().(*encoder)
	e.buffer.Reset()
	if err := e.json.Encode(value); err != nil {
		panic(err) // a type of this package that cannot be encoded
	}
	header := w.Header()
	header["Content-Type"] = jsonType
	header.Set("Content-Length", strconv.Itoa(e.buffer.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(e.buffer.Bytes()) // the client is gone, or nothing can be told to it any more
	if e.buffer.Cap() <= keptBuffer {
		encoders.Put(e)
	}
}

var jsonType = []string{"application/json"}
