package promgroupkit

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"groupkit"
	"groupkit/store"
)

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// A statsMetric is a metric that is read from Stats at each scrape.
type statsMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(sample, *groupkit.Stats)
}

// A sample sends the values of one metric to a scrape.
type sample struct {
	desc    *prometheus.Desc
	kind    prometheus.ValueType
	metrics chan<- prometheus.Metric
}

// send sends a value. A value that cannot be sent is told to the registry, which reports it.
func send[N int | int64 | uint64 | float64](s sample, value N, labels ...string) {
	m, err := prometheus.NewConstMetric(s.desc, s.kind, float64(value), labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.desc, err)
	}
	s.metrics <- m
}

// sendKnown sends a number, unless the store does not know it.
func sendKnown[N int | int64 | uint64](s sample, value *N) {
	if value != nil {
		send(s, *value)
	}
}

func sendTime(s sample, at time.Time) { send(s, float64(at.UnixMilli())/1000) }

// sendDurations sends a histogram.
func sendDurations(s sample, d *store.Durations) {
	buckets := make(map[float64]uint64, len(d.Bins))
	for _, bin := range d.Bins {
		buckets[bin.Bound.Seconds()] = bin.Count
	}
	m, err := prometheus.NewConstHistogram(s.desc, d.Count, d.Sum.Seconds(), buckets)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.desc, err)
	}
	s.metrics <- m
}

// newStatsMetrics returns the metrics of Stats. Each of its fields is in one of them, but for At: a scrape has
// a time of its own.
func newStatsMetrics(constant prometheus.Labels) (all []statsMetric) {
	add := func(kind prometheus.ValueType, name, help string, read func(sample, *groupkit.Stats), labels ...string) {
		all = append(all, statsMetric{prometheus.NewDesc(name, help, labels, constant), kind, read})
	}
	addEngine(add)
	addStore(add)
	addConnections(add)
	addCache(add)
	addWork(add)
	addCounts(add)
	return all
}

type adder func(kind prometheus.ValueType, name, help string, read func(sample, *groupkit.Stats), labels ...string)

func addEngine(add adder) {
	add(gauge, "groupkit_opened_timestamp_seconds", "When the engine was opened, in seconds since 1970.",
		func(m sample, s *groupkit.Stats) { sendTime(m, s.Opened) })
	add(gauge, "groupkit_updates_running", "Transactions that can write and that run now, or wait for others.",
		func(m sample, s *groupkit.Stats) { send(m, s.Updates.Running) })
	add(0, "groupkit_update_duration_seconds", "How long transactions that can write took, if they succeeded, with the time in which they waited for others.",
		func(m sample, s *groupkit.Stats) { sendDurations(m, &s.Updates.Durations) })
	add(gauge, "groupkit_update_longest_seconds", "How long the longest of the transactions that can write took, since the opening.",
		func(m sample, s *groupkit.Stats) { send(m, s.Updates.Durations.Max.Seconds()) })
	add(gauge, "groupkit_followers", "Followers that are open.",
		func(m sample, s *groupkit.Stats) { send(m, s.Followers.Followers) })
	add(gauge, "groupkit_follower_feeds", "Groups that are followed. All groups are one more.",
		func(m sample, s *groupkit.Stats) { send(m, s.Followers.Feeds) })
	add(counter, "groupkit_follower_misses_total", "How often a follower was too slow and went back to the log. It loses nothing.",
		func(m sample, s *groupkit.Stats) { send(m, s.Followers.Missed) })
}

