//go:build amd64 || arm64

package powercut_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

// A question asks another process to open an image.
type question struct {
	Dir    string
	Level  groupkit.Durability
	Groups []groupkit.GroupID // of which the state is wanted

	Unknown []string // contents that no record names, as Verify must find
	Old     string   // the digest of all records of the older format; "" if there was none
}

// An answer is what the other process found.
type answer struct {
	Refused    string           // why Open failed
	Corrupt    bool             // it was ErrCorrupt
	Violations []string         // of Verify, without the unknown contents that it must find
	Reading    string           // the error of a read
	Files      int              // that are listed, and were read to their ends
	States     map[string]found // by group
	Second     string           // what was wrong after another opening, a sweep and more calls
	Copy       string           // what was wrong with the copy of the older format
}

type found struct {
	Digest  string
	Version uint64
}

// TestPowerCutOpener is not a test: it is what the process runs that opens images. It reads
// one question a line, and answers each with a line.
func TestPowerCutOpener(t *testing.T) {
	if os.Getenv(openerFlag) == "" {
		t.Skip("this runs in a child process of another test")
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		var q question
		grouptest.Must(json.Unmarshal(questions.Bytes(), &q))
		text, err := json.Marshal(q.answer())
		grouptest.Must(err)
		fmt.Println(string(text))
	}
}

const openerFlag = "GROUPKIT_POWERCUT_OPENER"

// patience is how long the engine gets for what it does in the background. It is longer than
// that takes, and only a failing test waits for so long. A database that was never synced may
// be damaged: nobody waits for it.
func (q question) patience() time.Duration {
	if q.Level == groupkit.SyncNever {
		return 0
	}
	return 5 * time.Second
}

func (q question) answer() (a answer) {
	eng, err := open(filepath.Join(q.Dir, "groups.db"), q.Level, time.Second)
	a.Copy = q.checkCopy()
	if err != nil {
		a.Refused, a.Corrupt = err.Error(), errors.Is(err, groupkit.ErrCorrupt)
		return a
	}
	a.look(eng, q)
	if err := eng.Close(); err != nil {
		a.Reading += err.Error()
	}
	if q.Level != groupkit.SyncNever && len(a.Violations) == 0 && a.Reading == "" {
		a.Second = q.again(&a)
	}
	return a
}

// look reads everything.
func (a *answer) look(eng *groupkit.Engine, q question) {
	ctx := context.Background()
	a.Violations = q.verified(eng)
	var err error
	if a.Files, err = grouptest.ReadFiles(ctx, eng); err != nil {
		a.Reading = err.Error()
	}
	a.States = make(map[string]found)
	for _, group := range q.Groups {
		digest, version, err := digestOf(eng, group)
		if err != nil {
			a.Reading = err.Error()
		}
		a.States[string(group)] = found{digest, version}
	}
}

// verified returns what is wrong with the findings of Verify when the engine has finished what
// was cut off.
func (q question) verified(eng *groupkit.Engine) (wrong []string) {
	for end := time.Now().Add(q.patience()); ; {
		found, err := grouptest.Findings(context.Background(), eng)
		if err != nil {
			return append(found, err.Error())
		}
		wrong = nil
		for _, content := range q.Unknown {
			text := fmt.Sprintf("content %q is unknown", content)
			if !slices.Contains(found, text) {
				wrong = append(wrong, "Verify does not find: "+text)
			}
			found = slices.DeleteFunc(found, func(f string) bool { return f == text })
		}
		if wrong = append(wrong, found...); len(wrong) == 0 || time.Now().After(end) {
			return wrong
		}
	}
}

// checkCopy says what is wrong with the copy of a database of an older format. It must be there
// before anything is brought up to date, and have every record.
func (q question) checkCopy() string {
	if q.Old == "" {
		return ""
	}
	digest, err := digestOfAll(filepath.Join(q.Dir, "groups.db.format1"))
	switch {
	case err != nil:
		return err.Error()
	case digest != q.Old:
		return "it has other records"
	}
	return ""
}

// digestOfAll returns a digest of all records of a closed database.
func digestOfAll(path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(grouptest.DumpStore(grouptest.PanicT{}, s))
	return fmt.Sprintf("%x", sha256.Sum256(text)), errors.Join(err, s.Close())
}

