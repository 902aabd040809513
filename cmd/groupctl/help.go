package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"groupkit/cmd/groupctl/internal/term"
)

// helpWidth is how many columns the help has.
const helpWidth = 80

// writeHelp writes the help of a command.
func writeHelp(cmd *cobra.Command, _ []string) {
	for _, paragraph := range paragraphs(description(cmd)) {
		if paragraph.verbatim {
			fmt.Fprintln(cmd.OutOrStdout(), strings.Join(paragraph.lines, "\n"))
		} else {
			fmt.Fprintln(cmd.OutOrStdout(), wrap(strings.Join(paragraph.lines, " "), helpWidth))
		}
		fmt.Fprintln(cmd.OutOrStdout())
	}
	if cmd.Runnable() || cmd.HasSubCommands() {
		_ = cmd.Usage() // who asks for help sees what is missing
	}
}

// description returns the text that says what a command does.
func description(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return cmd.Short + "."
	}
	return cmd.Long
}

// A paragraph is a part of a description. One with a line that begins with spaces stays as it is.
type paragraph struct {
	lines    []string
	verbatim bool
}

func paragraphs(text string) (out []paragraph) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		lines := strings.Split(part, "\n")
		out = append(out, paragraph{lines, slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, " ") })})
	}
	return out
}

// wrap breaks a text into lines of at most width columns, at its spaces.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch n := term.Width(word); {
		case column == 0:
			column = n
		case column+1+n > width:
			b.WriteByte('\n')
			column = n
		default:
			b.WriteByte(' ')
			column += 1 + n
		}
		b.WriteString(word)
	}
	return b.String()
}

// writeUsage writes how a command is used: what follows the description in its help.
func writeUsage(cmd *cobra.Command) error {
	var b strings.Builder
	section := func(title, text string) {
		if text = strings.TrimRight(text, "\n "); text != "" {
			fmt.Fprintf(&b, "\n\n%s\n%s", title, text)
		}
	}
	if cmd.Runnable() {
		b.WriteString("Usage:\n  " + useLine(cmd))
	}
	section("Examples:", cmd.Example)
	for _, group := range cmd.Groups() {
		section(group.Title, commandLines(cmd, func(sub *cobra.Command) bool { return sub.GroupID == group.ID }))
	}
	section("Topics:", commandLines(cmd, (*cobra.Command).IsAdditionalHelpTopicCommand))
	section("Flags:", cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	section("Flags of all commands:", cmd.InheritedFlags().FlagUsagesWrapped(helpWidth))
	if cmd.HasSubCommands() {
		fmt.Fprintf(&b, "\n\n%q says more about a command.", cmd.CommandPath()+" COMMAND --help")
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimPrefix(b.String(), "\n\n"))
	return err
}

// useLine returns the form of a command line.
func useLine(cmd *cobra.Command) string {
	if cmd.HasSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine()
}

func commandLines(cmd *cobra.Command, take func(*cobra.Command) bool) string {
	var b strings.Builder
	for _, sub := range cmd.Commands() {
		if take(sub) && (sub.IsAvailableCommand() || sub.Name() == "help" || sub.IsAdditionalHelpTopicCommand()) {
			indent := 2 + sub.NamePadding() + 1
			short := strings.ReplaceAll(wrap(sub.Short, helpWidth-indent), "\n", "\n"+strings.Repeat(" ", indent))
			fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), short)
		}
	}
	return b.String()
}
