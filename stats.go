package groupkit

import (
	"time"

	"groupkit/store"
)

// Stats is what an engine tells about itself. Numbers count from the opening, for this engine alone. Two Stats that
// were read one after another give rates.
type Stats struct {
	At     time.Time `json:"at,omitzero"`     // when the Stats were read, by Options.Clock
	Opened time.Time `json:"opened,omitzero"` // when the engine was opened

	Updates   UpdateStats   `json:"updates"`
	Store     store.Stats   `json:"store"`
	Cache     *CacheStats   `json:"cache,omitzero"` // nil: MaySpeak has no cache
	Followers FollowerStats `json:"followers"`
	Work      WorkStats     `json:"work"`
	Counts    *Counts       `json:"counts,omitzero"` // the last ones; nil: nothing was counted, see Options.CountEvery
}

// UpdateStats are about the transactions of the store that can write: those of changes, and those of background work.
type UpdateStats struct {
	Running   int             `json:"running,omitzero"` // that run now, or wait for others
	Durations store.Durations `json:"durations"`        // of those that succeeded, from the call of the store until it returned; so waiting for others is contained
}

// CacheStats are about the cache of MaySpeak. Lookups are counted from the first call of
// Engine.Stats on, because counting costs about a tenth of a lookup. The checks of the system are not
// looked up.
type CacheStats struct {
	Hits   uint64 `json:"hits,omitzero"`   // answers from memory
	Misses uint64 `json:"misses,omitzero"` // lookups after which the store was read

	ErrorHits   uint64 `json:"error_hits,omitzero"`   // answers from memory that were an error made before
	ErrorMisses uint64 `json:"error_misses,omitzero"` // answers from memory for which an error had to be made

	Used int64 `json:"used,omitzero"` // bytes that entries take
	Size int64 `json:"size,omitzero"` // bytes of the tables, with their free room
	Most int64 `json:"most,omitzero"` // bytes to which the tables can grow: three quarters of Options.CacheBytes
}

// FollowerStats are about the followers of this engine.
type FollowerStats struct {
	Followers int    `json:"followers,omitzero"` // that are open
	Feeds     int    `json:"feeds,omitzero"`     // groups that are followed; all groups are one more
	Missed    uint64 `json:"missed,omitzero"`    // how often a follower was too slow and went back to the log
}

// WorkStats are about work besides the calls, as far as it is known without reading the store.
type WorkStats struct {
	Caring    bool    `json:"caring,omitzero"`    // this engine does the background work; false where another process that shares the store does it
	Uploads   int     `json:"uploads,omitzero"`   // contents that are being stored by this engine
	Loads     int     `json:"loads,omitzero"`     // groups that are being loaded by this engine
	Deletions int     `json:"deletions,omitzero"` // groups whose records are being removed by this engine
	Contents  int     `json:"contents,omitzero"`  // contents of deleted files that are durably gone from the records and wait to be removed
	Pending   Pending `json:"pending,omitzero"`
}

// Pending is what was cut off and is to be finished. On a store of one's own it is what the opening has found, until that is
// finished; Contents and Uploads are then at most 1, because they are not counted. On a shared store it is what
// the last look has seen, which is made every 15 seconds; what living processes are doing is among it.
type Pending struct {
	Deletions  int `json:"deletions,omitzero"`  // groups
	Contents   int `json:"contents,omitzero"`   // contents that are to be removed
	Uploads    int `json:"uploads,omitzero"`    // contents that are reserved
	Pseudonyms int `json:"pseudonyms,omitzero"` // groups into whose records a pseudonym is being written
	Loads      int `json:"loads,omitzero"`      // groups that are being loaded
}

// Stats returns what the engine knows about itself. It reads no record, waits for no transaction, and
// makes no round trip to a server: it can be called every second. After Close it goes on to
// return what was counted. A nil or zero Engine has the zero Stats.
func (e *Engine) Stats() Stats {
	if !e.opened() {
		return Stats{}
	}
	return Stats{
		At: e.opts.Clock().UTC().Truncate(time.Millisecond), Opened: e.meters.opened,
		Updates:   UpdateStats{int(e.meters.updating.Load()), e.meters.updates.Durations()},
		Store:     store.StatsOf(e.store),
		Cache:     e.cacheStats(),
		Followers: e.followerStats(),
		Work:      e.workStats(),
		Counts:    e.counts.Load(),
	}
}

func (e *Engine) cacheStats() *CacheStats {
	if e.words == nil {
		return nil
	}
	words := e.words.Stats()
	c := &CacheStats{Hits: words.Hits, Misses: words.Misses, Used: words.Used, Size: words.Size, Most: words.Most}
	c.ErrorHits, c.ErrorMisses = e.refusals.Lookups()
	return c
}

func (e *Engine) followerStats() FollowerStats {
	followers, feeds := e.broker.Counts()
	return FollowerStats{followers, feeds, e.meters.missed.Load()}
}

func (e *Engine) workStats() WorkStats {
	m := &e.meters
	return WorkStats{
		Caring: !e.shared || e.caring.Load(), Uploads: int(m.uploads.Load()), Loads: int(m.loads.Load()), Deletions: int(m.deletions.Load()),
		Contents: e.contents.waiting(), Pending: *e.pending.Load(),
	}
}
