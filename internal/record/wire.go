// Package record encodes the engine's records in the protocol buffer wire format.
//
// Each field has a number. A reader skips fields with unknown numbers, and a field that
// was not written has its zero value. New fields can therefore be added. A number is
// never used again for another field. Zero values are not written.
package record

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrCorrupt: a record cannot be decoded.
var ErrCorrupt = errors.New("record is damaged")

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return appendUint(b, field, uint64(v))
}

func appendBool(b []byte, field protowire.Number, v bool) []byte {
	return appendUint(b, field, protowire.EncodeBool(v))
}

func appendString(b []byte, field protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return appendEach(b, field, v)
}

// appendEach appends one value of a repeated field. It also writes an empty value.
func appendEach(b []byte, field protowire.Number, v string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, v)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

// fields iterates over the fields of a record.
type fields struct {
	rest  []byte
	whole string // a copy of the record; its strings are parts of it
	num   protowire.Number
	uint  uint64
	bytes []byte
	err   error
}

// fieldsOf iterates over a record with several strings, which share one allocation.
func (t *Texts) fieldsOf(b []byte) fields { return fields{rest: b, whole: t.Of(b)} }

// next reads the next field of a type that this package uses. It skips other fields.
func (f *fields) next() bool {
	for len(f.rest) > 0 {
		num, kind, n := consumeTag(f.rest)
		if n < 0 {
			return f.fail(n)
		}
		f.rest = f.rest[n:]
		f.num, f.uint, f.bytes = num, 0, nil
		switch kind {
		case protowire.VarintType:
			f.uint, n = consumeVarint(f.rest)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(f.rest)
		default:
			n = protowire.ConsumeFieldValue(num, kind, f.rest)
			f.num = 0 // a type that this package does not use
		}
		if n < 0 {
			return f.fail(n)
		}
		f.rest = f.rest[n:]
		if f.num != 0 {
			return true
		}
	}
	return false
}

func (f *fields) fail(n int) bool {
	f.err = fmt.Errorf("%w: %w", ErrCorrupt, protowire.ParseError(n))
	return false
}

// consumeTag is protowire.ConsumeTag with a fast path for tags of one byte.
func consumeTag(b []byte) (protowire.Number, protowire.Type, int) {
	if tag := b[0]; tag >= 1<<3 && tag < 1<<7 {
		return protowire.Number(tag >> 3), protowire.Type(tag & 7), 1
	}
	return protowire.ConsumeTag(b)
}

func consumeVarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 1<<7 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

func (f *fields) int() int64 { return int64(f.uint) }
func (f *fields) bool() bool { return f.uint != 0 }

func (f *fields) string() string {
	if f.whole == "" {
		return string(f.bytes)
	}
	end := len(f.whole) - len(f.rest)
	return f.whole[end-len(f.bytes) : end]
}
