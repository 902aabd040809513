//go:build !windows

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/sockstore"
)

// A use is how commands use a database.
type use int

const (
	reads  use = iota // read it
	writes            // write to it, one process alone
	makes             // write to a place where nothing is
	apart             // need none
)

// arguments are right ones of every command, for a world. DB is the database.
var arguments = map[string]struct {
	args string
	use  use
}{
	"ls": {"--db DB", reads}, "show": {"night-watch --db DB", reads}, "members": {"night-watch --db DB", reads}, "user": {"alice --db DB", reads},
	"roles": {"night-watch --db DB", reads}, "log": {"night-watch --db DB", reads}, "stats": {"--db DB", reads},
	"download": {"night-watch none.txt --db DB", reads}, "mutes": {"night-watch --db DB", reads}, "blacklist": {"night-watch --db DB", reads},
	"allow-list": {"night-watch --db DB", reads}, "requests": {"shogi --db DB", reads}, "files": {"night-watch --db DB", reads},
	"invitations": {"5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34 --db DB", reads},

	"create": {"new --owner zoe --name New --db DB", writes}, "update": {"night-watch --name n --db DB", writes}, "delete": {"night-watch --yes --db DB", writes},
	"add": {"night-watch zoe --db DB", writes}, "remove": {"night-watch carol --db DB", writes}, "promote": {"night-watch carol --db DB", writes},
	"demote": {"night-watch bob --db DB", writes}, "transfer": {"night-watch bob --db DB", writes}, "mute": {"night-watch carol --db DB", writes},
	"unmute": {"night-watch dave --db DB", writes}, "block": {"night-watch carol --db DB", writes}, "unblock": {"night-watch mallory --db DB", writes},
	"allow": {"night-watch bob --db DB", writes}, "disallow": {"night-watch carol --db DB", writes}, "invite": {"night-watch zoe --db DB", writes},
	"cancel": {"5b3c2f6e-7d1f-4d52-9d7b-0f2b8d1c9a34 frank --db DB", writes}, "approve": {"shogi erin --db DB", writes},
	"decline": {"shogi erin --db DB", writes}, "announce": {"night-watch hello --db DB", writes}, "forget": {"dave --yes --db DB", writes},
	"upload": {"night-watch export.jsonl --db DB", writes}, "rm": {"night-watch none.txt --yes --db DB", writes},

	"verify": {"--db DB", reads}, "repair": {"--dry-run --db DB", reads}, "backup": {"new.backup --db DB", reads}, "copy": {"DB new.db", reads},
	"export": {"--db DB", reads}, "import": {"export.jsonl --existing --db DB", writes}, "compact": {"--db DB", writes}, "upgrade": {"--db DB", writes},
	"restore": {"night.backup --db DB", makes}, "check-backup": {"night.backup", apart},

	"completion bash": {"", apart}, "completion zsh": {"", apart}, "completion fish": {"", apart}, "completion powershell": {"", apart},
	"completion": {"bash", apart}, "man": {"man", apart},
}

// sample is of how many commands one is tried.
var sample = 1

// inEachCommand runs a test for each command of the tree that runs something. serve has tests of its own.
func inEachCommand(t *testing.T, test func(t *testing.T, name, args string, use use)) {
	t.Helper()
	c := newCLI(os.Stdin, os.Stdout, os.Stderr, os.Getenv, time.Now)
	n := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "groupctl ")
		if cmd.Runnable() && cmd.HasParent() && name != "serve" && name != "help" && !cmd.Hidden {
			row, ok := arguments[name]
			require.True(t, ok, "%q has no row in the table of commands", name)
			if n++; n%sample == 0 {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, name, row.args, row.use)
				})
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(c.command())
}

// furnished is a world with what the arguments of the commands name.
func furnished(t *testing.T) (dir string) {
	t.Helper()
	dir = world(t)
	out, errs, code := groupctl(t, dir, "export -o export.jsonl --db groups.db")
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, out)
	backup, err := os.ReadFile(filepath.Join("testdata", "night.backup"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "night.backup"), backup, 0o600))
	return dir
}

// A refusal is what commands say to a bad situation.
type refusal struct {
	code     int
	says     string
	hint     string
	harmless bool // the command works all the same
}

