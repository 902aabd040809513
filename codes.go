package groupkit

import "errors"

// A sentinel is an error that callers test for with errors.Is. Its declaration contains
// everything that is known about it.
type sentinel struct {
	class  error  // nil for a class and for an error without a class
	code   string // the result of Code
	number uint64 // in recorded results; 0: no entry of a batch fails with this error
	text   string
}

// numbered contains the sentinels that an entry of a batch can fail with, by number. The
// numbers are part of the stored format. A number is never given to another sentinel.
var numbered = make(map[uint64]error)

// coded contains all sentinels, by code.
var coded = make(map[string]error)

func classless(code string, number uint64, text string) error {
	return inClass(nil, code, number, text)
}

func inClass(class error, code string, number uint64, text string) error {
	s := &sentinel{class, code, number, text}
	coded[code] = s
	if number != 0 {
		numbered[number] = s
	}
	return s
}

func (s *sentinel) Error() string        { return s.text }
func (s *sentinel) Is(target error) bool { return target == s.class }

// Code returns the stable code of the sentinel that err matches, for example "group_full"
// for ErrGroupFull. Codes are the same in every version, so programs in other languages
// can branch on them. If an error has several causes, such as the error of a batch in
// which every entry failed, Code returns the code of the first. Code returns "" for nil
// and for an error that is not from the engine, such as context.Canceled.
func Code(err error) string {
	if s, ok := errors.AsType[*sentinel](err); ok {
		return s.code
	}
	return ""
}

// Sentinel is the inverse of Code: it returns the sentinel with the code, or nil if this version has
// no such code.
func Sentinel(code string) error { return coded[code] }

// numberOf returns the number of the sentinel that err matches, or 0 if it has none.
func numberOf(err error) uint64 {
	if s, ok := errors.AsType[*sentinel](err); ok {
		return s.number
	}
	return 0
}
