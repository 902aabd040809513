//go:build unix

package damage_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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

// A question asks another process to open a file, read everything in it and write to it.
type question struct {
	Path    string
	Inspect bool
	Now     time.Time
	Groups  []groupkit.GroupID
	Users   []groupkit.UserID
	Compare string // the path of the findings in the sound file; "": return everything
}

// Findings are what the other process found.
type findings struct {
	Refused string            // the error of Open
	Told    []string          // what said that the data are damaged: Open, reads, Verify
	Answers grouptest.Answers // of all reads
	Records map[string]string // the whole key space of the engine
	Differs []string          // reads with another answer than in the sound file
	Changed []string          // records that are not as in the sound file
	Written []string          // the errors of writes

	Unsteady []string // records that no two openings leave the same
}

const readerFlag = "GROUPKIT_DAMAGE_READER"

// TestDamageReader is not a test: it is what the process runs that opens damaged files. It
// reads one question a line, and answers each with a line.
func TestDamageReader(t *testing.T) {
	if os.Getenv(readerFlag) == "" {
		t.Skip("this runs in a child process of another test")
	}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		grouptest.Must(json.Unmarshal(line, &q))
		text, err := json.Marshal(q.answer())
		grouptest.Must(err)
		fmt.Println(string(text))
	}
}

func (q question) answer() (f findings) {
	s, eng, err := q.open()
	if err != nil {
		f.Refused = err.Error()
		if errors.Is(err, groupkit.ErrCorrupt) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer) {
			f.Told = []string{"Open"}
		}
		return f
	}
	f.read(q, s, eng)
	f.write(eng)
	if err := eng.Close(); err != nil {
		f.Written = append(f.Written, "Close: "+err.Error())
	}
	if q.Compare != "" {
		f.compare(q.Compare)
	}
	return f
}

func (q question) open() (*boltstore.Store, *groupkit.Engine, error) {
	s, err := boltstore.Open(q.Path, &boltstore.Options{Durability: boltstore.None, Inspect: q.Inspect, InitialMmapSize: 1 << 22})
	if err != nil {
		return nil, nil, err
	}
	opts := options()
	opts.Clock = func() time.Time { return q.Now }
	eng, err := groupkit.New(s, fileblob.New(q.Path+".files"), &opts)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, eng, nil
}

// read reads everything, then lets Verify look.
func (f *findings) read(q question, s *boltstore.Store, eng *groupkit.Engine) {
	ctx := context.Background()
	f.Answers, f.Told = grouptest.ReadAnswers(ctx, eng, q.Groups, q.Users)
	violations, err := grouptest.Findings(ctx, eng)
	f.Told = append(f.Told, violations...)
	if err != nil {
		f.Told = append(f.Told, "Verify: "+err.Error())
	}
	if f.Records, err = records(ctx, s); err != nil {
		f.Told = append(f.Told, "records: "+err.Error())
	}
}

// write makes some calls that change the file, in its groups and beside them.
func (f *findings) write(eng *groupkit.Engine) {
	ctx, system := context.Background(), eng.System()
	for what, err := range map[string]error{
		"create":   grouptest.ErrorOf(system.CreateGroup(ctx, groupkit.NewGroup{ID: "new", Name: "New", Owner: "alice"})),
		"update":   grouptest.ErrorOf(system.UpdateGroup(ctx, grouptest.Guild, groupkit.GroupUpdate{Name: new("Renamed")})),
		"mute":     grouptest.ErrorOf(system.MuteUsers(ctx, grouptest.LargeGroup, time.Hour, grouptest.Users("m", 200))),
		"allow":    eng.As("bob").Once("allow ivan").Allow(ctx, grouptest.Guild, "ivan"),
		"upload":   grouptest.ErrorOf(system.UploadFile(ctx, grouptest.Guild, "new", strings.NewReader("new"))),
		"announce": system.SetAnnouncement(ctx, grouptest.LargeGroup, "New"),
		"sweep":    grouptest.ErrorOf(eng.Sweep(ctx)),
		"delete":   system.DeleteGroup(ctx, grouptest.OpenGroup),
	} {
		if err != nil {
			f.Written = append(f.Written, what+": "+err.Error())
		}
	}
}

func records(ctx context.Context, s store.Store) (all map[string]string, err error) {
	return all, s.View(ctx, func(r store.Reader) error {
		all = make(map[string]string)
		rng := store.Range{}
		for more := true; more; {
			page, m, err := r.Scan(rng)
			if err != nil {
				return err
			}
			for _, p := range page {
				all[fmt.Sprintf("%x", p.Key)] = fmt.Sprintf("%x", p.Value)
				rng.From = append(bytes.Clone(p.Key), 0)
			}
			more = m && len(page) > 0
		}
		return nil
	})
}

// compare keeps of the answers and records only what is not as in the sound file.
func (f *findings) compare(path string) {
	text, err := os.ReadFile(path)
	grouptest.Must(err)
	var sound findings
	grouptest.Must(json.Unmarshal(text, &sound))
	f.Differs, f.Changed = differences(sound.Answers, f.Answers), differences(sound.Records, f.Records)
	f.Changed = slices.DeleteFunc(f.Changed, func(k string) bool { return slices.Contains(sound.Unsteady, k) })
	f.Answers, f.Records = nil, nil
}

// differences returns what two maps have not in common.
func differences(one, other map[string]string) (all []string) {
	for k, v := range one {
		if w, ok := other[k]; !ok || v != w {
			all = append(all, k)
		}
	}
	for k := range other {
		if _, ok := one[k]; !ok {
			all = append(all, k)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// newReader returns the process that opens files.
func newReader(t *testing.T) *grouptest.Process {
	return grouptest.NewProcess(t, "TestDamageReader", readerFlag+"=1")
}
