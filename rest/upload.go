package rest

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// An uploadBody reads the body of an upload. What comes before the file is limited by
// Options.MaxBody, the file by Options.MaxUpload, and each wait for more of it by Options.Timeout.
type uploadBody struct {
	from     io.Reader
	boundary string
	left     int64 // the bytes that may still come; negative: any number
	most     int64 // of the file; 0: any number
	wait     time.Duration
	control  *http.ResponseController // nil if the connection knows no deadlines
	failed   error                    // why no more is read; package multipart can hide it
}

// uploadBody returns the body of the call.
func (c *call) uploadBody() *uploadBody {
	return &uploadBody{
		from: c.asked.Body, boundary: boundary(c.asked.Header), left: c.h.opts.MaxBody, most: c.h.opts.MaxUpload,
		wait: c.h.opts.Timeout, control: http.NewResponseController(c.w),
	}
}

// boundary returns what separates the parts of the body. Of the types that clients send, only the
// boundary matters: the curl command of the API's text says application/json.
func boundary(header http.Header) string {
	for _, value := range header["Content-Type"] {
		if _, params, err := mime.ParseMediaType(value); err == nil && params["boundary"] != "" {
			return params["boundary"]
		}
	}
	return ""
}

// Read reads what is allowed to come, and waits for it as long as is allowed. Only the end of the body
// lifts the deadline: net/http reads what is left of a body before it sends an answer.
func (b *uploadBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		b.failed = tooLarge
		return 0, tooLarge
	}
	if b.left > 0 && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	if b.control != nil && b.control.SetReadDeadline(time.Now().Add(b.wait)) != nil {
		b.control = nil
	}
	n, err := b.from.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	switch {
	case err == io.EOF && b.control != nil: //nolint:errorlint // a reader returns io.EOF itself
		_ = b.control.SetReadDeadline(time.Time{}) // see setDeadline
	case err != nil && err != io.EOF: //nolint:errorlint // a reader returns io.EOF itself
		b.failed = err
	}
	return n, err
}

var cutUpload = &fault{400, "illegal_argument", "the upload is not complete."}

// findFile returns the part that is the file. Other parts are passed over.
func (b *uploadBody) findFile() (*filePart, error) {
	if b.boundary == "" || b.from == nil {
		return nil, noFile
	}
	parts := multipart.NewReader(b, b.boundary)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, noFile
		}
		if err != nil {
			return nil, bodyFault(cmp.Or(b.failed, err), noFile)
		}
		if name, ok := fileName(part.Header.Get("Content-Disposition")); ok {
			b.left = -1
			return &filePart{name: name, from: part, most: b.most}, nil
		}
	}
}

// fileName returns the file name of a part with the name "file", as it was sent. A browser sends an
// empty file name if no file was chosen. A part without a file name has the name "file".
func fileName(disposition string) (name string, ok bool) {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil || params["name"] != "file" {
		return "", false
	}
	name, named := params["filename"]
	if !named {
		return "file", true
	}
	return name, name != ""
}

// lastPart returns the last part of a file name, which can be a path of any system.
func lastPart(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// A filePart reads the content of the file. Its errors are faults.
type filePart struct {
	name string
	from io.Reader
	most int64 // 0: any number
	read int64
}

func (f *filePart) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	f.read += int64(n)
	switch {
	case f.most > 0 && f.read > f.most:
		return 0, tooLarge
	case err != nil && err != io.EOF: //nolint:errorlint // a reader returns io.EOF itself
		return n, bodyFault(err, cutUpload)
	}
	return n, err
}
