// Package forms_test validates the JSON of the public types by docs/schemas/groupkit.json.
package forms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
)

const schemaFile = "../../docs/schemas/groupkit.json"

// A schema is the published one; a strict one also refuses fields that it does not describe, so that
// nothing is written which it does not say.
type schema struct {
	compiler *jsonschema.Compiler
	names    []string
}

func load(t *testing.T, strict bool) *schema {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	s := &schema{compiler: jsonschema.NewCompiler()}
	for name := range doc.(map[string]any)["$defs"].(map[string]any) {
		s.names = append(s.names, name)
	}
	if strict {
		closeObjects(doc)
	}
	s.compiler.AssertFormat()
	require.NoError(t, s.compiler.AddResource("groupkit.json", doc))
	return s
}

// closeObjects lets every object have only the fields that are described.
func closeObjects(part any) {
	switch part := part.(type) {
	case map[string]any:
		if _, ok := part["properties"]; ok && part["type"] == "object" {
			part["additionalProperties"] = false
		}
		for _, value := range part {
			closeObjects(value)
		}
	case []any:
		for _, value := range part {
			closeObjects(value)
		}
	}
}

// validate validates a text by one of the $defs.
func (s *schema) validate(t *testing.T, name string, text []byte) error {
	t.Helper()
	def, err := s.compiler.Compile("groupkit.json#/$defs/" + name)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return def.Validate(value)
}

func (s *schema) requireValid(t *testing.T, name string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	require.NoError(t, s.validate(t, name, text), "%s", text)
}

// TestSchemas_Forms validates the forms that the tests of the engine pin.
func TestSchemas_Forms(t *testing.T) {
	t.Parallel()
	s := load(t, true)
	for file, of := range map[string]struct {
		def  string
		many bool
	}{
		"group": {"group", false}, "group_empty": {"group", false}, "announcement": {"announcement", false},
		"snapshot": {"snapshot", false}, "snapshot_none": {"snapshot", false}, "standing": {"standing", false}, "standing_all": {"standing", false},
		"user_data": {"user_data", false}, "user_data_deleted": {"user_data", false},
		"joined_group": {"joined_group", false}, "stats": {"stats", false}, "stats_none": {"stats", false},
		"report": {"report", false}, "report_sound": {"report", false}, "repair_plan": {"repair_plan", false}, "repair_report": {"repair_report", false},
		"transfer": {"transfer", false}, "backup": {"backup", false}, "imported": {"imported", false},
		"events": {"event", true}, "commands": {"command", true}, "results": {"results", false}, "errors": {"error", true},
	} {
		text, err := os.ReadFile(filepath.Join("../../testdata/json", file+".json"))
		require.NoError(t, err)
		all := []json.RawMessage{text}
		if of.many {
			require.NoError(t, json.Unmarshal(text, &all))
		}
		for _, one := range all {
			require.NoError(t, s.validate(t, of.def, one), "%s: %s", file, one)
		}
	}
	files, err := filepath.Glob("../../testdata/json/*.json")
	require.NoError(t, err)
	require.Len(t, files, 23, "a new form is missing in this test")
}

// TestSchemas_Engine validates what an engine writes after each verb: the log, the snapshot, the
// commands that its Guard is asked about, and its errors.
func TestSchemas_Engine(t *testing.T) {
	t.Parallel()
	s := load(t, true)
	for i := range grouptest.Verbs {
		v := &grouptest.Verbs[i]
		asked := 0
		fixture := grouptest.NewFixture(t, groupkit.Options{Guard: func(_ context.Context, cmd groupkit.Command, _ groupkit.Scope) error {
			asked++
			s.requireValid(t, "command", cmd)
			return nil
		}})
		answer, err := v.Do(fixture)
		require.NoError(t, err)
		if results, ok := answer.(groupkit.Results); ok {
			s.requireValid(t, "results", results)
		}
		_, err = v.Do(fixture)
		if err != nil {
			s.requireValid(t, "error", err)
		}
		require.Positive(t, asked)
		system := fixture.Engine.System()
		for _, e := range grouptest.MustCollect(t, system.Events(t.Context(), fixture.ID, 0)) {
			s.requireValid(t, "event", e)
		}
		if snapshot, err := system.Snapshot(t.Context(), fixture.ID); err == nil {
			s.requireValid(t, "snapshot", snapshot)
		}
	}
}

