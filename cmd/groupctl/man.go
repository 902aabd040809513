package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages",
		Long:    "Man writes a manual page for each command into a folder, made from the help:\ngroupctl.1, groupctl-ls.1 and so on. The folder is made if it does not exist.",
		Example: "  groupctl man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writePages(cmd.Root(), args[0])
		},
	}
}

// writePages writes the page of a command and of those below it.
func writePages(cmd *cobra.Command, dir string) error {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	for _, sub := range cmd.Commands() {
		if err := writePages(sub, dir); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, pageName(cmd)+".1"), []byte(manPage(cmd)), 0o644)
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns the manual page of a command, in the macros of man(7). It has no date, so that the same groupctl
// always makes the same page.
func manPage(cmd *cobra.Command) string {
	p := new(page)
	p.macro("TH", strings.ToUpper(pageName(cmd)), "1", "", "groupctl")
	p.macro("SH", "NAME")
	p.text(pageName(cmd) + ` \- ` + roff(cmd.Short))
	if cmd.Runnable() {
		p.macro("SH", "SYNOPSIS")
		p.text(`\fB` + roff(cmd.CommandPath()) + `\fR` + roff(strings.TrimPrefix(useLine(cmd), cmd.CommandPath())))
	}
	p.macro("SH", "DESCRIPTION")
	p.prose(description(cmd))
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			p.macro("TP")
			p.text(`\fB` + roff(sub.CommandPath()) + `\fR`)
			p.text(roff(sub.Short))
		}
	}
	p.flags("OPTIONS", cmd.LocalFlags())
	p.flags("OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	if cmd.Example != "" {
		p.macro("SH", "EXAMPLES")
		p.verbatim(strings.Split(cmd.Example, "\n"))
	}
	if cmd.HasParent() {
		p.macro("SH", "SEE ALSO")
		p.macro("BR", pageName(cmd.Parent()), "(1)")
	}
	return p.String()
}

// A page is a manual page that is being written.
type page struct{ strings.Builder }

func (p *page) macro(name string, args ...string) {
	p.WriteString("." + name)
	for _, arg := range args {
		fmt.Fprintf(p, ` "%s"`, roff(arg))
	}
	p.WriteByte('\n')
}

// text writes a line of roff. A line that begins with a dot or a quote is none of its commands.
func (p *page) text(line string) {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	p.WriteString(line + "\n")
}

// prose writes paragraphs.
func (p *page) prose(text string) {
	for i, paragraph := range paragraphs(text) {
		if i > 0 {
			p.macro("PP")
		}
		if paragraph.verbatim {
			p.verbatim(paragraph.lines)
			continue
		}
		for _, line := range paragraph.lines {
			p.text(roff(line))
		}
	}
}

func (p *page) verbatim(lines []string) {
	p.macro("nf")
	for _, line := range lines {
		p.text(roff(line))
	}
	p.macro("fi")
}

func (p *page) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.macro("SH", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		p.macro("TP")
		name := `\fB` + roff("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + name
		}
		if value != "" {
			name += ` \fI` + roff(value) + `\fR`
		}
		p.text(name)
		if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		p.text(roff(usage))
	})
}

// roff escapes a text.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "…", "...").Replace(text)
}
