package pgstore

// Name returns the name of the app.
func (s *Store) Name() string { return s.options.Name }

// Schema is the version of the schema that this package writes.
var Schema = len(schema)

// MakeMeta makes the table with the version of the schema, and its only row.
var MakeMeta = makeMeta
