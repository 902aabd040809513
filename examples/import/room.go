package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"groupkit"
)

// A stateEvent is an entry of state.json. The state of a room has one event for each type and key; the key of a
// member event is the member. Times are milliseconds since 1970.
type stateEvent struct {
	Room    groupkit.GroupID `json:"room_id"`
	Type    string           `json:"type"`
	Key     *string          `json:"state_key"` // nil: it is no state but a message
	Sender  groupkit.UserID  `json:"sender"`
	At      int64            `json:"origin_server_ts"`
	Content json.RawMessage  `json:"content"`
}

func (e *stateEvent) time() time.Time { return time.UnixMilli(e.At) }

// A level is how much power a user has. Old rooms write it as a text.
type level int64

// UnmarshalJSON reads a number, or a text with a number.
func (l *level) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	if err != nil {
		return fmt.Errorf("the level %s is no whole number", text)
	}
	*l = level(n)
	return nil
}

// The levels that the usual rooms give to their moderators and admins.
const (
	moderates level = 50
	governs   level = 100
)

// A room is the state of a room.
type room struct {
	*draft
	state    map[string]map[string]stateEvent // by type and key
	messages int
	powers   powers
}

// powers is the content of the event with the levels of users.
type powers struct {
	Users  map[groupkit.UserID]level `json:"users"`
	Usual  level                     `json:"users_default"`
	Invite level                     `json:"invite"` // who has it can invite
}

// of returns the level of a user.
func (p *powers) of(user groupkit.UserID) level {
	if l, named := p.Users[user]; named {
		return l
	}
	return p.Usual
}

// readRooms reads the state events of one room or several. Each room becomes a group.
func readRooms(files fs.FS, e *export) error {
	var list []json.RawMessage
	if err := decode(files, "room/state.json", &list); err != nil {
		return err
	}
	rooms := make(map[groupkit.GroupID]*room)
	for _, event := range entries[stateEvent](&e.losses, "event", list) {
		r := rooms[event.Room]
		if r == nil {
			r = &room{draft: newDraft(event.Room), state: make(map[string]map[string]stateEvent)}
			rooms[event.Room] = r
			if usable(&e.losses, "room", event.Room) {
				e.drafts = append(e.drafts, r.draft)
			}
		}
		r.add(event)
	}
	for _, r := range rooms {
		r.describe()
		r.readMembers()
		r.rank()
	}
	return nil
}

// add adds an event. A later one of the same type and key replaces it.
func (r *room) add(event stateEvent) {
	if event.Key == nil {
		r.messages++
		return
	}
	if r.state[event.Type] == nil {
		r.state[event.Type] = make(map[string]stateEvent)
	}
	if _, before := r.state[event.Type][*event.Key]; before {
		r.lose("older %s of %s: only the last one is the state", event.Type, short(*event.Key))
	}
	r.state[event.Type][*event.Key] = event
}

// content returns the content of the event of a type that has no key, and the event.
func content[T any](r *room, kind string) (out T, event stateEvent, ok bool) {
	if event, ok = r.state[kind][""]; !ok {
		return out, event, false
	}
	if err := json.Unmarshal(event.Content, &out); err != nil {
		r.lose("%s: %s", kind, why(err))
		return *new(T), event, false
	}
	return out, event, true
}

// describe reads what is said about the room as a whole.
func (r *room) describe() {
	create, event, ok := content[struct {
		Creator groupkit.UserID `json:"creator"`
	}](r, "m.room.create")
	if ok {
		r.group.Created = r.past("creation", event.time())
		r.owners = []groupkit.UserID{cmp.Or(create.Creator, event.Sender)}
	}
	name, _, _ := content[struct{ Name string }](r, "m.room.name")
	r.group.Name = r.name(name.Name)
	topic, event, ok := content[struct{ Topic string }](r, "m.room.topic")
	if text := r.text("topic", topic.Topic); ok && text != "" {
		r.announcement = groupkit.Announcement{Text: text, By: r.author("topic", event.Sender), At: r.past("topic", event.time())}
	}
	joining, _, _ := content[struct {
		Rule string `json:"join_rule"`
	}](r, "m.room.join_rules")
	r.admit(joining.Rule)
	r.powers, _, _ = content[powers](r, "m.room.power_levels")
	r.group.AllowInvites = !r.group.Public && r.powers.Usual >= r.powers.Invite
	r.leaveOut()
}

// leaveOut notes what a group does not have.
func (r *room) leaveOut() {
	if r.messages > 0 {
		r.lose("messages (%d): groupkit keeps none", r.messages)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.state)) {
		switch kind {
		case "m.room.create", "m.room.name", "m.room.topic", "m.room.join_rules", "m.room.power_levels", "m.room.member":
		default:
			r.lose("%s: a group has nothing like it", kind)
		}
	}
}

// admit says who can join.
func (r *room) admit(rule string) {
	switch rule {
	case "public":
		r.group.Public = true
	case "knock":
		r.group.Public, r.group.MembersOnly = true, true
		r.lose("knocking: nobody can ask to join a private group, so it is public")
	case "invite", "":
	default:
		r.lose("join rule %s: it is not known, so the group is private", short(rule))
	}
}
