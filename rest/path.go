package rest

import (
	"net/url"
	"strings"
)

// An address is the path of a request, cleaned and cut into the app and what follows it. All
// parts are still percent-encoded, so that an encoded slash stays part of an ID.
type address struct {
	path     string // without doubled and trailing slashes; "/" if nothing is left
	org, app string // "" if the path has less than two segments
	rest     string // what follows the app, with its leading slash; "/" if nothing follows
}

// parsePath cleans an encoded path and cuts it. Segments "." and ".." are IDs like any other:
// they are never resolved, so that a path cannot climb out of its app.
func parsePath(encoded string) address {
	a := address{path: clean(encoded)}
	org, tail, ok := strings.Cut(strings.TrimPrefix(a.path, "/"), "/")
	if !ok || !strings.HasPrefix(a.path, "/") {
		return a
	}
	a.org = org
	a.app, _, _ = strings.Cut(tail, "/")
	if a.rest = tail[len(a.app):]; a.rest == "" {
		a.rest = "/"
	}
	return a
}

// clean removes doubled and trailing slashes.
func clean(path string) string {
	if path == "" || path == "/" {
		return "/"
	}
	if !strings.Contains(path, "//") {
		return strings.TrimSuffix(path, "/")
	}
	var out strings.Builder
	out.Grow(len(path))
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			out.WriteByte('/')
			out.WriteString(segment)
		}
	}
	if out.Len() == 0 {
		return "/"
	}
	return out.String()
}

// routed returns a URL with the rest of the path for http.ServeMux, which redirects requests whose
// path has segments "." or "..": their dots are encoded.
func (a *address) routed(query string) *url.URL {
	path := a.rest
	if strings.Contains(path, "/.") {
		path = encodeDots(path)
	}
	u := &url.URL{Path: path, RawQuery: query}
	if strings.IndexByte(path, '%') >= 0 {
		u.Path, u.RawPath = decoded(path), path
	}
	return u
}

func encodeDots(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch segment {
		case ".":
			segments[i] = "%2E"
		case "..":
			segments[i] = "%2E%2E"
		}
	}
	return strings.Join(segments, "/")
}

// decoded decodes a segment or a path. What cannot be decoded stays as it is: net/http refuses
// such requests, but others can make them.
func decoded(encoded string) string {
	if strings.IndexByte(encoded, '%') < 0 {
		return encoded
	}
	if text, err := url.PathUnescape(encoded); err == nil {
		return text
	}
	return encoded
}
