//go:build unix

package cluster_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"groupkit"
)

// A journal is a file in which a process notes what it does. It is still there when the process has
// been killed, and the other processes can read it.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// An entry is a line of a journal. One field is set.
type entry struct {
	Begun   *operation `json:"b,omitempty"`
	Ended   *operation `json:"e,omitempty"`
	Listens *listener  `json:"l,omitempty"` // of a process that will be killed
	Hears   *hearing   `json:"h,omitempty"` // the same
}

// A hearing is what the listener with this number heard, after as many other events.
type hearing struct {
	Listener int    `json:"n"`
	At       int    `json:"i"`
	Ended    string `json:"end,omitempty"`
	Heard    *heard `json:"h,omitempty"`
}

func journalOf(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("journal-%d", number))
}

func newJournal(dir string, number int) (j *journal, err error) {
	j = new(journal)
	j.file, err = os.OpenFile(journalOf(dir, number), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	return j, err
}

// note writes a line. What has been written survives the process.
func (j *journal) note(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// readEntries reads whole lines. The process can have been killed within the last one.
func readEntries(r io.Reader) (entries []entry, err error) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		entries = append(entries, e)
	}
}

// operationsIn returns the operations of a journal. The outcome of one that has not ended is unknown.
func operationsIn(entries []entry) (operations []operation) {
	at := make(map[string]int)
	for _, e := range entries {
		switch {
		case e.Begun != nil:
			at[e.Begun.Attempt] = len(operations)
			o := *e.Begun
			o.Fate = unknown
			operations = append(operations, o)
		case e.Ended != nil:
			if i, begun := at[e.Ended.Attempt]; begun {
				operations[i] = *e.Ended
			}
		}
	}
	return operations
}

// listenersIn returns the listeners of a process that was killed.
func listenersIn(entries []entry) (listeners []*listener) {
	for _, e := range entries {
		switch {
		case e.Listens != nil:
			listeners = append(listeners, e.Listens)
		case e.Hears != nil:
			l := listeners[e.Hears.Listener]
			if l.Heard = l.Heard[:e.Hears.At]; e.Hears.Heard != nil {
				l.Heard = append(l.Heard, *e.Hears.Heard)
			}
			l.Ended = e.Hears.Ended
		}
	}
	return listeners
}

// lately is how many bytes of a journal are read to find what its process did lately.
const lately = 64 << 10

// keyedLately returns operations with a key of another process that were not refused, as far as its
// journal says. Some are under way.
func keyedLately(dir string, number int) ([]operation, error) {
	f, err := os.Open(journalOf(dir, number))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	text := make([]byte, min(end, lately))
	if _, err := f.ReadAt(text, end-int64(len(text))); err != nil {
		return nil, err
	}
	if end > lately {
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	entries, err := readEntries(bytes.NewReader(text))
	return slices.DeleteFunc(operationsIn(entries), func(o operation) bool {
		return !o.Once || o.Fate == refused || o.Fate == failed
	}), err
}

// merge makes one operation of the attempts at an operation with a key: it is made once, between the
// beginning of an attempt and the first answer that says so. Attempts that changed nothing stay
// apart. It returns an error if two answers differ, or if the key was of no use.
func merge(attempts []operation) (merged []operation, recalled int, err error) {
	var order []string
	byReason := make(map[string][]operation)
	for _, o := range attempts {
		if byReason[o.Reason] == nil {
			order = append(order, o.Reason)
		}
		byReason[o.Reason] = append(byReason[o.Reason], o)
	}
	for _, reason := range order {
		same := byReason[reason]
		one := -1
		for i := range same {
			if f := same[i].Fate; f == granted || f == unknown && one < 0 {
				if one < 0 || same[one].Fate == unknown {
					one = i
				}
			}
		}
		if len(same) == 1 || one < 0 {
			merged = append(merged, same...)
			continue
		}
		made := same[one]
		for _, o := range same {
			if o.Fate == granted && (o.Answer.Code != made.Answer.Code || o.Answer.Read != made.Answer.Read || !slices.Equal(o.Answer.Entries, made.Answer.Entries)) {
				return nil, 0, fmt.Errorf("two attempts with one key have different answers: %+v and %+v", o, made)
			}
			if o.Fate == granted || o.Fate == unknown {
				made.Begun = min(made.Begun, o.Begun)
			}
			if o.Fate == granted {
				made.Ended = min(made.Ended, o.Ended)
			}
		}
		merged = append(merged, made)
		for _, o := range same {
			switch after := made.Fate == granted && o.Begun > made.Ended; {
			case o.Fate == refused && after:
				return nil, 0, fmt.Errorf("the key of %+v was of no use to %+v", made, o)
			case o.Fate == granted && after:
				recalled++
			case o.Fate == refused || o.Fate == failed:
				o.apart = true
				merged = append(merged, o)
			}
		}
	}
	return merged, recalled, nil
}

// keyed are the users whose keys stay: nobody forgets them with their replies.
func keyed(by groupkit.UserID) bool { return !slices.Contains(forgettable, by) }