// situations are what can be wrong with the database of a command, and what the commands say then.
var situations = map[string]struct {
	prepare func(t *testing.T, dir string) // makes bad.db of groups.db
	want    map[use]refusal
	but     map[string]refusal
}{
	"missing": {
		func(*testing.T, string) {},
		map[use]refusal{reads: {3, `there is no database "bad.db"`, "Check --db", false}, writes: {3, `there is no database "bad.db"`, "Check --db", false}, makes: {harmless: true}}, nil,
	},
	"a folder": {
		func(t *testing.T, dir string) { require.NoError(t, os.Mkdir(filepath.Join(dir, "bad.db"), 0o700)) },
		map[use]refusal{reads: {1, `"bad.db" is a folder`, "", false}, writes: {1, `"bad.db" is a folder`, "", false}, makes: {4, `"bad.db"`, "Give a place where nothing is", false}},
		nil,
	},
	"held by another process": {
		func(t *testing.T, dir string) { hold(t, dir, false) },
		map[use]refusal{
			reads: {6, "locked by another process", "let it share the file", false}, writes: {6, "locked by another process", "Stop that process", false},
			makes: {6, "locked by another process", "Give a place where nothing is", false},
		}, nil,
	},
	"shared by another process": {
		func(t *testing.T, dir string) { hold(t, dir, true) },
		map[use]refusal{reads: {harmless: true}, writes: {6, "locked by another process", "Stop that process", false}, makes: {6, "locked by another process", "Give a place where nothing is", false}},
		map[string]refusal{"download": {3, "file not found", "", false}},
	},
	"random bytes": {
		func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.db"), bytes.Repeat([]byte("no database "), 10_000), 0o600))
		},
		map[use]refusal{reads: {5, `database "bad.db"`, "restore a backup", false}, writes: {5, `database "bad.db"`, "restore a backup", false}, makes: {4, `database "bad.db"`, "Give a place where nothing is", false}},
		nil,
	},
	"an older format": {
		olderFormat,
		map[use]refusal{reads: {5, "format 1", "groupctl upgrade", false}, makes: {4, "there is something already", "Give a place where nothing is", false}}, nil,
	},
	"a newer format": {
		func(t *testing.T, dir string) {
			put(t, copyWorld(t, dir), key.Format(), (&record.Format{Number: 99}).Encode())
		},
		map[use]refusal{
			reads: {5, "newer version", "Use a groupctl of the version that wrote it", false}, writes: {5, "newer version", "Use a groupctl of the version that wrote it", false},
			makes: {4, "there is something already", "Give a place where nothing is", false},
		},
		map[string]refusal{"compact": {harmless: true}}, // it moves records that it does not know
	},
}

// copyWorld copies groups.db to bad.db.
func copyWorld(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "bad.db")
	b, err := os.ReadFile(filepath.Join(dir, "groups.db"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// put writes a record as it is.
func put(t *testing.T, path string, k, v []byte) {
	t.Helper()
	s, err := boltstore.Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Put(k, v) }))
	require.NoError(t, s.Close())
}

// hold lets this process have bad.db, and share it or not.
func hold(t *testing.T, dir string, share bool) {
	t.Helper()
	path := copyWorld(t, dir)
	options := optionsAt(now)
	if share {
		options.Share = sockstore.At(path + ".sock")
	}
	open(t, path, options)
}

func olderFormat(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "tests", "formats", "testdata", "format1.tar.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		require.NoError(t, err)
		if h.Name == "groups.db" {
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.db"), b, 0o600))
			return
		}
	}
}

// TestCommands_Refusals runs every command on every bad database. It says what is wrong and what to do, writes no answer, and
// leaves the file as it is.
func TestCommands_Refusals(t *testing.T) {
	t.Parallel()
	inEachCommand(t, func(t *testing.T, name, args string, use use) {
		for situation, s := range situations {
			want, ok := s.want[use]
			if own, has := s.but[name]; has {
				want = own
			}
			if !ok || want.harmless && use == makes {
				continue
			}
			t.Run(situation, func(t *testing.T) {
				t.Parallel()
				dir := furnished(t)
				s.prepare(t, dir)
				before := sum(t, filepath.Join(dir, "bad.db"))
				out, errs, code := groupctl(t, dir, name+" "+strings.ReplaceAll(args, "DB", "bad.db"))
				if want.harmless {
					require.Equal(t, exitOK, code, errs)
					return
				}
				require.Equal(t, want.code, code, errs)
				require.True(t, strings.HasPrefix(errs, "groupctl: "), errs)
				require.Contains(t, errs, want.says)
				require.Contains(t, errs, want.hint)
				require.Empty(t, out)
				require.Equal(t, before, sum(t, filepath.Join(dir, "bad.db")), "the file is as it was")
				require.NoFileExists(t, filepath.Join(dir, "new.backup"))
				parts, err := filepath.Glob(filepath.Join(dir, ".*.part"))
				require.NoError(t, err)
				require.Empty(t, parts)
			})
		}
	})
}

