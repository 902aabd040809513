package main

import (
	"fmt"
	"strings"

	"groupkit"
	"groupkit/cmd/groupctl/internal/term"
)

// describe says in words what an event did, and why.
func describe(s *term.Screen, e *groupkit.Event) string {
	words := e.Kind.String()
	if e.Cause != groupkit.CauseNone {
		words += " (" + e.Cause.String() + ")"
	}
	if detail := details(s, e); detail != "" {
		words += ": " + detail
	}
	switch {
	case e.Kind == groupkit.MemberBlocked && e.Until.IsZero(), !e.Until.IsZero() && endless(e.Until):
		words += ", for ever"
	case !e.Until.IsZero():
		words += ", until " + s.Exact(e.Until)
	}
	if e.Reason != "" {
		words += ", because " + quoted(e.Reason)
	}
	return words
}

func details(s *term.Screen, e *groupkit.Event) string {
	switch e.Kind {
	case groupkit.GroupCreated:
		return strings.Join(append([]string{"owner " + users(e.Users)}, changes(e)...), ", ")
	case groupkit.GroupUpdated, groupkit.AnnouncementChanged:
		return strings.Join(changes(e), ", ")
	case groupkit.OwnerChanged:
		if len(e.Users) == 2 {
			return fmt.Sprintf("%s, before %s", e.Users[0], e.Users[1])
		}
	case groupkit.FileAdded, groupkit.FileDeleted:
		if e.File != nil {
			return fmt.Sprintf("%s, %s, %s", quoted(e.File.Name), term.Bytes(e.File.Size), e.File.ID)
		}
	case groupkit.Checkpoint:
		return checkpoint(e)
	}
	return users(e.Users)
}

// usersShown is how many users of one event are named; JSON has them all.
const usersShown = 10

func users(ids []groupkit.UserID) string {
	var names []string
	for _, id := range ids[:min(len(ids), usersShown)] {
		names = append(names, string(id))
	}
	text := strings.Join(names, ", ")
	if more := len(ids) - usersShown; more > 0 {
		text += fmt.Sprintf(" and %s more", term.Count(int64(more)))
	}
	return text
}

// changes returns what changed. Of a group that is created it says only what was set.
func changes(e *groupkit.Event) (words []string) {
	for _, c := range e.Changes {
		switch {
		case e.Kind == groupkit.AnnouncementChanged:
			words = append(words, quoted(c.After))
		case e.Kind == groupkit.GroupCreated && (c.After == "" || c.After == "false" || c.Field == groupkit.FieldOwner):
		case e.Kind == groupkit.GroupCreated && c.After == "true":
			words = append(words, string(c.Field))
		case e.Kind == groupkit.GroupCreated:
			words = append(words, string(c.Field)+" "+value(c.After))
		default:
			words = append(words, fmt.Sprintf("%s %s → %s", c.Field, value(c.Before), value(c.After)))
		}
	}
	return words
}

// value returns the value of a field: numbers and flags as they are, texts in quotation marks.
func value(text string) string {
	if text == "true" || text == "false" || text != "" && strings.Trim(text, "0123456789") == "" {
		return text
	}
	return quoted(text)
}

// quoted returns a text in quotation marks. Unlike %q it leaves joined emoji alone; the table makes the text clean.
func quoted(text string) string { return `"` + text + `"` }

func checkpoint(e *groupkit.Event) string {
	switch {
	case e.Group == "":
		return "all groups follow as they are now"
	case e.Checkpoint == nil:
		return ""
	case e.Part > 0 || !e.Last:
		return fmt.Sprintf("part %d of the state of the group", e.Part)
	}
	g := &e.Checkpoint.Group
	return fmt.Sprintf("the group as it was: %s, owner %s, members %s", quoted(g.Name), g.Owner, term.Count(int64(g.MemberCount)))
}
