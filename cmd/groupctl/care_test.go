//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/boltstore"
)

// damage breaks groups.db in three ways that can be repaired, and in one that cannot: the log and the records of a group.
func damage(t *testing.T, dir string, beyond bool) {
	t.Helper()
	s, err := boltstore.Open(filepath.Join(dir, "groups.db"), nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		keys := [][]byte{key.User("bob", key.UserHeader), key.UserGroup("dave", "night-watch", true), key.OfUser("night-watch", key.Members, "carol")}
		if beyond {
			keys = append(keys, key.Event("shogi", 2), key.Of("shogi", key.Header))
		}
		for _, k := range keys {
			if err := w.Delete(k); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.Close())
}

func TestVerify(t *testing.T) {
	t.Parallel()
	dir := world(t)
	everywhere(t, dir, "verify-sound", "verify --db groups.db")
	damage(t, dir, false)
	everywhereWith(t, dir, "verify-damaged", "verify --db groups.db", exitDamaged)
	out, errs, code := groupctl(t, dir, "verify --db groups.db --json")
	require.Equal(t, exitDamaged, code)
	require.Contains(t, errs, "groupctl repair --dry-run")
	var report groupkit.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.False(t, report.Sound())
}

// A damaged database is repaired in place after a question, or in a copy.
func TestRepair(t *testing.T) {
	t.Parallel()
	dir := world(t)
	damage(t, dir, false)
	damaged := sum(t, filepath.Join(dir, "groups.db"))
	everywhereWith(t, dir, "repair-plan", "repair --db groups.db --dry-run", exitDamaged)
	_, errs, code := groupctl(t, dir, "repair --db groups.db")
	require.Equal(t, exitUsage, code, "nobody can be asked")
	require.Contains(t, errs, "--yes")
	screen, code := onTerminal(t, dir, 200, nil, "n\n", "repair --db groups.db")
	require.Equal(t, exitRefused, code, screen)
	require.Contains(t, screen, "in place? What a damaged record still contains is lost then. [y/N]")
	require.Equal(t, damaged, sum(t, filepath.Join(dir, "groups.db")))

	_, errs, code = groupctl(t, dir, "repair --db groups.db --into mended.db")
	require.Equal(t, exitOK, code, errs)
	_, errs, code = groupctl(t, dir, "verify --db mended.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, damaged, sum(t, filepath.Join(dir, "groups.db")))

	screen, code = onTerminal(t, dir, 200, nil, "y\n", "repair --db groups.db")
	require.Equal(t, exitOK, code, screen)
	out, errs, code := groupctl(t, dir, "verify --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "groups.db: sound\n", out)
	out, _, code = groupctl(t, dir, "repair --db groups.db")
	require.Equal(t, exitOK, code)
	require.Equal(t, "groups.db: nothing is damaged\n", out)
}

// What is beyond repair is said, and the rest is repaired.
func TestRepair_Beyond(t *testing.T) {
	t.Parallel()
	dir := world(t)
	damage(t, dir, true)
	out, errs, code := groupctl(t, dir, "repair --db groups.db --yes --json")
	require.Equal(t, exitDamaged, code, errs)
	require.Contains(t, errs, "comes back only from a backup")
	var report groupkit.RepairReport
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.NotEmpty(t, report.Done)
	require.NotEmpty(t, report.Beyond)
	out, _, code = groupctl(t, dir, "repair --db groups.db --dry-run")
	require.Equal(t, exitDamaged, code)
	require.Contains(t, out, "beyond repair: ")
}

func exported(t *testing.T, dir, db string) string {
	t.Helper()
	out, errs, code := groupctl(t, dir, "export --files --db "+db)
	require.Equal(t, exitOK, code, errs)
	require.NotEmpty(t, out)
	return out
}

// A backup and one that continues it are restored to what was there, and only together.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir := world(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "map.png"), bytes.Repeat([]byte("x"), 5000), 0o600))
	do := func(line string) string {
		t.Helper()
		out, errs, code := groupctl(t, dir, line)
		require.Equal(t, exitOK, code, errs)
		return out
	}
	do("upload night-watch map.png --db groups.db")
	do("backup sunday.backup --db groups.db")
	do("rm night-watch map.png --yes --db groups.db")
	do("add night-watch zoe --db groups.db")
	out := do("backup monday.backup --base sunday.backup --db groups.db --json")
	var info groupkit.BackupInfo
	require.NoError(t, json.Unmarshal([]byte(out), &info))
	require.Len(t, info.Earlier, 1)
	stream := do("backup - --db groups.db")
	require.True(t, strings.HasPrefix(stream, "groupkit backup 1\n"))

	do("restore sunday.backup monday.backup --db restored.db")
	require.Equal(t, exported(t, dir, "groups.db"), exported(t, dir, "restored.db"))
	require.NotContains(t, exported(t, dir, "restored.db"), "no such text")
	_, errs, code := groupctl(t, dir, "restore monday.backup --db other.db")
	require.Equal(t, exitDamaged, code, errs)
	require.NoFileExists(t, filepath.Join(dir, "other.db"))
	_, errs, code = groupctl(t, dir, "backup sunday.backup --db groups.db")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "nothing is overwritten")
	_, _, code = groupctl(t, dir, "backup new.backup --base none.backup --db groups.db")
	require.Equal(t, exitNotFound, code)

	whole, err := os.ReadFile(filepath.Join(dir, "sunday.backup"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cut.backup"), whole[:len(whole)-1], 0o600))
	out, errs, code = groupctl(t, dir, "check-backup sunday.backup cut.backup groups.db none.backup monday.backup")
	require.Equal(t, exitDamaged, code)
	require.Contains(t, out, "sunday.backup")
	require.Contains(t, out, "monday.backup")
	for _, text := range []string{`"cut.backup": check backup: `, `"groups.db": check backup: `, "none.backup"} {
		require.Contains(t, errs, text)
	}
	_, errs, code = groupctl(t, dir, "restore cut.backup --db other.db")
	require.Equal(t, exitDamaged, code, errs)
	require.NoFileExists(t, filepath.Join(dir, "other.db"))
}

func TestCheckBackup(t *testing.T) {
	t.Parallel()
	dir := furnished(t)
	everywhere(t, dir, "check-backup", "check-backup night.backup")
}

// A server is backed up and copied while it serves.
func TestBackup_OfServer(t *testing.T) {
	t.Parallel()
	dir := world(t)
	p := startServer(t, "--db", filepath.Join(dir, "groups.db"))
	want := exported(t, dir, "groups.db")
	for _, line := range []string{"backup all.backup --db groups.db", "restore all.backup --db restored.db", "copy groups.db copied.db"} {
		_, errs, code := groupctl(t, dir, line)
		require.Equal(t, exitOK, code, errs)
	}
	require.Equal(t, want, exported(t, dir, "restored.db"))
	require.Equal(t, want, exported(t, dir, "copied.db"))
	require.Equal(t, 0, p.end(t))
}

func TestCopy(t *testing.T) {
	t.Parallel()
	dir := world(t)
	out, errs, code := groupctl(t, dir, "copy groups.db file:copied.db --json")
	require.Equal(t, exitOK, code, errs)
	var done groupkit.Transfer
	require.NoError(t, json.Unmarshal([]byte(out), &done))
	require.Positive(t, done.Records)
	require.Equal(t, exported(t, dir, "groups.db"), exported(t, dir, "copied.db"))
	for line, says := range map[string]string{
		"copy groups.db ./groups.db": "are the same", "copy groups.db a.db --db groups.db": "SOURCE and TARGET", "copy groups.db a.db --contents c": "--contents",
		"copy ftp://a groups.db": "SOURCE", "copy groups.db ftp://a": "TARGET",
	} {
		_, errs, code := groupctl(t, dir, line)
		require.Equal(t, exitUsage, code, line)
		require.Contains(t, errs, says, line)
	}
	_, errs, code = groupctl(t, dir, "copy groups.db copied.db")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "Give a place where nothing is.")
}

func TestCompact(t *testing.T) {
	t.Parallel()
	dir := world(t)
	want := exported(t, dir, "groups.db")
	_, _, code := groupctl(t, dir, "compact --db groups.db") // the goldens show what the second one does
	require.Equal(t, exitOK, code)
	everywhere(t, dir, "compact", "compact --db groups.db")
	require.Equal(t, want, exported(t, dir, "groups.db"))
	_, errs, code := groupctl(t, dir, "compact --db postgres://localhost/x")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "PostgreSQL")
}

func TestExport(t *testing.T) {
	t.Parallel()
	dir := world(t)
	everywhere(t, dir, "export", "export shogi --db groups.db")
	one, _, _ := groupctl(t, dir, "export shogi --db groups.db")
	_, errs, code := groupctl(t, dir, "export shogi --db groups.db -o shogi.jsonl")
	require.Equal(t, exitOK, code, errs)
	written, err := os.ReadFile(filepath.Join(dir, "shogi.jsonl"))
	require.NoError(t, err)
	require.Equal(t, one, string(written))
	out, _, code := groupctl(t, dir, "export --user erin --db groups.db")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, `"user_data"`)
	_, errs, code = groupctl(t, dir, "export nobody -o new.jsonl --db groups.db")
	require.Equal(t, exitNotFound, code, errs)
	require.NoFileExists(t, filepath.Join(dir, "new.jsonl"))
	_, _, code = groupctl(t, dir, "export shogi --user erin --db groups.db")
	require.Equal(t, exitUsage, code)
}

