package record

// A File is what is known of a shared file; its content is kept elsewhere.
type File struct {
	ID      string // sixteen bytes
	Name    string
	Size    int64
	SHA256  string // thirty-two bytes
	Owner   string
	Created int64
}

// Encode returns the record.
func (f *File) Encode() []byte {
	b := make([]byte, 0, 80+len(f.Name)+len(f.Owner))
	b = appendString(b, 1, f.ID)
	b = appendString(b, 2, f.Name)
	b = appendInt(b, 3, f.Size)
	b = appendString(b, 4, f.SHA256)
	b = appendString(b, 5, f.Owner)
	return appendInt(b, 6, f.Created)
}

// DecodeFile reads what Encode wrote.
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
		}
	}
	if f.err == nil && (len(file.ID) != 16 || len(file.SHA256) != 32 || file.Size < 0) {
		return file, ErrCorrupt
	}
	return file, f.err
}

// An Announcement is the text that a group shows, with who set it and when.
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

// DecodeAnnouncement reads what Encode wrote.
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

// An Upload is a content that is being written and that no file names yet.
type Upload struct {
	Process string // the engine that writes it
	At      int64
}

// Encode returns the record.
func (u *Upload) Encode() []byte {
	return appendInt(appendString([]byte{}, 1, u.Process), 2, u.At)
}

// DecodeUpload reads what Encode wrote.
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

// EncodeCount returns the record of a number: of a user's groups, of all groups, of the format.
func EncodeCount(n int) []byte { return appendInt([]byte{}, 1, int64(n)) }

// DecodeCount reads what EncodeCount wrote.
func DecodeCount(b []byte) (n int, err error) {
	f := fields{rest: b}
	for f.next() {
		if f.num == 1 {
			n = int(f.uint)
		}
	}
	return n, f.err
}
