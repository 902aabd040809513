package rest

import (
	"context"
	"net/http"
	"strings"
)

// A route answers a call.
type route func(*call) (answer, error)

// A pattern is a method pattern of http.ServeMux, below the app, with its route.
type pattern struct {
	method, path string
	route        route
	streams      bool            // an upload, a download or events: Options.Timeout does not end it
	served       func(*App) bool // nil: by every app
}

const tokenPath = "/token"

func issuesTokens(a *App) bool { return a.Tokens != nil }
func keepsUsers(a *App) bool   { return a.Directory != nil }

var patterns = []pattern{
	{method: "POST", path: tokenPath, route: issueToken, served: issuesTokens},

	{method: "POST", path: "/users", route: createUsers, served: keepsUsers},
	{method: "DELETE", path: "/users", route: deleteUsers, served: keepsUsers},
	{method: "GET", path: "/users/{user}", route: readUser, served: keepsUsers},
	{method: "DELETE", path: "/users/{user}", route: deleteUser, served: keepsUsers},

	{method: "GET", path: "/chatgroups", route: listGroups},
	{method: "POST", path: "/chatgroups", route: createGroup},
	{method: "GET", path: "/chatgroups/{group}", route: readGroups},
	{method: "PUT", path: "/chatgroups/{group}", route: updateGroup},
	{method: "DELETE", path: "/chatgroups/{group}", route: deleteGroup},
	{method: "GET", path: "/users/{user}/joined_chatgroups", route: listJoined},
	{method: "GET", path: "/publicchatgroups", route: listPublic},

	{method: "GET", path: "/events", route: followAll, streams: true},
	{method: "GET", path: "/chatgroups/{group}/events", route: followGroup, streams: true},

	{method: "GET", path: "/chatgroups/{group}/announcement", route: readAnnouncement},
	{method: "POST", path: "/chatgroups/{group}/announcement", route: setAnnouncement},

	{method: "GET", path: "/chatgroups/{group}/share_files", route: listFiles},
	{method: "POST", path: "/chatgroups/{group}/share_files", route: uploadFile, streams: true},
	{method: "GET", path: "/chatgroups/{group}/share_files/{file}", route: downloadFile, streams: true},
	{method: "DELETE", path: "/chatgroups/{group}/share_files/{file}", route: deleteFile},

	{method: "GET", path: "/chatgroups/{group}/users", route: listMembers},
	{method: "POST", path: "/chatgroups/{group}/users", route: addBodyMembers},
	{method: "POST", path: "/chatgroups/{group}/users/{user}", route: addNamedMembers},
	{method: "DELETE", path: "/chatgroups/{group}/users/{user}", route: removeNamedMembers},

	{method: "GET", path: "/chatgroups/{group}/admin", route: listAdmins},
	{method: "POST", path: "/chatgroups/{group}/admin", route: addAdmin},
	{method: "DELETE", path: "/chatgroups/{group}/admin/{user}", route: removeAdmin},

	{method: "GET", path: "/chatgroups/{group}/blocks/users", route: listBlocks},
	{method: "POST", path: "/chatgroups/{group}/blocks/users", route: addBodyBlocks},
	{method: "POST", path: "/chatgroups/{group}/blocks/users/{user}", route: addNamedBlocks},
	{method: "DELETE", path: "/chatgroups/{group}/blocks/users/{user}", route: removeBlocks},

	{method: "GET", path: "/chatgroups/{group}/mute", route: listMutes},
	{method: "POST", path: "/chatgroups/{group}/mute", route: muteMembers},
	{method: "DELETE", path: "/chatgroups/{group}/mute/{user}", route: unmuteMembers},
	{method: "POST", path: "/chatgroups/{group}/ban", route: muteGroup},
	{method: "DELETE", path: "/chatgroups/{group}/ban", route: unmuteGroup},

	{method: "GET", path: "/chatgroups/{group}/white/users", route: listAllowed},
	{method: "POST", path: "/chatgroups/{group}/white/users", route: addBodyAllowed},
	{method: "POST", path: "/chatgroups/{group}/white/users/{user}", route: addNamedAllowed},
	{method: "DELETE", path: "/chatgroups/{group}/white/users/{user}", route: removeAllowed},

	{method: "POST", path: "/chatgroups/{group}/apply", route: apply},
	{method: "POST", path: "/chatgroups/{group}/apply_verify", route: verifyApply},
	{method: "POST", path: "/chatgroups/{group}/invite", route: invite},
	{method: "POST", path: "/chatgroups/{group}/invite_verify", route: verifyInvite},
	{method: "DELETE", path: "/chatgroups/{group}/quit", route: quit},
	{path: "/chatgroups/{group}/{user}", route: notGet},
}

