package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

const verifyLong = `Verify reads the whole database and the contents of all shared files, and lists
each place where a rule is broken. It changes nothing. It works while another
process has the file, if that process shares it.

With --quick it reads some records of each group, and no content.

The exit code is 5 if a rule is broken.`

func (c *cli) verifyCommand() *cobra.Command {
	var opts groupkit.VerifyOptions
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that nothing is damaged", Long: verifyLong,
		Example: "  groupctl verify --db groups.db\n  groupctl verify --db groups.db --quick --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.read(cmd.Context(), func(db *database) error {
				progress := verifyProgress{c: c}
				opts.Progress = progress.show
				report, err := db.Verify(cmd.Context(), opts)
				progress.end()
				if err != nil {
					return stopped(err, "Nothing was changed. --quick takes less time.")
				}
				if err := c.print(report, func() error { return c.printReport(db.place, &report) }); err != nil {
					return err
				}
				return unsound(&report)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Quick, "quick", false, "check the heads of all groups, and that contents are there")
	return cmd
}

func unsound(r *groupkit.Report) error {
	if r.Sound() {
		return nil
	}
	return hint(exitError{errors.New(countOf(len(r.Violations)+r.Omitted.Violations, "place is damaged", "places are damaged")), exitDamaged},
		"Back the database up, and see what \"groupctl repair --dry-run\" would do. A backup from before the damage is better.")
}

// A verifyProgress shows how far Verify is, stage by stage.
type verifyProgress struct {
	c     *cli
	stage groupkit.VerifyStage
	bar   *term.Progress
}

func (p *verifyProgress) show(v groupkit.VerifyProgress) {
	done, total, units := int64(v.Records), int64(-1), "records"
	switch v.Stage {
	case groupkit.VerifyingGroups:
		done, total, units = int64(v.Groups), int64(v.GroupsTotal), "groups"
	case groupkit.VerifyingUsers:
		done, units = int64(v.Users), "users"
	case groupkit.VerifyingContents:
		done, units = int64(max(v.Contents, v.Files)), "contents"
	}
	if p.bar == nil || v.Stage != p.stage {
		p.end()
		p.stage, p.bar = v.Stage, p.c.err.Progress("Checking "+v.Stage.String(), total, units)
	}
	p.bar.Set(done)
}

func (p *verifyProgress) end() {
	if p.bar != nil {
		p.bar.End()
	}
}

// meanings say what a broken rule means for those who use the groups, in the order in which they are listed.
var meanings = []struct {
	rule groupkit.Invariant
	text string
}{
	{groupkit.ViewsAgree, "A list, a search or a call can miss an entry, or fail."},
	{groupkit.LogComplete, "What has happened in the group cannot be told to its end. Those who follow the group get an error."},
	{groupkit.OneOwner, "Nobody, or more than one, can do what an owner can."},
	{groupkit.CountsExact, "A limit can be reached too early or too late, and a list shows another number of entries than it has."},
	{groupkit.ListsDisjoint, "A user is on two lists that exclude each other; what the user may do depends on which one is read."},
	{groupkit.MutesInBounds, "A mute is where none can be, or has no valid end."},
	{groupkit.UsersAgree, "A user is a member of a group that does not know it, or the other way round."},
	{groupkit.DeletedIsGone, "Data of a deleted group is still there."},
	{groupkit.FilesWhole, "A shared file cannot be downloaded as it was uploaded."},
	{groupkit.InvitersMayInvite, "An invitation can be accepted although the one who invited has lost the right."},
}

// printReport writes a report for people: the violations by rule, with what they mean.
func (c *cli) printReport(p place, r *groupkit.Report) error {
	var b strings.Builder
	if r.Sound() {
		fmt.Fprintf(&b, "%s: %s\n", term.Clean(p.given), c.out.Paint(term.Green, "sound"))
	} else {
		fmt.Fprintf(&b, "%s: %s\n", term.Clean(p.given), c.out.Paint(term.Red, "damaged"))
	}
	for _, m := range meanings {
		writeViolations(&b, c.out, r, m.rule, m.text)
	}
	if n := r.Omitted.Violations; n > 0 {
		fmt.Fprintf(&b, "\n%s more are not listed.\n", term.Count(int64(n)))
	}
	notes := []string{
		countOf(len(r.Deletions)+r.Omitted.Deletions, "group is", "groups are") + " being deleted.",
		countOf(len(r.Loads)+r.Omitted.Loads, "group is", "groups are") + " being loaded.",
		countOf(len(r.Absent)+r.Omitted.Absent, "file waits", "files wait") + " for the content: import it again with --existing.",
		countOf(len(r.UnknownContents)+r.Omitted.UnknownContents, "content belongs", "contents belong") + " to no file.",
	}
	gap := "\n"
	for _, n := range notes {
		if !strings.HasPrefix(n, "0 ") {
			fmt.Fprint(&b, gap, n, "\n")
			gap = ""
		}
	}
	if r.ForeignContents {
		fmt.Fprint(&b, gap, "The contents of files belong to another database, or to a newer state of this one.\n")
	}
	_, err := io.WriteString(c.out, b.String())
	return err
}

func writeViolations(b *strings.Builder, s *term.Screen, r *groupkit.Report, rule groupkit.Invariant, meaning string) {
	var lines []string
	for _, v := range r.Violations {
		if v.Invariant == rule {
			lines = append(lines, "  "+term.Clean(strings.TrimSuffix(v.String(), fmt.Sprintf(" (rule: %s)", v.Invariant))))
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "\n%s: %d\n%s\n%s\n", s.Paint(term.Bold, rule.String()), len(lines), meaning, strings.Join(lines, "\n"))
	}
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return term.Count(int64(n)) + " " + many
}

var errLeft = errors.New("something is still damaged")
