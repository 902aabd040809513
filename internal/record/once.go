package record

// A Once is the recorded result of a call with an idempotency key.
type Once struct {
	Digest string // the digest of the call
	Until  int64  // when the record expires
	Group  string
	Header []byte
	Custom string

	Outcome uint8
	Ends    int64
	Changed []string
	File    *File
	Results []Result
}

// A Result is the recorded result of one entry of a batch.
type Result struct {
	User    string
	Outcome uint8
	Until   int64
	Code    uint64 // the number of the sentinel of the error
	Text    string
	About   string // the user that the error is about
	Limit   *Limit // the limit that is reached
	Field   string // the argument that is not valid
	Why     string // what is wrong with it
}

// A Limit is the recorded value and maximum of a limit that is reached.
type Limit struct {
	Value, Max int64
}

func (l *Limit) encode() []byte {
	return appendInt(appendInt(make([]byte, 0, 16), 1, l.Value), 2, l.Max)
}

func decodeLimit(b []byte) (*Limit, error) {
	var l Limit
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			l.Value = f.int()
		case 2:
			l.Max = f.int()
		}
	}
	return &l, f.err
}

func (r *Result) encode() []byte {
	b := appendString(make([]byte, 0, 32), 1, r.User)
	b = appendUint(b, 2, uint64(r.Outcome))
	b = appendInt(b, 3, r.Until)
	b = appendUint(b, 4, r.Code)
	b = appendString(b, 5, r.Text)
	b = appendString(b, 6, r.About)
	if r.Limit != nil {
		b = appendMessage(b, 7, r.Limit.encode())
	}
	b = appendString(b, 8, r.Field)
	return appendString(b, 9, r.Why)
}

func decodeResult(b []byte) (r Result, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			r.User = f.string()
		case 2:
			r.Outcome = uint8(f.uint)
		case 3:
			r.Until = f.int()
		case 4:
			r.Code = f.uint
		case 5:
			r.Text = f.string()
		case 6:
			r.About = f.string()
		case 7:
			if r.Limit, err = decodeLimit(f.bytes); err != nil {
				return r, err
			}
		case 8:
			r.Field = f.string()
		case 9:
			r.Why = f.string()
		}
	}
	return r, f.err
}

// Encode returns the record.
func (o *Once) Encode() []byte {
	b := appendString(make([]byte, 0, 64), 1, o.Digest)
	b = appendInt(b, 2, o.Until)
	b = appendString(b, 3, o.Group)
	b = appendString(b, 4, string(o.Header))
	b = appendString(b, 5, o.Custom)
	b = appendUint(b, 6, uint64(o.Outcome))
	b = appendInt(b, 7, o.Ends)
	for _, field := range o.Changed {
		b = appendEach(b, 8, field)
	}
	if o.File != nil {
		b = appendMessage(b, 9, o.File.Encode())
	}
	for i := range o.Results {
		b = appendMessage(b, 10, o.Results[i].encode())
	}
	return b
}

// DecodeOnce decodes the result of Encode.
func DecodeOnce(b []byte) (o Once, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			o.Digest = f.string()
		case 2:
			o.Until = f.int()
		case 3:
			o.Group = f.string()
		case 4:
			o.Header = []byte(f.string())
		case 5:
			o.Custom = f.string()
		case 6:
			o.Outcome = uint8(f.uint)
		case 7:
			o.Ends = f.int()
		case 8:
			o.Changed = append(o.Changed, f.string())
		case 9:
			file, err := DecodeFile(f.bytes)
			if err != nil {
				return o, err
			}
			o.File = &file
		case 10:
			r, err := decodeResult(f.bytes)
			if err != nil {
				return o, err
			}
			o.Results = append(o.Results, r)
		}
	}
	return o, f.err
}
