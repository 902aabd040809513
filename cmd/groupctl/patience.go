package main

import (
	"net/http"
	"time"
)

// patient limits how long a connection waits for its client once the header of a request is there:
// for the client to take a part of the answer, and to send a body that nobody needs, which net/http
// reads before it answers. Without it, a client that does neither holds its connection for ever.
// How long a handler waits for a body is its own affair.
//
// http.Server has no timeouts for that: its ReadTimeout and WriteTimeout limit the whole of an
// upload or a download.
func patient(next http.Handler, d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &patientWriter{ResponseWriter: w, control: http.NewResponseController(w), wait: d, body: r.ContentLength != 0}
		p.begin()
		defer func() { // the server writes the rest of the answer
			p.begin()
			_ = p.control.SetReadDeadline(time.Now().Add(d)) // the next request has another one
		}()
		next.ServeHTTP(p, r)
	})
}

// A patientWriter gives the client time for each part of the answer.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	wait    time.Duration
	body    bool // the client has announced a body
}

// begin begins a wait for the client: for what it sends, if it sends a body, then for what it takes.
func (p *patientWriter) begin() {
	wait := p.wait
	if p.body {
		wait *= 2
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(wait))
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.begin()
	if p.body {
		_ = p.control.SetReadDeadline(time.Now().Add(p.wait))
		// Once the body is read, the end of the deadline would cancel the context of the request.
		defer func() { _ = p.control.SetReadDeadline(time.Time{}) }()
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
