package groupkit

import "time"

// mostListed is how many entries a list of a Report has at most.
const mostListed = 1000

// A Report is what Verify found. Each list has the first 1,000 entries; Omitted counts the others.
type Report struct {
	// Violations are the places where an invariant is broken.
	Violations []Violation `json:"violations,omitzero"`

	// Deletions are the groups that are being deleted. Their data goes while Verify runs, or
	// the deletion was cut off and is being resumed. They break no invariant.
	Deletions []GroupID `json:"deletions,omitzero"`

	// Loads are the groups that are being loaded. They are not there yet: they come when their
	// loads are complete, or what is there is removed. They break no invariant.
	Loads []GroupID `json:"loads,omitzero"`

	// Absent are the files that were loaded without their contents; see [Actor.PutContent]. They break
	// no invariant.
	Absent []AbsentFile `json:"absent,omitzero"`

	// UnknownContents are contents of shared files that the database has never heard of, in
	// the order of their IDs. They break no invariant, and nothing removes them but
	// [Engine.RemoveUnknownContents]: they can belong to another database, or to a newer state
	// of this one.
	UnknownContents []UnknownContent `json:"unknown_contents,omitzero"`

	// ForeignContents reports that the contents of shared files belong to another database, or
	// to a newer state of this one; see [Engine.AdoptContents].
	ForeignContents bool `json:"foreign_contents,omitzero"`

	// Omitted is how many entries the lists lack.
	Omitted Omitted `json:"omitted,omitzero"`
}

// Omitted counts the entries that the lists of a Report lack. A place whose checksum is wrong can count more than once.
type Omitted struct {
	Violations      int `json:"violations,omitzero"`
	Deletions       int `json:"deletions,omitzero"`
	Loads           int `json:"loads,omitzero"`
	Absent          int `json:"absent,omitzero"`
	UnknownContents int `json:"unknown_contents,omitzero"`
}

// list adds an entry to a list of a Report, or counts it as omitted.
func list[T any](to *[]T, omitted *int, entry T) {
	if len(*to) == mostListed {
		*omitted++
		return
	}
	*to = append(*to, entry)
}

// Sound reports whether no invariant is broken.
func (r *Report) Sound() bool { return len(r.Violations) == 0 }

// An AbsentFile is a shared file whose content is not there yet.
type AbsentFile struct {
	Group GroupID `json:"group"`
	File  File    `json:"file"`
}

// An UnknownContent is a content of a shared file that the database has never heard of.
type UnknownContent struct {
	ID      string    `json:"id"`               // in [store.Blobs]
	Created time.Time `json:"created,omitzero"` // when the upload began; zero if the ID does not say
}
