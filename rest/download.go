package rest

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"groupkit"
)

// A downloadWriter writes a download. Each wait for the client is limited by Options.Timeout. Errors
// of http.ServeContent are written as those of the API.
type downloadWriter struct {
	http.ResponseWriter
	c       *call
	control *http.ResponseController // nil if the connection knows no deadlines
	failed  bool
}

// downloadWriter returns the writer of the call. lift must be called when no more is written.
func (c *call) downloadWriter() (w *downloadWriter, lift func()) {
	w = &downloadWriter{ResponseWriter: c.w, c: c, control: http.NewResponseController(c.w)}
	return w, func() {
		if w.control != nil {
			_ = w.control.SetWriteDeadline(time.Time{}) // the connection has closed
		}
	}
}

func (w *downloadWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.failed = true
	for _, name := range []string{"Content-Disposition", "Content-Security-Policy", "ETag", "Last-Modified", "Accept-Ranges"} {
		w.Header().Del(name)
	}
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		w.c.fail(badRange)
	case http.StatusPreconditionFailed:
		w.c.fail(otherHistory)
	default:
		w.c.fail(failed)
	}
}

func (w *downloadWriter) Write(b []byte) (int, error) {
	if w.failed {
		return len(b), nil
	}
	if w.control != nil && w.control.SetWriteDeadline(time.Now().Add(w.c.h.opts.Timeout)) != nil {
		w.control = nil
	}
	return w.ResponseWriter.Write(b)
}

// A downloaded is the content of a file. Its errors are logged: the status is sent when they come.
type downloaded struct {
	io.ReadSeeker
	c *call
}

func (d *downloaded) Read(p []byte) (int, error) {
	n, err := d.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		d.c.report(err)
	}
	return n, err
}

// fileTag returns the entity tag of a file, whose content never changes.
func fileTag(f *groupkit.File) string { return `"` + hex.EncodeToString(f.SHA256[:]) + `"` }

// attachment returns a Content-Disposition (RFC 6266) that makes browsers save the file under its
// name. The name is encoded (RFC 8187), after a form of it for old clients that has ASCII alone.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return `attachment; filename="` + name + `"`
	}
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