// TestSchemas_Export validates each line of an export.
func TestSchemas_Export(t *testing.T) {
	t.Parallel()
	s, dataset := load(t, true), grouptest.NewDataset(t)
	for _, opts := range []groupkit.ExportOptions{{Contents: true}, {User: "alice"}} {
		var text bytes.Buffer
		require.NoError(t, dataset.System().Export(t.Context(), &text, opts))
		for line := range bytes.Lines(text.Bytes()) {
			require.NoError(t, s.validate(t, "export_line", line), "%s", line)
		}
	}
	require.NoError(t, s.validate(t, "export_line", []byte(`{"gone":"guild"}`)))
}

// Every word is in the schema, and no other.
func TestSchemas_Words(t *testing.T) {
	t.Parallel()
	s := load(t, false)
	for n := range 256 {
		if word, err := groupkit.EventKind(n).MarshalText(); err == nil {
			require.NoError(t, s.validate(t, "kind", quoted(word)))
		}
		if word, err := groupkit.Cause(n).MarshalText(); err == nil && n > 0 {
			require.NoError(t, s.validate(t, "cause", quoted(word)))
		}
		if word, err := groupkit.Role(n).MarshalText(); err == nil {
			require.NoError(t, s.validate(t, "role", quoted(word)))
		}
		if word, err := groupkit.Invariant(n).MarshalText(); err == nil {
			require.NoError(t, s.validate(t, "invariant", quoted(word)))
		}
		if word, err := groupkit.Outcome(n).MarshalText(); err == nil && n > 0 {
			require.NoError(t, s.validate(t, "outcome", quoted(word)))
		}
	}
	require.Error(t, s.validate(t, "kind", []byte(`"group_exploded"`)))
}

func quoted(word []byte) []byte { return []byte(`"` + string(word) + `"`) }

// TestSchemas_Refuse has texts that are no forms, and one of a newer version that is.
func TestSchemas_Refuse(t *testing.T) {
	t.Parallel()
	s, strict := load(t, false), load(t, true)
	for name, texts := range map[string][]string{
		"group":    {`{}`, `{"id":7}`, `{"id":"g","created":"yesterday"}`, `{"id":"g","member_count":-1}`},
		"event":    {`{"group":"g","version":1}`, `{"group":"g","version":1,"kind":"boom"}`, `{"group":"g","version":1,"kind":"member_muted","before":[7]}`},
		"file":     {`{"id":"x"}`, `{"id":"0198c0de-0000-7000-8000-000000000001","sha256":"ab"}`},
		"command":  {`{"op":"mute","duration":600}`, `{"op":"mute","duration":"10m"}`, `{"op":"forget user"}`},
		"snapshot": {`{}`, `{"group":{"id":"g"},"members":[{"user":"u"}]}`},
		"results":  {`{}`, `[{"outcome":"none"}]`},
		"report":   {`{"violations":[{"record":"header","problem":"p"}]}`, `{"violations":[{"invariant":"nine","record":"header","problem":"p"}]}`, `{"omitted":{"loads":-1}}`},
		"backup":   {`{"at":"2026-05-04T12:00:00Z"}`, `{"id":"b","at":"noon"}`},
		"error":    {`{"limit":{"value":1}}`, `{"code":"Group Full"}`},

		"export_line": {`{}`, `{"export":2}`, `{"export":1,"done":{"groups":0}}`, `{"end":{"group":"g","version":1}}`, `{"content":{"file":"x"}}`},
	} {
		for _, text := range texts {
			require.Error(t, s.validate(t, name, []byte(text)), "%s %s", name, text)
		}
	}
	newer := []byte(`{"id":"g","mood":"fine"}`)
	require.NoError(t, s.validate(t, "group", newer))
	require.Error(t, strict.validate(t, "group", newer))
	for _, name := range s.names {
		_, err := s.compiler.Compile("groupkit.json#/$defs/" + name)
		require.NoError(t, err)
	}
}
