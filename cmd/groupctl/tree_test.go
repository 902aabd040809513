package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// eachCommand runs a test for each command of groupctl, but for those that cobra adds.
func eachCommand(t *testing.T, fn func(*testing.T, *cobra.Command)) {
	t.Helper()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(cmd.Name(), func(t *testing.T) { fn(t, cmd) })
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newCLI(nil, os.Stdout, os.Stderr, func(string) string { return "" }, time.Now).command())
}

// TestTree_Help: each command has a line, a text and examples. The help has 80 columns.
func TestTree_Help(t *testing.T) {
	t.Parallel()
	seen := 0
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		seen++
		path := cmd.CommandPath()
		require.Regexp(t, `^[A-Z].*[^.]$`, cmd.Short, path)
		if cmd.Runnable() {
			require.NotEmpty(t, cmd.Example, path)
			require.NotEmpty(t, cmd.GroupID+map[bool]string{true: "the root", false: ""}[!cmd.HasParent()], path)
		}
		require.Regexp(t, `^[A-Z]`, description(cmd), path)
		var help strings.Builder
		cmd.SetOut(&help)
		require.NoError(t, cmd.Help())
		cmd.SetOut(nil)
		for line := range strings.Lines(strings.Replace(help.String(), cmd.Example, "", 1)) { // a command line cannot be broken
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), helpWidth, "%s: %s", path, line)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			require.Regexp(t, `^\S.*[^.]$`, f.Usage, "%s --%s", path, f.Name)
		})
	})
	require.Greater(t, seen, 25)
}

var redirection = regexp.MustCompile(` (>>?|<) ?\S+$`)

// TestTree_Examples: the examples are command lines that groupctl takes.
func TestTree_Examples(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSuffix(line, "\n")
			require.True(t, strings.HasPrefix(line, "  "), line)
			_, call, ok := strings.Cut(" "+redirection.ReplaceAllString(line, ""), "groupctl ")
			require.True(t, ok, line)
			call, _, _ = strings.Cut(call, " | ")
			r := csv.NewReader(strings.NewReader(call)) // it splits at spaces that are not quoted, as a shell does
			r.Comma, r.LazyQuotes = ' ', false
			words, err := r.Read()
			require.NoError(t, err, line)
			root := newCLI(nil, os.Stdout, os.Stderr, func(string) string { return "" }, time.Now).command()
			sub, args, err := root.Find(words)
			require.NoError(t, err, line)
			require.True(t, sub.CommandPath() == cmd.CommandPath() || !cmd.HasParent(), "%s: %s", cmd.CommandPath(), line)
			require.NoError(t, sub.ParseFlags(args), line)
			require.NoError(t, sub.ValidateArgs(sub.Flags().Args()), line)
		}
	})
}

// TestTree_Documented: docs/groupctl.md names each command and each exit code.
func TestTree_Documented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/groupctl.md")
	require.NoError(t, err)
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		if cmd.HasParent() {
			require.Contains(t, string(text), "`"+strings.TrimPrefix(cmd.CommandPath(), "groupctl ")+"`")
		}
	})
	for _, code := range []int{exitOK, exitFailed, exitUsage, exitNotFound, exitRefused, exitDamaged, exitHeld, exitStorage, exitInterrupted} {
		require.Contains(t, string(text), fmt.Sprintf("\n| %d |", code))
		require.Contains(t, exitCodes, fmt.Sprintf("  %-3d  ", code))
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"root": "--help", "mute": "mute --help", "exit-codes": "help exit-codes"} {
		out, errs, code := groupctl(t, t.TempDir(), line)
		require.Equal(t, exitOK, code)
		require.Empty(t, errs)
		golden(t, "help."+name, out)
	}
}
