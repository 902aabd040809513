package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how many columns the help has.
const helpWidth = 80

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
	_, err := fmt.Fprintln(cmd.OutOrStderr(), strings.TrimPrefix(b.String(), "\n\n"))
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
			fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	return b.String()
}