// again opens the image another time, sweeps, goes on, and returns what is wrong then.
func (q question) again(first *answer) string {
	path := filepath.Join(q.Dir, "groups.db")
	s, err := boltstore.Open(path, &boltstore.Options{Durability: boltstore.None})
	if err != nil {
		return err.Error()
	}
	eng, err := groupkit.New(s, fileblob.New(path+".files"), &groupkit.Options{Clock: func() time.Time { return grouptest.Dawn }})
	if err != nil {
		return errors.Join(err, s.Close()).Error()
	}
	var second answer
	second.look(eng, q)
	wrong := first.differences(second)
	_, err = eng.Sweep(context.Background())
	wrong = append(wrong, q.verified(eng)...)
	err = errors.Join(err, q.goOn(eng))
	wrong = append(wrong, q.leftOver(s, path+".files", second.Files)...)
	if err := errors.Join(err, eng.Close()); err != nil {
		wrong = append(wrong, err.Error())
	}
	return strings.Join(wrong, "\n")
}

// goOn shares a file, deletes it with its group, and removes the unknown contents.
func (q question) goOn(eng *groupkit.Engine) error {
	ctx, system := context.Background(), eng.System()
	_, err := system.CreateGroup(ctx, groupkit.NewGroup{ID: "later", Name: "Later", Owner: "owner"})
	if err != nil {
		return err
	}
	if _, err = system.UploadFile(ctx, "later", "file", strings.NewReader("later")); err != nil {
		return err
	}
	if err = system.DeleteGroup(ctx, "later"); err != nil {
		return err
	}
	n, err := eng.RemoveUnknownContents(ctx, 0)
	if err == nil && n != len(q.Unknown) {
		err = fmt.Errorf("%d unknown contents were removed, and there were %d", n, len(q.Unknown))
	}
	if err == nil {
		_, err = eng.Sweep(ctx) // the records of contents that are gone
	}
	return err
}

// differences says what another look has found that the first one has not.
func (a *answer) differences(second answer) (all []string) {
	for group, one := range a.States {
		if second.States[group] != one {
			all = append(all, fmt.Sprintf("%s: was %v, and is %v", group, one, second.States[group]))
		}
	}
	if second.Files != a.Files || second.Reading != "" {
		all = append(all, fmt.Sprintf("%d files were listed, and %d are: %s", a.Files, second.Files, second.Reading))
	}
	return append(all, second.Violations...)
}

// leftOver returns what should be gone.
func (q question) leftOver(s store.Store, contents string, files int) (all []string) {
	for end := time.Now().Add(q.patience()); ; {
		all = nil
		for _, k := range grouptest.LeftOver(grouptest.DumpStore(grouptest.PanicT{}, s)) {
			all = append(all, fmt.Sprintf("left over: key %q", k))
		}
		all = append(all, surplus(contents, files)...)
		all = append(all, q.beside()...)
		if len(all) == 0 || time.Now().After(end) {
			return all
		}
	}
}

// surplus returns the temporary files among the contents, and the number of the contents if
// there are not as many as files.
func surplus(dir string, files int) (all []string) {
	contents := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || e.IsDir():
		case filepath.Base(filepath.Dir(path)) == "tmp":
			all = append(all, "left over: "+path)
		case isContent(filepath.Base(path)):
			contents++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return append(all, err.Error())
	}
	if contents != files {
		all = append(all, fmt.Sprintf("left over: %d contents for %d files", contents, files))
	}
	return all
}

// beside returns what lies beside the database and does not belong there.
func (q question) beside() (all []string) {
	entries, err := os.ReadDir(q.Dir)
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		switch e.Name() {
		case "groups.db", "groups.db.files":
		case "groups.db.format1", "groups.db.format1-2": // two if the first opening had only made the copy
			if q.Old == "" {
				all = append(all, "left over: "+e.Name())
			}
		default:
			all = append(all, "left over: "+e.Name())
		}
	}
	return all
}

// isContent reports whether a file is named like a content: its id ends with a UUID. The mark
// is none.
func isContent(name string) bool { return strings.Count(name, "-") >= 5 }
