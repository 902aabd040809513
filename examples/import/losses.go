package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// losses says what could not be carried over, and why.
type losses []string

func (l *losses) lose(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

func (l losses) print(out io.Writer, indent string) {
	for _, text := range l {
		fmt.Fprintf(out, "%s%s\n", indent, text)
	}
}

// usable reports whether the engine takes an ID; groupkit.UserID says which ones it takes. It notes why not.
func usable[ID ~string](l *losses, what string, id ID) bool {
	text, why := string(id), ""
	switch {
	case text == "":
		why = "is empty"
	case len(text) > 255:
		why = fmt.Sprintf("has %d bytes (at most 255)", len(text))
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		why = "has characters that no ID can have"
	case strings.TrimSpace(text) != text:
		why = "begins or ends with a space"
	default:
		return true
	}
	l.lose("%s %s: the ID %s", what, short(text), why)
	return false
}

// short quotes a text and cuts a long one.
func short(text string) string {
	if utf8.RuneCountInString(text) > 20 {
		return fmt.Sprintf("%q…", string([]rune(text)[:20]))
	}
	return fmt.Sprintf("%q", text)
}

// decode reads a file as JSON.
func decode(files fs.FS, name string, to any) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// entries decodes the entries of a list, each on its own: so one that cannot be read does not take the others with it.
func entries[T any](l *losses, what string, list []json.RawMessage) []T {
	out := make([]T, 0, len(list))
	for i, text := range list {
		var entry T
		if err := json.Unmarshal(text, &entry); err != nil {
			l.lose("%s number %d: %s", what, i+1, why(err))
			continue
		}
		out = append(out, entry)
	}
	return out
}

// why says what is wrong with a JSON text.
func why(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("the value of %q is of the wrong type: %s", e.Field, e.Value)
	}
	return err.Error()
}
