// Package rest serves the groups of an engine over HTTP. It speaks an API for which clients exist in
// many languages, so that programs written for it work unchanged: its paths, its JSON, its error
// texts. The package imports the standard library and groupkit alone.
//
//	eng, err := groupkit.Open("guilds.db", nil)
//	app := &rest.App{Engine: eng, ID: "8be024f0-e978-11e8-b697-5d598d5f8402", Authenticator: sessions}
//	h := rest.NewHandler(rest.OneApp("chat-demo", "testapp", app), nil)
//	err = http.ListenAndServe("127.0.0.1:8080", h)
//
// The embedder brings who calls ([Authenticator]) and, if it wants the routes for them, tokens
// ([TokenIssuer]) and users ([Directory]). Ready ones are in groupkit/rest/restkit.
//
// # Who calls
//
// The application acts as the system of the engine, a user as that user: the roles of the engine
// decide. A group that is hidden from a user is answered like one that does not exist, byte for
// byte. Requests are checked in this order: the app, the caller, [Limiter], the route, the method,
// the body, the engine.
//
// # Routes
//
// All paths begin with /{org}/{app}; below that:
//
//	POST   /token
//	POST   /users                                 DELETE /users?limit=
//	GET    /users/{user}                          DELETE /users/{user}
//	GET    /users/{user}/joined_chatgroups        GET    /chatgroups/user/{user}
//	GET    /chatgroups                            POST   /chatgroups
//	GET    /chatgroups/{group}[,{group}…]         PUT    /chatgroups/{group}
//	DELETE /chatgroups/{group}                    GET    /publicchatgroups
//	GET    /chatgroups/{group}/announcement       POST   /chatgroups/{group}/announcement
//	GET    /chatgroups/{group}/share_files        POST   /chatgroups/{group}/share_files
//	GET    /chatgroups/{group}/share_files/{file} DELETE /chatgroups/{group}/share_files/{file}
//	GET    /chatgroups/{group}/users              POST   /chatgroups/{group}/users[/{user}]
//	DELETE /chatgroups/{group}/users/{user}[,…]
//	GET    /chatgroups/{group}/admin              POST   /chatgroups/{group}/admin
//	DELETE /chatgroups/{group}/admin/{user}
//	GET    /chatgroups/{group}/blocks/users       POST   /chatgroups/{group}/blocks/users[/{user}]
//	DELETE /chatgroups/{group}/blocks/users/{user}[,…]
//	GET    /chatgroups/{group}/white/users        POST   /chatgroups/{group}/white/users[/{user}]
//	DELETE /chatgroups/{group}/white/users/{user}[,…]
//	GET    /chatgroups/{group}/mute               POST   /chatgroups/{group}/mute
//	DELETE /chatgroups/{group}/mute/{user}[,…]
//	POST   /chatgroups/{group}/ban                DELETE /chatgroups/{group}/ban
//	POST   /chatgroups/{group}/apply              POST   /chatgroups/{group}/apply_verify
//	POST   /chatgroups/{group}/invite             POST   /chatgroups/{group}/invite_verify
//	DELETE /chatgroups/{group}/quit
//	GET    /chatgroups/{group}/events?from=       GET    /events?from=
//
// POST /token exists if the app has Tokens, the routes of users if it has a Directory.
//
// # Paths and bodies
//
// Doubled and trailing slashes are removed, without a redirect. An encoded slash (%2F) is part of an
// ID. The segments "." and ".." are IDs and are never resolved. Where a path takes several names, a
// comma separates them, encoded or not; empty names and names that come again are left out, there
// and in bodies.
//
// A body is JSON whatever its Content-Type says, except a type that cannot be JSON (415). A body is
// read only by the routes that use it. Unknown query parameters are passed over. A number out of
// range is clamped; the default is for one that cannot be read.
//
// # Versions and repeated requests
//
// The details of one group, its creation and PUT answer with an ETag: the history of the database
// ([groupkit.Engine.History]) and the version of the group. A change with If-Match is made only if
// the group is still at that version; otherwise, and for a tag of another history, the answer is
// 412. Reads of groups pass over If-Match. A caller who is only invited does not see the version.
//
// A change of a group with the header Idempotency-Key can be repeated: the second answer is the
// first one again, without an ETag. The key for another request is answered with 422.
//
// # Files
//
// An upload goes to the engine as it comes, in constant memory. The file is the first part of the
// multipart body with the name "file"; whichever Content-Type names a boundary will do. A download
// serves ranges. It is always an attachment of the type application/octet-stream, so that no browser
// shows it.
//
// # Events
//
// GET /chatgroups/{group}/events follows a group, GET /events all groups, for the application alone. The
// answer is a stream of Server-Sent Events that does not end by itself. A caller gets what
// [groupkit.Actor.Follow] gives; read there what members see and what a checkpoint is. For each event:
//
//	id: the position after it, the text form of a groupkit.Position
//	event: the word of its kind, such as member_joined
//	data: the groupkit.Event as JSON, in one line; see docs/json.md
//
// The parameter from is a position, "latest" for what comes from now on, or nothing for the beginning.
// The header Last-Event-ID counts instead of it: with the last id, a client goes on without a gap. The
// events of one call have the id of the call before, but for the last one. So some can come again:
// pass over those whose version is not higher than the last one, except checkpoints.
//
// When the right to follow ends, or the group is deleted, or the token is no longer good, the last event is
// "end", with an error in data. Do not come again then. A stream that ends without it was cut off: come again with
// the last id. The server cuts off a client that takes nothing for [Options.Timeout].
//
// Each [Options.KeepAlive] the stream has a comment, and the Authenticator is asked again. A stream is
// one call for the [Limiter], and one line in the log, when it has ended. Middleware around the
// Handler must let answers be flushed (http.ResponseController). Let http.Server.Shutdown end streams:
//
//	server.RegisterOnShutdown(h.EndStreams)
//
// Browsers cannot send a header with an EventSource. A token in the URL would be in the history of the browser
// and in the logs of servers, so the Handler takes none there. A page reads the stream with fetch, which
// sends headers; examples/browser shows it. On one origin, an Authenticator that knows sessions by
// a cookie (SameSite, HttpOnly) serves EventSource too.
//
// # Errors
//
// Every error has the five fields that clients of the API read. Errors of the engine are in one
// table in errors.go. What the store, the directory or another part of the server fails with is
// answered with 503 and logged, and so is a request that takes longer than [Options.Timeout].
//
// # Decisions
//
// Where the API says nothing, or several things:
//
//   - Details of a public group show an outsider the owner alone in affiliations. An invited user
//     sees nobody. affiliations_count is always the number of members.
//   - GET /chatgroups/user/{user} answers for every name. The lists of a group with the ID "user"
//     cannot be read.
//   - GET /publicchatgroups may answer with less groups than the limit, and a cursor.
//   - apply and quit are for users: the application gets 403. In invite_verify the application can
//     answer for any user, and the user is who acts.
//   - Blocks are permanent. Blocking a blocked user is refused as for any other who is no member.
//   - PUT changes fields and owner in one transaction. With maxusers below the number of members it
//     is refused as a full group is.
//   - DELETE /users needs a limit: a client that forgot the name in the path must not lose users.
//     POST /users takes 60 at most. Neither knows Idempotency-Key.
//   - "null" as a body is a body without fields. A body that is not UTF-8 is not JSON.
//   - For POST /token the [Limiter] gets the zero Caller, because nobody is known to call. Slow
//     password checks must be bounded by the TokenIssuer.
//   - A ttl of 0, or one that cannot be read, leaves the time to the TokenIssuer.
//   - "uri" has the path as asked, "file_url" the cleaned one. Both have the scheme and the host of
//     the request or of [Options.BaseURL].
package rest
