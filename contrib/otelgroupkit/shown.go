package otelgroupkit

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"groupkit"
	"groupkit/store"
)

type (
	tellInt     = func(value int64, attributes ...attribute.KeyValue)
	tellSeconds = func(value float64, attributes ...attribute.KeyValue)
)

// numbers are the instruments whose values are integers.
var numbers = []shown[int64]{
	{upDown, "groupkit.update.running", "{transaction}", "Transactions that can write, and run now or wait for others.",
		func(s *groupkit.Stats, tell tellInt) { tell(int64(s.Updates.Running)) }},
	{counter, "groupkit.update.duration.bucket", "{transaction}", "Transactions that can write and succeeded, by the duration that they took at most.",
		func(s *groupkit.Stats, tell tellInt) { bins(s.Updates.Durations, tell) }},

	{upDown, "groupkit.store.size", "By", "Bytes that the data takes in the file of the store.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Size, tell) }},
	{upDown, "groupkit.store.free", "By", "Bytes of the file that are free and will be used again.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Free, tell) }},
	{counter, "groupkit.store.updates", "{transaction}", "Transactions of the store that were committed and have written something.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Updates, tell) }},
	{counter, "groupkit.store.commits", "{commit}", "Commits of the store. Several transactions can share one.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Commits, tell) }},
	{gauge, "groupkit.store.commit.largest", "{transaction}", "How many transactions the largest commit had since the opening.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Largest, tell) }},
	{counter, "groupkit.store.commit.duration.bucket", "{commit}", "Commits of the store, by the duration that they took at most.",
		when(writing, func(w *store.Durations, tell tellInt) { bins(*w, tell) })},
	{upDown, "groupkit.store.waiting", "{transaction}", "Transactions that wait for their turn in the store now.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Waiting, tell) }},
	{upDown, "groupkit.store.unsaved", "{commit}", "Commits that are not durable yet.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Unsaved, tell) }},
	{counter, "groupkit.store.reruns", "{rerun}", "How often the function of a transaction ran again, because of a conflict or a lost connection.",
		func(s *groupkit.Stats, tell tellInt) { known(s.Store.Reruns, tell) }},
	{upDown, "groupkit.store.connection.count", "{connection}", "Open connections of the store to a server, by state.",
		when(connections, func(c *store.Connections, tell tellInt) {
			tell(int64(c.Open-c.Busy), connectionStateKey.String("idle"))
			tell(int64(c.Busy), connectionStateKey.String("used"))
		})},
	{upDown, "groupkit.store.connection.max", "{connection}", "How many connections there can be.",
		when(connections, func(c *store.Connections, tell tellInt) { tell(int64(c.Most)) })},
	{counter, "groupkit.store.connection.waits", "{wait}", "How often a transaction had to wait for a connection.",
		when(connections, func(c *store.Connections, tell tellInt) { tell(int64(c.Waits)) })},

	{counter, "groupkit.cache.lookups", "{lookup}", "Lookups of MaySpeak in the cache. After a miss the store was read.",
		when(cache, func(c *groupkit.CacheStats, tell tellInt) { results(c.Hits, c.Misses, tell) })},
	{counter, "groupkit.cache.errors", "{error}", "Answers of the cache that were an error. After a miss the error had to be made.",
		when(cache, func(c *groupkit.CacheStats, tell tellInt) { results(c.ErrorHits, c.ErrorMisses, tell) })},
	{upDown, "groupkit.cache.usage", "By", "Bytes that the entries of the cache take.",
		when(cache, func(c *groupkit.CacheStats, tell tellInt) { tell(c.Used) })},
	{upDown, "groupkit.cache.size", "By", "Bytes of the tables of the cache, with their free room.",
		when(cache, func(c *groupkit.CacheStats, tell tellInt) { tell(c.Size) })},
	{upDown, "groupkit.cache.limit", "By", "Bytes to which the tables of the cache can grow.",
		when(cache, func(c *groupkit.CacheStats, tell tellInt) { tell(c.Most) })},

	{upDown, "groupkit.follower.count", "{follower}", "Followers that are open.",
		func(s *groupkit.Stats, tell tellInt) { tell(int64(s.Followers.Followers)) }},
	{upDown, "groupkit.follower.feeds", "{feed}", "Groups that are followed. All groups together are one more.",
		func(s *groupkit.Stats, tell tellInt) { tell(int64(s.Followers.Feeds)) }},
	{counter, "groupkit.follower.missed", "{miss}", "How often a follower was too slow and went back to the log.",
		func(s *groupkit.Stats, tell tellInt) { tell(int64(s.Followers.Missed)) }},

	{gauge, "groupkit.work.caring", "1", "1 if this engine does the background work, 0 if another process does.",
		func(s *groupkit.Stats, tell tellInt) {
			if s.Work.Caring {
				tell(1)
			} else {
				tell(0)
			}
		}},
	{upDown, "groupkit.work.running", "{item}", "Contents that are being stored, groups that are being loaded, groups whose records are being removed.",
		func(s *groupkit.Stats, tell tellInt) {
			tell(int64(s.Work.Uploads), workKey.String("uploads"))
			tell(int64(s.Work.Loads), workKey.String("loads"))
			tell(int64(s.Work.Deletions), workKey.String("deletions"))
		}},
	{upDown, "groupkit.work.contents", "{content}", "Contents of deleted files that wait to be removed.",
		func(s *groupkit.Stats, tell tellInt) { tell(int64(s.Work.Contents)) }},
	{gauge, "groupkit.work.pending", "{item}", "What was cut off and is to be finished.",
		func(s *groupkit.Stats, tell tellInt) {
			p := s.Work.Pending
			tell(int64(p.Deletions), workKey.String("deletions"))
			tell(int64(p.Contents), workKey.String("contents"))
			tell(int64(p.Uploads), workKey.String("uploads"))
			tell(int64(p.Pseudonyms), workKey.String("pseudonyms"))
			tell(int64(p.Loads), workKey.String("loads"))
		}},

	{gauge, "groupkit.count.groups", "{group}", "Groups, when they were counted last.",
		when(counts, func(c *groupkit.Counts, tell tellInt) {
			tell(int64(c.Public), visibilityKey.String("public"))
			tell(int64(c.Groups-c.Public), visibilityKey.String("private"))
		})},
	{gauge, "groupkit.count.memberships", "{membership}", "Memberships of all groups, when they were counted last.",
		when(counts, func(c *groupkit.Counts, tell tellInt) { tell(int64(c.Memberships)) })},
	{gauge, "groupkit.count.files", "{file}", "Shared files of all groups, when they were counted last.",
		when(counts, func(c *groupkit.Counts, tell tellInt) { tell(int64(c.Files)) })},
	{gauge, "groupkit.count.requests", "{request}", "Join requests of all groups, when they were counted last.",
		when(counts, func(c *groupkit.Counts, tell tellInt) { tell(int64(c.Requests)) })},
	{gauge, "groupkit.count.invitations", "{invitation}", "Invitations of all groups, when they were counted last.",
		when(counts, func(c *groupkit.Counts, tell tellInt) { tell(int64(c.Invitations)) })},
}

// seconds are the instruments whose values are durations.
var seconds = []shown[float64]{
	{gauge, "groupkit.engine.uptime", "s", "How long the engine has been open.",
		func(s *groupkit.Stats, tell tellSeconds) { tell(s.At.Sub(s.Opened).Seconds()) }},
	{counter, "groupkit.update.duration.sum", "s", "How long transactions that can write and succeeded took together, with the waiting for others.",
		func(s *groupkit.Stats, tell tellSeconds) { tell(s.Updates.Durations.Sum.Seconds()) }},
	{gauge, "groupkit.update.duration.max", "s", "How long the longest transaction that can write and succeeded took since the opening.",
		func(s *groupkit.Stats, tell tellSeconds) { tell(s.Updates.Durations.Max.Seconds()) }},
	{counter, "groupkit.store.commit.duration.sum", "s", "How long the commits of the store took together.",
		when(writing, func(w *store.Durations, tell tellSeconds) { tell(w.Sum.Seconds()) })},
	{gauge, "groupkit.store.commit.duration.max", "s", "How long the longest commit of the store took since the opening.",
		when(writing, func(w *store.Durations, tell tellSeconds) { tell(w.Max.Seconds()) })},
	{counter, "groupkit.store.connection.wait_time", "s", "How long transactions waited for a connection together.",
		when(connections, func(c *store.Connections, tell tellSeconds) { tell(c.Waited.Seconds()) })},
	{gauge, "groupkit.count.age", "s", "How long ago groups and what they have were counted last.",
		func(s *groupkit.Stats, tell tellSeconds) {
			if c := s.Counts; c != nil {
				tell(s.At.Sub(c.At).Seconds())
			}
		}},
}

// The parts of Stats that an engine or a store may not have.
func cache(s *groupkit.Stats) *groupkit.CacheStats     { return s.Cache }
func counts(s *groupkit.Stats) *groupkit.Counts        { return s.Counts }
func writing(s *groupkit.Stats) *store.Durations       { return s.Store.Writing }
func connections(s *groupkit.Stats) *store.Connections { return s.Store.Connections }

// when reads a part of Stats if it is there.
func when[P, T any](part func(*groupkit.Stats) *P, read func(*P, T)) func(*groupkit.Stats, T) {
	return func(s *groupkit.Stats, tell T) {
		if p := part(s); p != nil {
			read(p, tell)
		}
	}
}

// known tells a number of a store that knows it.
func known[N int | int64 | uint64](n *N, tell tellInt) {
	if n != nil {
		tell(int64(*n))
	}
}

// results tells the hits and the misses of a cache.
func results(hits, misses uint64, tell tellInt) {
	tell(int64(hits), cacheResultKey.String("hit"))
	tell(int64(misses), cacheResultKey.String("miss"))
}

// bins tells a histogram as a histogram of Prometheus: each bin contains those before, and the last contains all.
func bins(d store.Durations, tell tellInt) {
	for _, b := range d.Bins {
		tell(int64(b.Count), bound(b.Bound))
	}
	tell(int64(d.Count), boundKey.String("+Inf"))
}

func bound(d time.Duration) attribute.KeyValue {
	return boundKey.String(strconv.FormatFloat(d.Seconds(), 'g', -1, 64))
}
