package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit/store/pgstore/pgtest"
)

// A shell runs commands as a person does, in one folder.
type shell struct {
	t   *testing.T
	dir string
}

// run runs the built program and returns what it wrote to stdout.
func (s shell) run(wantCode int, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), program, args...)
	cmd.Dir = s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		require.NoError(s.t, err)
	}
	require.Equal(s.t, wantCode, cmd.ProcessState.ExitCode(), "groupctl %s: %s%s", strings.Join(args, " "), out.String(), errs.String())
	return out.String()
}

// ok runs a command line that succeeds.
func (s shell) ok(line string) string {
	s.t.Helper()
	return s.run(exitOK, strings.Fields(line)...)
}

// sh runs a script. vars are its variables.
func (s shell) sh(script string, vars map[string]string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "sh", "-e", "-u")
	cmd.Dir = s.dir
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return string(out)
}

// TestStory does with a database what a person does in its life: serves it, fills it with curl, looks at it and backs it up while
// it is served, finds and repairs damage in a copy of the file, restores it elsewhere, moves it to PostgreSQL and back. All
// that came of the one database exports the same.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	s := shell{t, t.TempDir()}
	p := startServer(t, "--db", filepath.Join(s.dir, "groups.db"))

	group := s.fill(p)
	s.look("groups.db", group)
	s.ok("backup --db groups.db saved.groupkit")
	exported := s.ok("export --db groups.db")
	require.Contains(t, exported, `"Harbor Rest"`)
	s.run(exitHeld, "mute", "--db", "groups.db", "--for", "1h", group, "carol")
	require.Equal(t, 0, p.end(t), p.stderr.String())

	s.ok("mute --db groups.db --for 1h --reason spam " + group + " carol")
	require.Contains(t, s.ok("log --db groups.db "+group), "spam")
	require.NotEqual(t, exported, s.ok("export --db groups.db"))

	s.breakAndRepair("Harbor Rest")

	s.ok("restore --db restored.db saved.groupkit")
	s.ok("verify --db restored.db")
	require.Equal(t, exported, s.ok("export --db restored.db"))

	server, err := pgtest.Start(t.Context())
	if err == pgtest.ErrNotInstalled {
		t.Skip("the rest needs PostgreSQL, which is not installed")
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	url := server.URL("postgres")
	s.ok("copy restored.db " + url)
	require.Equal(t, exported, s.ok("export --db "+url))
	s.look(url, group)
	s.ok("copy " + url + " back.db")
	s.ok("verify --db back.db")
	require.Equal(t, exported, s.ok("export --db back.db"))
}

// fill makes users, a group and a shared file with curl, and returns the ID of the group.
func (s shell) fill(p *process) (group string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "map.txt"), []byte("north is up\n"), 0o600))
	out := s.sh(`
curl() { command curl -sS --fail-with-body "$@"; echo; }
TOKEN=$(curl $BASE/token -d '{"grant_type":"client_credentials","client_id":"'$CLIENT_ID'","client_secret":"'$CLIENT_SECRET'"}' | sed 's/.*"access_token":"\([^"]*\).*/\1/')
curl() { command curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$@"; echo; }
for user in alice bob carol dave; do
	curl $BASE/users -d '{"username":"'$user'","password":"wonderland"}'
done
GROUP=$(curl $BASE/chatgroups -d '{"groupname":"Night Watch","public":true,"owner":"alice","members":["bob","carol"]}' | sed 's/.*"groupid":"\([^"]*\).*/\1/')
curl -X PUT $BASE/chatgroups/$GROUP -d '{"groupname":"Harbor Rest"}'
curl $BASE/chatgroups/$GROUP/admin -d '{"newadmin":"bob"}'
curl $BASE/chatgroups/$GROUP/share_files -F file=@map.txt
curl $BASE/chatgroups/$GROUP/announcement -d '{"announcement":"Meet at ten."}'
echo "GROUP=$GROUP"
`, p.vars)
	_, group, ok := strings.Cut(strings.TrimSpace(out), "GROUP=")
	require.True(s.t, ok, out)
	require.NotEmpty(s.t, group, out)
	return group
}

// look looks at a database with each command.
func (s shell) look(db, group string) {
	s.t.Helper()
	for line, says := range map[string][]string{
		"ls":               {group, "Harbor Rest", "alice"},
		"show " + group:    {"Harbor Rest", "Meet at ten."},
		"members " + group: {"alice", "bob", "carol", "owner", "admin"},
		"roles " + group:   {"alice", "bob", "owner", "admin"},
		"log " + group:     {"alice", "Harbor Rest"},
		"user bob":         {group, "admin"},
		"verify":           {},
		"stats":            {},
	} {
		out := s.ok(line + " --db " + db)
		for _, part := range says {
			require.Contains(s.t, out, part, line)
		}
	}
	var user struct{}
	require.NoError(s.t, json.Unmarshal([]byte(strings.SplitN(s.ok("user bob --export --db "+db), "\n", 2)[0]), &user))
}

// breakAndRepair changes a byte of the text wherever it stands in a copy of the file, one after the other. Verify tells of each that
// matters, repair mends at least one, and what it has mended is sound.
func (s shell) breakAndRepair(text string) {
	s.t.Helper()
	sound, err := os.ReadFile(filepath.Join(s.dir, "groups.db"))
	require.NoError(s.t, err)
	broken, mended := 0, 0
	for at := 0; ; {
		next := bytes.Index(sound[at:], []byte(text))
		if next < 0 {
			break
		}
		at += next + 1
		copied := filepath.Join(s.dir, fmt.Sprintf("broken%d.db", at))
		require.NoError(s.t, os.CopyFS(copied+".files", os.DirFS(filepath.Join(s.dir, "groups.db.files"))))
		damaged := bytes.Clone(sound)
		damaged[at]++
		require.NoError(s.t, os.WriteFile(copied, damaged, 0o600))
		cmd := exec.CommandContext(s.t.Context(), program, "verify", "--db", copied)
		if cmd.Run() == nil {
			continue // the text is in a page that is not used any more
		}
		require.Equal(s.t, exitDamaged, cmd.ProcessState.ExitCode())
		broken++
		plan := s.run(exitDamaged, "repair", "--dry-run", "--db", copied)
		if cmd := exec.CommandContext(s.t.Context(), program, "repair", "--yes", "--db", copied); cmd.Run() != nil {
			continue // beyond repair
		}
		mended++
		require.NotEmpty(s.t, plan)
		s.ok("verify --db " + copied)
		require.Contains(s.t, s.ok("ls --db "+copied), text)
	}
	require.NotZero(s.t, broken)
	require.NotZero(s.t, mended)
}
