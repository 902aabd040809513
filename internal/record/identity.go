package record

// An Identity says which database this is, and which part of its history it has.
type Identity struct {
	Database string // the ID of the database
	Opening  uint64 // counted up by openings, before the mark of the contents says so
	History  string // the ID of the history that the versions of the groups belong to
	Open     bool   // an engine that can lose the end of the history has the store open
	Foreign  string // on a shared store: the mark of foreign contents for which the history was begun
}

// Encode returns the record.
func (i *Identity) Encode() []byte {
	b := appendString(make([]byte, 0, 96), 1, i.Database)
	b = appendUint(b, 2, i.Opening)
	b = appendString(b, 3, i.History)
	b = appendBool(b, 4, i.Open)
	return appendString(b, 5, i.Foreign)
}

// DecodeIdentity decodes the result of Encode.
func DecodeIdentity(b []byte) (Identity, error) {
	var i Identity
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			i.Database = f.string()
		case 2:
			i.Opening = f.uint
		case 3:
			i.History = f.string()
		case 4:
			i.Open = f.bool()
		case 5:
			i.Foreign = f.string()
		}
	}
	if f.err == nil && (i.Database == "" || i.History == "") {
		return i, ErrCorrupt
	}
	return i, f.err
}

// A ContentsMark lies among the contents of files. It says to which database they belong, and
// the Opening of that database when the mark was written.
type ContentsMark struct {
	Database string
	Opening  uint64
}

// Encode returns the record.
func (m *ContentsMark) Encode() []byte {
	return appendUint(appendString([]byte{}, 1, m.Database), 2, m.Opening)
}

// DecodeContentsMark decodes the result of Encode.
func DecodeContentsMark(b []byte) (ContentsMark, error) {
	var m ContentsMark
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			m.Database = f.string()
		case 2:
			m.Opening = f.uint
		}
	}
	if f.err == nil && m.Database == "" {
		return m, ErrCorrupt
	}
	return m, f.err
}
