package record

// A File describes a shared file, without its content.
type File struct {
	ID      string // 16 bytes
	Name    string
	Size    int64
	SHA256  string // 32 bytes
	Owner   string
	Created int64

	// Version is the version of the event that added the file. The record of an event does
	// not contain it.
	Version uint64

	// Content is the ID of the content of a file that was uploaded with format 1. "" means
	// that the content has the ID of the file.
	Content string

	Absent bool // the file was loaded without its content
}

// Encode returns the record.
func (f *File) Encode() []byte {
	b := make([]byte, 0, 80+len(f.Name)+len(f.Owner))
	b = appendString(b, 1, f.ID)
	b = appendString(b, 2, f.Name)
	b = appendInt(b, 3, f.Size)
	b = appendString(b, 4, f.SHA256)
	b = appendString(b, 5, f.Owner)
	b = appendInt(b, 6, f.Created)
	b = appendUint(b, 7, f.Version)
	b = appendString(b, 8, f.Content)
	return appendBool(b, 9, f.Absent)
}

// DecodeFile decodes the result of Encode.
func DecodeFile(b []byte) (File, error) {
	var file File
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			file.ID = f.string()
		case 2:
			file.Name = f.string()
		case 3:
			file.Size = f.int()
		case 4:
			file.SHA256 = f.string()
		case 5:
			file.Owner = f.string()
		case 6:
			file.Created = f.int()
		case 7:
			file.Version = f.uint
		case 8:
			file.Content = f.string()
		case 9:
			file.Absent = f.bool()
		}
	}
	if f.err == nil && (len(file.ID) != 16 || len(file.SHA256) != 32 || file.Size < 0) {
		return file, ErrCorrupt
	}
	return file, f.err
}

// An Announcement is the announcement of a group, with its author and time.
type Announcement struct {
	Text string
	By   string
	At   int64
}

// Encode returns the record.
func (a *Announcement) Encode() []byte {
	b := make([]byte, 0, 16+len(a.Text)+len(a.By))
	b = appendString(b, 1, a.Text)
	b = appendString(b, 2, a.By)
	return appendInt(b, 3, a.At)
}

// DecodeAnnouncement decodes the result of Encode.
func DecodeAnnouncement(b []byte) (Announcement, error) {
	var a Announcement
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			a.Text = f.string()
		case 2:
			a.By = f.string()
		case 3:
			a.At = f.int()
		}
	}
	return a, f.err
}

// An Upload is a content that is being written. No file has it yet.
type Upload struct {
	Process string // the ID of the engine that writes it
	At      int64
}

// Encode returns the record.
func (u *Upload) Encode() []byte {
	return appendInt(appendString([]byte{}, 1, u.Process), 2, u.At)
}

// DecodeUpload decodes the result of Encode.
func DecodeUpload(b []byte) (Upload, error) {
	var u Upload
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			u.Process = f.string()
		case 2:
			u.At = f.int()
		}
	}
	return u, f.err
}

// A Lease says which engine does the background work of a store that several processes share.
type Lease struct {
	Holder string // the ID of the engine
	Count  uint64 // grows while the engine lives
}

// Encode returns the record.
func (l *Lease) Encode() []byte {
	return appendUint(appendString([]byte{}, 1, l.Holder), 2, l.Count)
}

// DecodeLease decodes the result of Encode.
func DecodeLease(b []byte) (Lease, error) {
	var l Lease
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			l.Holder = f.string()
		case 2:
			l.Count = f.uint
		}
	}
	return l, f.err
}

// A Format is the number of the format of all records.
type Format struct {
	Number int

	// From is the number of the format from which the records are being converted; 0 if the
	// conversion is complete. Versions that know only format 1 do not read it.
	From int

	// Filling says what a restore or a copy is filling the store with, and Filler which call of it; "" if it is
	// complete. Versions that do not read them take the record for a damaged one.
	Filling, Filler string
}

// Encode returns the record.
func (v *Format) Encode() []byte {
	b := appendInt(EncodeCount(v.Number), 2, int64(v.From))
	return appendString(appendString(b, 3, v.Filling), 4, v.Filler)
}

// DecodeFormat decodes the result of Encode.
func DecodeFormat(b []byte) (v Format, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			v.Number = int(f.uint)
		case 2:
			v.From = int(f.uint)
		case 3:
			v.Filling = f.string()
		case 4:
			v.Filler = f.string()
		}
	}
	return v, f.err
}

// EncodeCount returns the record of a number, such as the number of groups or the format.
func EncodeCount(n int) []byte { return appendInt([]byte{}, 1, int64(n)) }

// DecodeCount decodes the result of EncodeCount.
func DecodeCount(b []byte) (n int, err error) {
	f := fields{rest: b}
	for f.next() {
		if f.num == 1 {
			n = int(f.uint)
		}
	}
	return n, f.err
}
