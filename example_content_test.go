package groupkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"groupkit"
)

// A group has one announcement, with its author and time.
func ExampleActor_SetAnnouncement() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob")

	orDie(eng.As("alice").SetAnnouncement(ctx, guild, "Feast on Friday."))
	text, err := eng.As("bob").Announcement(ctx, guild)
	orDie(err)
	fmt.Printf("%s (%s, %s)\n", text.Text, text.By, text.At.Format(time.DateTime))

	orDie(eng.As("alice").SetAnnouncement(ctx, guild, "")) // clears it
	text, err = eng.As("bob").Announcement(ctx, guild)
	orDie(err)
	fmt.Printf("%q\n", text.Text)
	// Output:
	// Feast on Friday. (alice, 2026-01-01 12:00:00)
	// ""
}

// UploadFile reads a content from a stream. OpenFile returns it as a stream.
func ExampleActor_UploadFile() {
	eng, _ := exampleEngine(groupkit.Options{Limits: groupkit.Limits{FileSize: 1024}})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")

	file, err := eng.As("bob").UploadFile(ctx, guild, "map.txt", strings.NewReader("North is up.\n"))
	orDie(err)
	fmt.Printf("%s, %d bytes, %x…\n", file.Name, file.Size, file.SHA256[:4])

	_, content, err := eng.As("carol").OpenFile(ctx, guild, file.ID)
	orDie(err)
	text, err := io.ReadAll(content)
	orDie(errors.Join(err, content.Close()))
	fmt.Printf("%s", text)

	err = eng.As("carol").DeleteFile(ctx, guild, file.ID)
	fmt.Println("not carol's:", errors.Is(err, groupkit.ErrRoleTooLow))
	orDie(eng.As("bob").DeleteFile(ctx, guild, file.ID))

	_, err = eng.As("bob").UploadFile(ctx, guild, "atlas.txt", strings.NewReader(strings.Repeat("x", 1025)))
	fmt.Println("too large:", errors.Is(err, groupkit.ErrFileTooLarge))
	for range eng.As("bob").Files(ctx, guild) {
		fmt.Println("nothing is left behind, so this is never printed")
	}
	// Output:
	// map.txt, 13 bytes, 58faf863…
	// North is up.
	// not carol's: true
	// too large: true
}

// OpenFile returns a content that can seek. http.ServeContent serves ranges of it, and reads no
// more than these.
func ExampleActor_OpenFile() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	guild := exampleGuild(eng, "bob")
	shared, err := eng.As("bob").UploadFile(context.Background(), guild, "map.txt", strings.NewReader("North is up.\n"))
	orDie(err)

	serve := func(w http.ResponseWriter, r *http.Request) {
		file, content, err := eng.As("alice").OpenFile(r.Context(), guild, shared.ID)
		if err != nil {
			http.Error(w, groupkit.Code(err), http.StatusNotFound)
			return
		}
		defer content.Close()
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, file.SHA256)) // for If-Range and If-None-Match
		http.ServeContent(w, r, file.Name, file.Created, content)
	}

	request := httptest.NewRequest(http.MethodGet, "/map.txt", nil)
	request.Header.Set("Range", "bytes=0-4")
	answer := httptest.NewRecorder()
	serve(answer, request)
	fmt.Println(answer.Code, answer.Header().Get("Content-Range"), answer.Body)
	// Output:
	// 206 bytes 0-4/13 North
}

// The audit log of a group contains every change, in order and without gaps.
func ExampleActor_Events() {
	eng, _ := exampleEngine(groupkit.Options{})
	defer eng.Close()
	ctx := context.Background()
	guild := exampleGuild(eng, "bob", "carol")
	alice := eng.As("alice")

	orDie(alice.AddAdmin(ctx, guild, "bob"))
	_, err := alice.UpdateGroup(ctx, guild, groupkit.GroupUpdate{Name: new("Day Watch")})
	orDie(err)
	_, err = eng.As("bob").Because("spam").Mute(ctx, guild, time.Hour, "carol")
	orDie(err)

	for e, err := range alice.Events(ctx, guild, 3) { // from version 3 on
		orDie(err)
		fmt.Printf("%d %v by %s", e.Version, e.Kind, e.Actor)
		for _, c := range e.Changes {
			fmt.Printf(", %s: %s → %s", c.Field, c.Before, c.After)
		}
		if !e.Until.IsZero() {
			fmt.Printf(", %v until %s (%s)", e.Users, e.Until.Format(time.TimeOnly), e.Reason)
		}
		fmt.Println()
	}
	// Output:
	// 3 admin added by alice
	// 4 group updated by alice, name: Night Watch → Day Watch
	// 5 muted by bob, [carol] until 13:00:00 (spam)
}