func TestImport(t *testing.T) {
	t.Parallel()
	dir := furnished(t)
	_, errs, code := groupctl(t, dir, "import export.jsonl --db other.db")
	require.Equal(t, exitNotFound, code, errs)
	out, errs, code := groupctl(t, dir, "import export.jsonl --db other.db --init --json")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, `{"groups":3}`+"\n", out)
	text := exported(t, dir, "groups.db")
	require.Equal(t, text, exported(t, dir, "other.db"))
	_, errs, code = groupctl(t, dir, "import export.jsonl --db other.db")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "--existing")
	out, errs, code = groupctlIn(t, dir, text, "import", "--existing", "--db", "other.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "imported 0 groups; 3 were there already; 0 contents brought\n", out)
	lines := strings.SplitAfter(text, "\n")
	_, errs, code = groupctlIn(t, dir, strings.Join(lines[:len(lines)-3], ""), "import", "-", "--init", "--db", "third.db")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "groups are complete. To go on: groupctl import - --init --db third.db --existing")
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	olderFormat(t, dir)
	out, errs, code := groupctl(t, dir, "upgrade --db bad.db")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "bad.db is up to date\nthe old file is bad.db.format1\n", out)
	out, errs, code = groupctl(t, dir, "upgrade --db bad.db --json")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, `{"kept":[]}`+"\n", out)
	_, errs, code = groupctl(t, dir, "ls --db bad.db")
	require.Equal(t, exitOK, code, errs)
}
