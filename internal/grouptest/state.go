package grouptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"groupkit"
	"groupkit/internal/key"
)

// StateOf returns, as a text, everything that the system can read of a group and its log, and
// the version of the last event. A group that never was and one that is gone have a state too.
func StateOf(ctx context.Context, scope groupkit.Scope, group groupkit.GroupID) (state string, version uint64, err error) {
	var of struct {
		Snapshot *groupkit.Snapshot `json:",omitempty"`
		Log      []groupkit.Event   `json:",omitempty"`
	}
	switch snapshot, err := scope.System().Snapshot(ctx, group); {
	case err == nil:
		of.Snapshot = &snapshot
	case !errors.Is(err, groupkit.ErrGroupNotFound):
		return "", 0, err
	}
	of.Log, err = Collect(scope.System().Events(ctx, group, 0))
	if err != nil && !errors.Is(err, groupkit.ErrGroupNotFound) {
		return "", 0, err
	}
	if len(of.Log) > 0 {
		version = of.Log[len(of.Log)-1].Version
	}
	text, err := json.Marshal(of)
	return string(text), version, err
}

// ReadFiles reads the contents of all files of all groups to their ends, and returns their
// number.
func ReadFiles(ctx context.Context, scope groupkit.Scope) (n int, err error) {
	system := scope.System()
	for g, err := range system.Groups(ctx) {
		if err != nil {
			return n, err
		}
		for f, err := range system.Files(ctx, g.ID) {
			if err != nil {
				return n, err
			}
			_, content, err := system.OpenFile(ctx, g.ID, f.ID)
			if err != nil {
				return n, err
			}
			_, err = io.Copy(io.Discard, content)
			if err := errors.Join(err, content.Close()); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// Findings returns what Verify finds, as texts: also what breaks no invariant.
func Findings(ctx context.Context, eng *groupkit.Engine) (texts []string, err error) {
	report, err := eng.Verify(ctx, groupkit.VerifyOptions{})
	for _, v := range report.Violations {
		texts = append(texts, v.String())
	}
	for _, group := range report.Deletions {
		texts = append(texts, fmt.Sprintf("group %q is being deleted", group))
	}
	for _, group := range report.Loads {
		texts = append(texts, fmt.Sprintf("group %q is being loaded", group))
	}
	for _, content := range report.UnknownContents {
		texts = append(texts, fmt.Sprintf("content %q is unknown", content.ID))
	}
	if report.ForeignContents {
		texts = append(texts, "the contents are foreign")
	}
	return texts, err
}

// LeftOver returns the records of what is to be finished: deletions, pseudonyms and uploads that were
// cut off, and contents that must be removed.
func LeftOver(dump map[string]string) (keys []string) {
	for k := range dump {
		switch k[0] {
		case key.FamilyDeletions, key.FamilyLoads, key.FamilyRenames, key.FamilyUploads, key.FamilyToGo:
			keys = append(keys, k)
		}
	}
	return keys
}
