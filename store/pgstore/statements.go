package pgstore

import "strings"

// statements are the texts of the SQL statements, which contain the names of an app's tables.
type statements struct {
	records, buckets spaceStatements
	bucketNames      string
	contents         contentStatements
}

// spaceStatements are the statements of a table of keys and values. The keys of all buckets are
// in one table; their statements have the name of the bucket as the last parameter.
type spaceStatements struct {
	get, lock   string // $1 keys
	put, remove string // $1 keys, $2 values
	scan        map[direction]string
}

// A direction tells the statements apart that scan.
type direction struct{ reverse, bounded bool }

func newStatements(name string) statements {
	return statements{
		records:  newSpaceStatements(name+"_records", false),
		buckets:  newSpaceStatements(name+"_buckets", true),
		contents: newContentStatements(name),
		// It jumps from each name to the next: DISTINCT would read every row.
		bucketNames: strings.ReplaceAll("WITH RECURSIVE names (name) AS ((SELECT bucket FROM {table} ORDER BY bucket LIMIT 1) UNION ALL "+
			"SELECT (SELECT bucket FROM {table} WHERE bucket > name ORDER BY bucket LIMIT 1) FROM names WHERE name IS NOT NULL) "+
			"SELECT name FROM names WHERE name IS NOT NULL", "{table}", name+"_buckets"),
	}
}

func newSpaceStatements(table string, bucketed bool) spaceStatements {
	text := func(s, parameter string) string {
		replaced := []string{"{table}", table, "{columns}", "key, value", "{bucket}", "", "{and}", "", "{unique}", "key"}
		if bucketed {
			replaced = []string{"{table}", table, "{columns}", "bucket, key, value", "{bucket}", parameter + "::bytea, ",
				"{and}", " AND bucket = " + parameter, "{unique}", "bucket, key"}
		}
		return strings.NewReplacer(replaced...).Replace(s)
	}
	s := spaceStatements{
		get:  text("SELECT key, value FROM {table} WHERE key = ANY($1::bytea[]){and}", "$2"),
		lock: text("SELECT key, value FROM {table} WHERE key = ANY($1::bytea[]){and} ORDER BY key FOR UPDATE", "$2"),
		put: text("INSERT INTO {table} ({columns}) SELECT {bucket}k, v FROM unnest($1::bytea[], $2::bytea[]) AS pairs (k, v) "+
			"ON CONFLICT ({unique}) DO UPDATE SET value = excluded.value", "$3"),
		remove: text("DELETE FROM {table} WHERE key = ANY($1::bytea[]){and}", "$2"),
		scan:   make(map[direction]string),
	}
	for _, d := range []direction{{}, {bounded: true}, {reverse: true}, {reverse: true, bounded: true}} {
		query, last := "SELECT key, value FROM {table} WHERE key >= $1", "$3"
		if d.bounded {
			query, last = query+" AND key < $3", "$4"
		}
		query += "{and} ORDER BY key"
		if d.reverse {
			query += " DESC"
		}
		s.scan[d] = text(query+" LIMIT $2", last)
	}
	return s
}