// sum returns the hash of a file; "" if there is none.
func sum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

// TestCommands_Usage gives every command a wrong flag, and an argument too many.
func TestCommands_Usage(t *testing.T) {
	t.Parallel()
	inEachCommand(t, func(t *testing.T, name, args string, use use) {
		dir := t.TempDir()
		out, errs, code := groupctl(t, dir, name+" --nonsense")
		require.Equal(t, exitUsage, code, errs)
		require.Contains(t, errs, "--nonsense")
		require.Contains(t, errs, "--help")
		require.Empty(t, out)
		if use == apart {
			return
		}
		out, errs, code = groupctl(t, dir, name+" "+strings.ReplaceAll(args, "DB", "mysql://x/y"))
		require.Equal(t, exitUsage, code, errs)
		require.Contains(t, errs, `"mysql://x/y"`)
		require.Empty(t, out)
	})
}

// TestCommands_Permission runs every command as a user who may not read the database.
func TestCommands_Permission(t *testing.T) {
	t.Parallel()
	inEachCommand(t, func(t *testing.T, name, args string, use use) {
		if use == apart {
			return
		}
		dir := furnished(t)
		path := copyWorld(t, dir)
		require.NoError(t, os.Chmod(path, 0))
		before := os.Geteuid()
		cmd := exec.Command(program, strings.Fields(name+" "+strings.ReplaceAll(args, "DB", "bad.db"))...)
		cmd.Dir = dir
		if before == 0 { // may read everything: run it as somebody else
			for d := dir; d != os.TempDir() && len(d) > 1; d = filepath.Dir(d) {
				require.NoError(t, os.Chmod(d, 0o755))
			}
			for _, file := range []string{"night.backup", "export.jsonl"} {
				require.NoError(t, os.Chmod(filepath.Join(dir, file), 0o644))
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			require.NoError(t, err)
		}
		require.Equal(t, exitStorage, cmd.ProcessState.ExitCode(), errs.String())
		require.Contains(t, errs.String(), "permission denied")
		require.Empty(t, out.String())
	})
}

// TestCommands_FullOutput lets every command write its answer to a device that is full.
func TestCommands_FullOutput(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	silent := map[string]bool{"man": true, "files": true} // one writes files, the group of the other has none
	inEachCommand(t, func(t *testing.T, name, args string, use use) {
		dir := furnished(t)
		if use == makes {
			args = strings.ReplaceAll(args, "DB", "new.db")
		}
		cmd := command(t.Context(), dir, nil, strings.Fields(name+" "+strings.ReplaceAll(args, "DB", "groups.db"))...)
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		defer full.Close()
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		_ = cmd.Run()
		code := cmd.ProcessState.ExitCode()
		switch {
		case silent[name]:
			require.Equal(t, exitOK, code, errs.String())
		case name == "rm" || name == "download": // there is no such file
			require.Equal(t, exitNotFound, code, errs.String())
		default:
			require.Equal(t, exitStorage, code, errs.String())
			require.Contains(t, errs.String(), "no space left on device")
		}
	})
}

// TestCommands_DamagedGroup runs commands on a database in which a group cannot be read. What needs the group ends
// with the exit code of damage and names the command that mends it; the rest works.
func TestCommands_DamagedGroup(t *testing.T) {
	t.Parallel()
	dir := furnished(t)
	put(t, copyWorld(t, dir), key.Of("night-watch", key.Header), []byte("no header"))
	for line, code := range map[string]int{
		"ls": 5, "show night-watch": 5, "show shogi": 0, "members night-watch": 5, "members shogi": 0, "log night-watch": 5, "roles night-watch": 5,
		"user carol": 5, "user erin": 0, "export": 5, "export shogi": 0, "backup new.backup": 5, "verify": 5, "verify --quick": 5, "repair --dry-run": 5,
		"stats": 5, "add night-watch zoe": 5, "add shogi zoe": 0, "delete night-watch --yes": 5,
	} {
		_, errs, got := groupctl(t, dir, line+" --db bad.db")
		require.Equal(t, code, got, "%s: %s", line, errs)
		if code != exitOK {
			require.Contains(t, errs, "groupctl repair", line)
		}
	}
}