func addStore(add adder) {
	add(gauge, "groupkit_store_info", "Always 1. The label kind is the kind of the store, such as \"bbolt\".",
		func(m sample, s *groupkit.Stats) {
			if s.Store.Kind != "" {
				send(m, 1, strings.ToValidUTF8(s.Store.Kind, "?"))
			}
		}, "kind")
	add(gauge, "groupkit_store_size_bytes", "Bytes that the file of the store takes.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Size) })
	add(gauge, "groupkit_store_free_bytes", "Bytes of the size that are free and will be used again. With bbolt, as of the opening.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Free) })
	add(counter, "groupkit_store_updates_total", "Transactions that were committed and have written something.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Updates) })
	add(counter, "groupkit_store_commits_total", "Commits. Several transactions can share one.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Commits) })
	add(gauge, "groupkit_store_commit_largest_updates", "How many transactions shared the largest commit since the opening.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Largest) })
	add(0, "groupkit_store_commit_duration_seconds", "How long commits took: writing and syncing a file, or one round trip to a server.",
		func(m sample, s *groupkit.Stats) {
			if s.Store.Writing != nil {
				sendDurations(m, s.Store.Writing)
			}
		})
	add(gauge, "groupkit_store_commit_longest_seconds", "How long the longest commit took, since the opening.",
		func(m sample, s *groupkit.Stats) {
			if s.Store.Writing != nil {
				send(m, s.Store.Writing.Max.Seconds())
			}
		})
	add(gauge, "groupkit_store_waiting_updates", "Transactions that wait for their turn now.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Waiting) })
	add(gauge, "groupkit_store_unsaved_commits", "Commits that a crash would lose now. Only with SyncInterval.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Unsaved) })
	add(counter, "groupkit_store_reruns_total", "How often the function of a transaction ran again, because of a conflict or a lost connection.",
		func(m sample, s *groupkit.Stats) { sendKnown(m, s.Store.Reruns) })
}

func addConnections(add adder) {
	server := func(kind prometheus.ValueType, name, help string, read func(sample, *store.Connections)) {
		add(kind, name, help, func(m sample, s *groupkit.Stats) {
			if s.Store.Connections != nil {
				read(m, s.Store.Connections)
			}
		})
	}
	server(gauge, "groupkit_store_connections_limit", "How many connections to the server there can be.",
		func(m sample, c *store.Connections) { send(m, c.Most) })
	server(gauge, "groupkit_store_connections_open", "Connections to the server.",
		func(m sample, c *store.Connections) { send(m, c.Open) })
	server(gauge, "groupkit_store_connections_busy", "Connections to the server that are in use.",
		func(m sample, c *store.Connections) { send(m, c.Busy) })
	server(counter, "groupkit_store_connection_waits_total", "Transactions that had to wait for a connection.",
		func(m sample, c *store.Connections) { send(m, c.Waits) })
	server(counter, "groupkit_store_connection_wait_seconds_total", "How long transactions waited for a connection, together.",
		func(m sample, c *store.Connections) { send(m, c.Waited.Seconds()) })
}

func addCache(add adder) {
	cache := func(kind prometheus.ValueType, name, help string, read func(sample, *groupkit.CacheStats)) {
		add(kind, name, help, func(m sample, s *groupkit.Stats) {
			if s.Cache != nil {
				read(m, s.Cache)
			}
		})
	}
	cache(counter, "groupkit_cache_hits_total", "Answers of MaySpeak from memory, from the first scrape on.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.Hits) })
	cache(counter, "groupkit_cache_misses_total", "Calls of MaySpeak for which the store was read, from the first scrape on.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.Misses) })
	cache(counter, "groupkit_cache_error_hits_total", "Answers of MaySpeak from memory that were an error made before.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.ErrorHits) })
	cache(counter, "groupkit_cache_error_misses_total", "Answers of MaySpeak from memory for which an error had to be made.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.ErrorMisses) })
	cache(gauge, "groupkit_cache_used_bytes", "Bytes that the entries of the cache take.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.Used) })
	cache(gauge, "groupkit_cache_size_bytes", "Bytes of the tables of the cache, with their free room.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.Size) })
	cache(gauge, "groupkit_cache_limit_bytes", "Bytes to which the tables can grow.",
		func(m sample, c *groupkit.CacheStats) { send(m, c.Most) })
}

func addWork(add adder) {
	add(gauge, "groupkit_work_caring", "1 if this engine does the background work, 0 if another process that shares the store does it.",
		func(m sample, s *groupkit.Stats) {
			caring := 0
			if s.Work.Caring {
				caring = 1
			}
			send(m, caring)
		})
	add(gauge, "groupkit_work_running", "What this engine is doing now: contents that are being stored, groups that are being loaded, groups whose records are being removed.",
		func(m sample, s *groupkit.Stats) {
			send(m, s.Work.Uploads, "upload")
			send(m, s.Work.Loads, "load")
			send(m, s.Work.Deletions, "deletion")
		}, "work")
	add(gauge, "groupkit_work_pending", "What was cut off and is to be finished. On a shared store, what living processes are doing is among it.",
		func(m sample, s *groupkit.Stats) {
			send(m, s.Work.Pending.Deletions, "deletion")
			send(m, s.Work.Pending.Contents, "content")
			send(m, s.Work.Pending.Uploads, "upload")
			send(m, s.Work.Pending.Pseudonyms, "pseudonym")
			send(m, s.Work.Pending.Loads, "load")
		}, "work")
	add(gauge, "groupkit_work_waiting_contents", "Contents of deleted files that wait to be removed.",
		func(m sample, s *groupkit.Stats) { send(m, s.Work.Contents) })
}

func addCounts(add adder) {
	counts := func(name, help string, read func(sample, *groupkit.Counts), labels ...string) {
		add(gauge, name, help, func(m sample, s *groupkit.Stats) {
			if s.Counts != nil {
				read(m, s.Counts)
			}
		}, labels...)
	}
	counts("groupkit_groups", "Groups, by their visibility. Only with CountEvery, as all that is counted.",
		func(m sample, n *groupkit.Counts) {
			send(m, n.Public, "public")
			send(m, n.Groups-n.Public, "private")
		}, "visibility")
	counts("groupkit_memberships", "Memberships of all groups together, with their owners.",
		func(m sample, n *groupkit.Counts) { send(m, n.Memberships) })
	counts("groupkit_files", "Shared files of all groups together.",
		func(m sample, n *groupkit.Counts) { send(m, n.Files) })
	counts("groupkit_join_requests", "Pending join requests of all groups together.",
		func(m sample, n *groupkit.Counts) { send(m, n.Requests) })
	counts("groupkit_invitations", "Pending invitations of all groups together.",
		func(m sample, n *groupkit.Counts) { send(m, n.Invitations) })
	counts("groupkit_counted_timestamp_seconds", "When the groups were last counted, in seconds since 1970.",
		func(m sample, n *groupkit.Counts) { sendTime(m, n.At) })
}