// newMux returns the routes. Paths that no pattern has are answered with 404, methods that no
// pattern of the path has with 405.
func (h *Handler) newMux() *http.ServeMux {
	mux, others := http.NewServeMux(), make(map[string]pattern)
	methods := make(map[string][]string)
	for _, p := range patterns {
		mux.Handle(strings.TrimSpace(p.method+" "+p.path), h.handle(p))
		if p.method != "" {
			methods[p.path] = append(methods[p.path], p.method)
			others[p.path] = pattern{route: allows(methods[p.path]), served: p.served}
		}
	}
	for path, other := range others {
		mux.Handle(path, h.handle(other))
	}
	mux.Handle("/", h.handle(pattern{route: func(c *call) (answer, error) { return answer{}, noRoute(c) }}))
	return mux
}

// allows refuses every method but those.
func allows(methods []string) route {
	return func(c *call) (answer, error) {
		c.w.Header().Set("Allow", strings.Join(methods, ", "))
		return answer{}, wrongMethod
	}
}

// standings is the route of GET /chatgroups/user/{user}. http.ServeMux refuses its pattern beside
// /chatgroups/{group}/users, so dispatch looks for it first: of a group with the ID "user", the
// lists cannot be read.
var standings = pattern{route: listStandings}

// standingsOf returns the user whose groups are asked for, if that is what the call asks.
func (c *call) standingsOf() (user string, ok bool) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		return "", false
	}
	user, ok = strings.CutPrefix(c.at.rest, "/chatgroups/user/")
	return decoded(user), ok && !strings.Contains(user, "/")
}

// notGet answers the other methods of /chatgroups/user/{user}, and paths that no route has.
func notGet(c *call) (answer, error) {
	if c.r.PathValue("group") != "user" {
		return answer{}, noRoute(c)
	}
	return allows([]string{http.MethodGet})(c)
}

// handle runs a route and writes its answer.
func (h *Handler) handle(p pattern) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := r.Context().Value(callKey{}).(*call)
		c.r, c.ctx = r, r.Context()
		if !p.streams {
			var cancel context.CancelFunc
			c.ctx, cancel = context.WithTimeout(c.ctx, h.opts.Timeout)
			defer cancel()
		}
		a, err := answer{}, error(nil)
		if p.served != nil && !p.served(c.app) {
			err = noRoute(c)
		} else {
			a, err = p.route(c)
		}
		switch {
		case err != nil:
			c.fail(err)
		case !a.sent:
			c.answer(a)
		}
	})
}

// fail writes an error. What is the server's own fault is logged.
func (c *call) fail(err error) {
	f := faultOf(c, err, nil)
	if f.status >= http.StatusInternalServerError {
		c.report(err)
	}
	writeJSON(c.w, f.status, f.body(c.began, c.h.opts.Clock()))
}

// report logs an error that the client is not told.
func (c *call) report(err error) {
	if logger := c.h.opts.Logger; logger != nil {
		logger.ErrorContext(c.asked.Context(), "rest: a request failed", "id", c.w.Header().Get(requestID),
			"method", c.asked.Method, "path", c.asked.URL.EscapedPath(), "err", err)
	}
}
