package pgstore

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"groupkit/store"
)

// Options are the options of a Store. The zero value of a field means its default.
type Options struct {
	// Name is the name of the app. Its tables begin with it, so that several apps can use one
	// database: 1 to 32 characters from a–z, 0–9 and "_", the first one a letter. Default:
	// "groupkit".
	Name string

	// Retry is how a transaction is run again after a conflict or a lost connection.
	Retry store.Retry

	// CommitWait is how long Update waits for the answer to a commit before it returns
	// ErrCommitUnknown. Default: 1 minute.
	CommitWait time.Duration

	// Notify turns Announce and Watch on. They use LISTEN and NOTIFY. A commit that notifies
	// waits for all others that do, in the whole database server: leave it off where many
	// commits a second matter more than how soon other processes hear of them.
	Notify bool

	// ReadOnly writes nothing, and makes no tables: a role of the database that may only read them is
	// enough. Update, and Put, Delete and Tidy of Blobs, return store.ErrReadOnly.
	ReadOnly bool
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// orDefaults returns the options with their defaults. It refuses an invalid name.
func (o *Options) orDefaults() (Options, error) {
	var with Options
	if o != nil {
		with = *o
	}
	with.Name = cmp.Or(with.Name, "groupkit")
	with.CommitWait = cmp.Or(with.CommitWait, time.Minute)
	if !validName.MatchString(with.Name) {
		return Options{}, fmt.Errorf("pgstore: name %q (1 to 32 characters from a-z, 0-9 and _, the first one a letter)", with.Name)
	}
	return with, nil
}
