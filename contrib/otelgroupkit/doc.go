// Package otelgroupkit shows an engine of groupkit to OpenTelemetry: metrics and spans of each call and of background
// work, and the numbers of groupkit.Engine.Stats.
//
//	tel, err := otelgroupkit.New()
//	…
//	eng, err := groupkit.Open("guilds.db", &groupkit.Options{Hooks: tel.Hooks(groupkit.Hooks{})})
//	…
//	registration, err := tel.Observe(eng)
//	…
//	defer registration.Unregister()
//
// The providers are the global ones, unless [WithTracerProvider] and [WithMeterProvider] name others. The package uses the API of OpenTelemetry
// alone; your program chooses the SDK and the exporters.
//
// # Metrics of calls
//
// They are recorded through groupkit.Hooks. Each entry has the name, the kind, the unit, and the attributes.
//
//	groupkit.call.duration: histogram, s, groupkit.operation, groupkit.code, error.type
//	    How long calls took, from the call until it returned.
//	groupkit.call.users: histogram, {user}, groupkit.operation
//	    How many users a call named as its targets, of the calls that named any.
//	groupkit.call.retries: counter, {retry}, groupkit.operation
//	    How often a transaction of a call had to run again.
//	groupkit.task.duration: histogram, s, groupkit.task, groupkit.code, error.type
//	    How long pieces of background work took.
//
// The count of a histogram is the number of calls. The duration of an iterator contains the body of its loop, that of an upload the waiting for
// its reader. The attributes are
//
//   - groupkit.operation, a groupkit.Op, such as "add member";
//   - groupkit.task, a groupkit.Task, such as "sweep";
//   - groupkit.code, only if the call failed: groupkit.Code of its error, such as "not_member". It is "canceled" if the context was
//     cancelled, and missing for other errors that are not from the engine;
//   - error.type, only if the call failed and that is an error of the system; see "Refusals".
//
// The name is not db.client.operation.duration of the conventions for databases. That one counts what a client asks of a database server. A
// call of groupkit is a decision inside the process: its operations are those of the domain, it can be answered from memory, and if its store is a
// server, the instrumentation of that client reports db.client.operation.duration. One name for both would count the work twice.
//
// MaySpeak is no call while memory has the answer: groupkit.cache.lookups counts those.
//
// # Metrics of the engine
//
// [Telemetry.Observe] reads them from groupkit.Engine.Stats when the SDK collects. They count from the opening. What a store does not know has no
// series: for example, only a store that has a server has connections.
//
//	groupkit.engine.uptime: gauge, s
//	    How long the engine has been open.
//	groupkit.update.running: updowncounter, {transaction}
//	    Transactions that can write, and run now or wait for others.
//	groupkit.update.duration.bucket: counter, {transaction}, le
//	    Transactions that can write and succeeded, by the duration that they took at most.
//	groupkit.update.duration.sum: counter, s
//	    How long transactions that can write and succeeded took together, with the waiting for others.
//	groupkit.update.duration.max: gauge, s
//	    How long the longest transaction that can write and succeeded took since the opening.
//	groupkit.store.size: updowncounter, By
//	    Bytes that the data takes in the file of the store.
//	groupkit.store.free: updowncounter, By
//	    Bytes of the file that are free and will be used again.
//	groupkit.store.updates: counter, {transaction}
//	    Transactions of the store that were committed and have written something.
//	groupkit.store.commits: counter, {commit}
//	    Commits of the store. Several transactions can share one.
//	groupkit.store.commit.largest: gauge, {transaction}
//	    How many transactions the largest commit had since the opening.
//	groupkit.store.commit.duration.bucket: counter, {commit}, le
//	    Commits of the store, by the duration that they took at most.
//	groupkit.store.commit.duration.sum: counter, s
//	    How long the commits of the store took together.
//	groupkit.store.commit.duration.max: gauge, s
//	    How long the longest commit of the store took since the opening.
//	groupkit.store.waiting: updowncounter, {transaction}
//	    Transactions that wait for their turn in the store now.
//	groupkit.store.unsaved: updowncounter, {commit}
//	    Commits that are not durable yet.
//	groupkit.store.reruns: counter, {rerun}
//	    How often the function of a transaction ran again, because of a conflict or a lost connection.
//	groupkit.store.connection.count: updowncounter, {connection}, groupkit.store.connection.state
//	    Open connections of the store to a server, by state.
//	groupkit.store.connection.max: updowncounter, {connection}
//	    How many connections there can be.
//	groupkit.store.connection.waits: counter, {wait}
//	    How often a transaction had to wait for a connection.
//	groupkit.store.connection.wait_time: counter, s
//	    How long transactions waited for a connection together.
//	groupkit.cache.lookups: counter, {lookup}, groupkit.cache.result
//	    Lookups of MaySpeak in the cache. After a miss the store was read.
//	groupkit.cache.errors: counter, {error}, groupkit.cache.result
//	    Answers of the cache that were an error. After a miss the error had to be made.
//	groupkit.cache.usage: updowncounter, By
//	    Bytes that the entries of the cache take.
//	groupkit.cache.size: updowncounter, By
//	    Bytes of the tables of the cache, with their free room.
//	groupkit.cache.limit: updowncounter, By
//	    Bytes to which the tables of the cache can grow.
//	groupkit.follower.count: updowncounter, {follower}
//	    Followers that are open.
//	groupkit.follower.feeds: updowncounter, {feed}
//	    Groups that are followed. All groups together are one more.
//	groupkit.follower.missed: counter, {miss}
//	    How often a follower was too slow and went back to the log.
//	groupkit.work.caring: gauge, 1
//	    1 if this engine does the background work, 0 if another process does.
//	groupkit.work.running: updowncounter, {item}, groupkit.work.kind
//	    Contents that are being stored, groups that are being loaded, groups whose records are being removed.
//	groupkit.work.contents: updowncounter, {content}
//	    Contents of deleted files that wait to be removed.
//	groupkit.work.pending: gauge, {item}, groupkit.work.kind
//	    What was cut off and is to be finished.
//	groupkit.count.groups: gauge, {group}, groupkit.group.visibility
//	    Groups, when they were counted last.
//	groupkit.count.memberships: gauge, {membership}
//	    Memberships of all groups, when they were counted last.
//	groupkit.count.files: gauge, {file}
//	    Shared files of all groups, when they were counted last.
//	groupkit.count.requests: gauge, {request}
//	    Join requests of all groups, when they were counted last.
//	groupkit.count.invitations: gauge, {invitation}
//	    Invitations of all groups, when they were counted last.
//	groupkit.count.age: gauge, s
//	    How long ago groups and what they have were counted last.
//
// groupkit.cache.result is "hit" or "miss", groupkit.store.connection.state "idle" or "used", groupkit.group.visibility "public" or "private".
// groupkit.work.kind is the field of groupkit.WorkStats or groupkit.Pending, such as "uploads".
//
// The groupkit.count metrics exist with groupkit.Options.CountEvery. They and groupkit.work.pending are gauges, because all engines
// that share a store tell the same: take the maximum over processes, not the sum.
//
// OpenTelemetry has no histogram that is observed. So the two that the engine counts by itself are the counters with "bucket" in their name. They are
// cumulative, as a histogram of Prometheus: the value at le="0.01" contains all durations up to 0.01 s, and le="+Inf" is the count. Do not add
// the bins up. In PromQL:
//
//	histogram_quantile(0.99, sum by (le) (rate(groupkit_update_duration_bucket_total[5m])))
//
// # Cardinality
//
// No metric has a group, a user, or a text of the caller as an attribute. The series are as many as operations (about 70) have outcomes (about
// 60 codes, of which most operations can return fewer than ten), however many groups and users there are.
//
// # Cost
//
// A call takes longer by 0.7 µs with metrics alone, by 0.9 µs with a span that is not sampled, and by 2.9 µs with one that is, its exporter
// not included. These are the fastest of seven runs of BenchmarkHook, on two cores of an Intel Xeon that were busy with other work.
//
// # Spans
//
// A call becomes a span when it has ended, with its times, as a child of the span in the context of the call. The kind of all spans is internal.
//
//	{groupkit.operation}
//	    One for each call of groupkit.Hooks.Call, such as "add member".
//	    Attributes: groupkit.operation groupkit.code error.type groupkit.users groupkit.retries groupkit.group.id
//	background {groupkit.task}
//	    One for each piece of background work of groupkit.Hooks.Task, such as "background sweep". It is the root of a trace of its own.
//	    Attributes: groupkit.task groupkit.code error.type
//
// A sampler sees the name, groupkit.operation or groupkit.task, and the attributes of [WithAttributes]. The others are set afterwards, if they are not
// empty or zero.
//
// What happens within a call is no child of its span, because the span does not exist yet: the function of Atomic, a Guard, the body of a loop over an
// iterator, the queries of a PostgreSQL client that is traced. Their spans are children of the same parent as that of the call, and lie within its
// time. A call that is made in a hook is told too, with the parent in the context that it was given.
//
// # Refusals
//
// Most calls that fail were refused: not a member, group full, invalid argument. The engine has done its work. A refusal has groupkit.code, but
// no error.type, and the status of its span stays unset, as a server leaves that of a 404. Refusals are the codes of the
// classes ErrNotFound, ErrForbidden, ErrLimit, ErrInvalid and ErrConflict of groupkit, ErrReadOnly, ErrNested, and a cancelled context.
//
// All else is an error of the system: error.type is the code, such as "storage_failed", "corrupt" or "unknown_outcome", "deadline_exceeded" for the
// end of a context, and "_OTHER" for errors of the application that a call returned. The status of the span is Error. So calls with error.type are those
// to be woken for.
//
// # Personal data
//
// The ID of a group can name a person, and the text of an error names the group and the user. Spans have neither, unless [WithIDs] is
// given: the description of the status is the text of the sentinel, such as "storage failed". Errors are not recorded as
// span events, because these would contain that text too.
package otelgroupkit
