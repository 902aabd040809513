package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// A sample is a request of the source text with its answers.
type sample struct {
	call    string // method and path
	headers []string
	body    string
	answers []sampleAnswer
}

// A sampleAnswer is what the request is answered with if it has "to" in the place of "from".
type sampleAnswer struct {
	status   int
	from, to string
	json     string
}

func readSamples(t *testing.T) map[string]*sample {
	file, err := os.Open("testdata/samples.txt")
	require.NoError(t, err)
	defer file.Close()
	samples := map[string]*sample{}
	var s *sample
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		switch first, rest, _ := strings.Cut(line, " "); {
		case line == "" || first == "#":
		case first == "=":
			s = &sample{}
			samples[rest] = s
		case s.call == "":
			s.call = line
		case len(first) == 3 && first[0] >= '2' && first[0] <= '4':
			s.answers = append(s.answers, readAnswer(t, first, rest))
		case line[0] == '{' || strings.HasPrefix(line, "file="):
			s.body = line
		default:
			s.headers = append(s.headers, line)
		}
	}
	return samples
}

func readAnswer(t *testing.T, status, rest string) (a sampleAnswer) {
	n, err := strconv.Atoi(status)
	require.NoError(t, err)
	edit, text := rest[:strings.Index(rest, `{"`)], rest[strings.Index(rest, `{"`):]
	if strings.HasPrefix(edit, "ttestuser") { // its edit has a brace
		edit, text, _ = strings.Cut(rest, " ")
	}
	a = sampleAnswer{status: n, json: text}
	a.from, a.to, _ = strings.Cut(strings.TrimSpace(edit), "=")
	return a
}

// request makes the request as curl sends it.
func (s *sample) request(a sampleAnswer, replaced map[string]string) *http.Request {
	edited := func(text string) string {
		if a.from != "" {
			text = strings.ReplaceAll(text, a.from, a.to)
		}
		return strings.ReplaceAll(replace(text, replaced), "TOKEN", "app")
	}
	method, path, _ := strings.Cut(edited(s.call), " ")
	body := edited(s.body)
	upload := strings.HasPrefix(body, "file=@")
	if upload {
		body = uploadOfCurl
	}
	r := httptest.NewRequest(method, origin+path, strings.NewReader(body))
	for _, h := range s.headers {
		name, value, _ := strings.Cut(edited(h), ": ")
		if http.CanonicalHeaderKey(name) != "Content-Type" || r.Header.Get("Content-Type") == "" {
			r.Header.Set(name, value)
		}
	}
	switch {
	case upload:
		r.Header.Set("Content-Type", "application/json; boundary=------------------------1142ce5256007902")
	case body != "" && r.Header.Get("Content-Type") == "":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// uploadOfCurl is the body that curl makes of -F file=@/Users/test/image/IMG_3.JPG with two headers
// Content-Type. It sends one: the first value with the boundary.
const uploadOfCurl = "--------------------------1142ce5256007902\r\n" +
	"Content-Disposition: attachment; name=\"file\"; filename=\"IMG_3.JPG\"\r\n" +
	"Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0 a picture\r\n" +
	"--------------------------1142ce5256007902--\r\n"

// A preparation makes the groups of a sample. It returns what the sample's cursor and file are
// here.
type preparation func(t *testing.T, s *server) (replaced map[string]string)

func group(id, owner string, members ...string) preparation {
	return func(t *testing.T, s *server) map[string]string {
		s.create(t, groupkit.NewGroup{ID: groupkit.GroupID(id), Name: "testgroup", Public: true, Owner: groupkit.UserID(owner)}, members...)
		return nil
	}
}

// then does something after a preparation.
func (p preparation) then(do func(t *testing.T, s *server)) preparation {
	return func(t *testing.T, s *server) map[string]string {
		out := p(t, s)
		do(t, s)
		return out
	}
}

func groups(t *testing.T, s *server) {
	for _, g := range []struct {
		id, name, owner string
		members         []string
	}{
		{"66016480657410", "testgroup3", "user3", nil},
		{"66016467025921", "testgroup2", "user2", nil},
		{"100973270123152176", "testgroup2", "user2", nil},
		{"100743775617286960", "testgroup1", "user1", []string{"user2"}},
	} {
		s.create(t, groupkit.NewGroup{ID: groupkit.GroupID(g.id), Name: g.name, Public: true, Owner: groupkit.UserID(g.owner)}, g.members...)
	}
}

func twoFiles(t *testing.T, s *server) map[string]string {
	group("66021836783617", "testuser", "u1")(t, s)
	replaced := map[string]string{}
	for _, f := range []struct{ sample, name string }{
		{"b30e0be0-e1d4-11ea-8732-172a3f85134f", "159781141836993.jpg"},
		{"dbd88d20-e1d4-11ea-95fc-638fc2d59a8d", "159781149272586.jpg"},
	} {
		file, err := s.engine.As("u1").UploadFile(t.Context(), "66021836783617", f.name, bytes.NewReader(make([]byte, 326127)))
		require.NoError(t, err)
		replaced[f.sample] = string(file.ID)
		s.clock.Advance(time.Second)
	}
	return replaced
}

// samples says for each sample which state it needs, and where the answer is not as in the sample,
// because it contradicts itself or because clients and the live service know better.
var samples = map[string]struct {
	prepare preparation

	// overruled has, by the status of the answer, the members of the JSON that differ: nil if
	// the sample has it and the answer does not.
	overruled map[int]map[string]any
	why       string
}{
	"groups": {
		prepare: func(t *testing.T, s *server) map[string]string { groups(t, s); return nil },
		overruled: map[int]map[string]any{200: {
			"application": appID, "organization": org, "applicationName": app,
			"data.0.lastModified": "<ms>", "data.0.created": "<ms>", "data.1.lastModified": "<ms>", "data.1.created": "<ms>",
		}},
		why: "an older answer, without application, organization, applicationName, lastModified and created",
	},
	"groups-next": {
		prepare: func(t *testing.T, s *server) map[string]string {
			group("66016455491585", "user1")(t, s)
			groups(t, s)
			return map[string]string{"CURSOR": parse(t, string(s.call(t, "app", "GET /chatgroups?limit=2").body))["cursor"].(string)}
		},
		overruled: map[int]map[string]any{200: {"data.0.last_modified": "<digits>", "data.1.last_modified": "<digits>"}},
		why:       "clients of the first page's form read last_modified on every page",
	},
	"joined": {prepare: func(t *testing.T, s *server) map[string]string {
		s.create(t, groupkit.NewGroup{ID: "66016455491585", Name: "testgroup1", Owner: "user1"})
		s.create(t, groupkit.NewGroup{ID: "66016467025921", Name: "testgroup2", Owner: "user2"}, "user1")
		return nil
	}, overruled: map[int]map[string]any{200: {"data": "<set>"}}, why: "the order of the groups is free"},
	"details": {
		prepare: func(t *testing.T, s *server) map[string]string {
			s.create(t, groupkit.NewGroup{ID: "66016455491585", Name: "testgroup1", Description: "testgroup1", Public: true,
				Owner: "user1", InviteNeedConfirm: new(bool)}, "user2", "user3")
			return nil
		},
		overruled: map[int]map[string]any{200: {
			"data.0.invite_need_confirm": false, "data.0.mute": false, "data.0.affiliations": "<set>",
		}},
		why: "an older answer, without invite_need_confirm and mute; the order of the members before the owner is free",
	},
	"create": {
		prepare: func(*testing.T, *server) map[string]string { return nil },
		overruled: map[int]map[string]any{
			200: {"data.groupid": "<text>"},
			401: {"error": "group_authorization", "exception": exceptions["group_authorization"], "error_description": "this token is bad, or has expired!"},
		},
		why: "the engine makes the ID; the 401 is a copy of the 404",
	},
	"update": {prepare: group("66021836783617", "testuser")},
	"delete": {prepare: group("66021836783617", "testuser")},
	"announcement": {
		prepare: group("66021836783617", "testuser").then(func(t *testing.T, s *server) {
			require.NoError(t, s.engine.System().SetAnnouncement(t.Context(), "66021836783617", "Group Announcement..."))
		}),
		overruled: map[int]map[string]any{200: {"count": json.Number("0")}},
		why:       "live answers have a count",
	},
	"set-announcement": {prepare: group("66021836783617", "testuser")},
	"files": {
		prepare:   twoFiles,
		overruled: map[int]map[string]any{200: {"count": json.Number("2")}},
		why:       "live answers have a count",
	},
	"upload": {
		prepare: group("66021836783617", "testuser"),
		overruled: map[int]map[string]any{200: {
			"data.file_name": "IMG_3.JPG", "data.file_url": "<text>", "data.file_id": "<uuid>", "data.file_size": json.Number("14"),
		}},
		why: "the name is repeated as it was sent; the file is another one",
	},
	"download":    {prepare: twoFiles},
	"delete-file": {prepare: twoFiles},
	"members": {prepare: func(t *testing.T, s *server) map[string]string {
		// Two pages of two: the owner and three members.
		group("10130212061185", "testuser", "user1", "user2", "user3")(t, s)
		return nil
	}, overruled: map[int]map[string]any{200: {"data": []any{map[string]any{"member": "<text>"}, map[string]any{"member": "<text>"}}}},
		why: "which members stand on which page is free; the owner can stand on either"},
	"add-member":  {prepare: group("66016455491585", "user1")},
	"add-members": {prepare: group("66016455491585", "user1"), overruled: map[int]map[string]any{200: {"data.newmembers": "<set>"}}, why: "the order is free"},
	"remove-member": {
		prepare: group("66016455491585", "user1", "user3"),
	},
	"remove-members": {
		prepare: group("66016455491585", "user1", "user2", "user3"),
		overruled: map[int]map[string]any{200: {
			"uri":            origin + prefix + "/chatgroups/66016455491585/users/ttestuser0015981,user2,user3",
			"data.0.user":    "ttestuser0015981",
			"data.0.groupid": "66016455491585", "data.1.groupid": "66016455491585", "data.2.groupid": "66016455491585",
		}},
		why: "the sample's uri is cut, its user is not the one who failed, its group not the one of the request",
	},
	"admins": {prepare: group("10130212061185", "testuser", "user1").then(func(t *testing.T, s *server) {
		require.NoError(t, s.engine.System().AddAdmin(t.Context(), "10130212061185", "user1"))
	})},
	"add-admin": {
		prepare: group("10130212061185", "testuser", "user1"),
		overruled: map[int]map[string]any{200: {
			"action": "post", "data": map[string]any{"result": "success", "newadmin": "user1"}, "count": nil,
		}},
		why: "a copy of the answer to GET",
	},
	"remove-admin": {prepare: group("10130212061185", "testuser", "user1").then(func(t *testing.T, s *server) {
		require.NoError(t, s.engine.System().AddAdmin(t.Context(), "10130212061185", "user1"))
	})},
	"transfer": {prepare: group("66016455491585", "user1", "user2")},
	"blocks": {
		prepare: group("66016455491585", "user1", "user2", "user3").then(func(t *testing.T, s *server) {
			_, err := s.engine.System().BlockUsers(t.Context(), "66016455491585", groupkit.Forever, []groupkit.UserID{"user2", "user3"})
			require.NoError(t, err)
		}),
		overruled: map[int]map[string]any{200: {"uri": origin + prefix + "/chatgroups/66016455491585/blocks/users"}},
		why:       "the sample's uri is of another request",
	},
	"block":      {prepare: group("66016455491585", "testuser", "user1")},
	"block-many": {prepare: group("66016455491585", "user1", "user4")},
	"unblock": {prepare: group("66016455491585", "testuser", "user1").then(func(t *testing.T, s *server) {
		_, err := s.engine.System().Block(t.Context(), "66016455491585", groupkit.Forever, "user1")
		require.NoError(t, err)
	})},
	"unblock-many": {prepare: group("66016455491585", "testuser", "user1", "user2").then(func(t *testing.T, s *server) {
		_, err := s.engine.System().BlockUsers(t.Context(), "66016455491585", groupkit.Forever, []groupkit.UserID{"user1", "user2"})
		require.NoError(t, err)
	})},
	"mute": {
		prepare:   group("10130212061185", "testuser", "user1"),
		overruled: map[int]map[string]any{},
		why:       "the sample's request names the app testuser, its answer testapp; the request here names testapp",
	},
	"unmute": {prepare: group("10130212061185", "testuser", "user1").then(func(t *testing.T, s *server) {
		_, err := s.engine.System().Mute(t.Context(), "10130212061185", groupkit.Forever, "user1")
		require.NoError(t, err)
	})},
	"mutes": {prepare: group("10130212061185", "testuser", "user1").then(func(t *testing.T, s *server) {
		_, err := s.engine.System().Mute(t.Context(), "10130212061185", groupkit.Forever, "user1")
		require.NoError(t, err)
	})},
}

// Every request of the source text gives the sample's answer: status, keys, nesting, types and
// texts. The host, the token, times, and what the engine makes (cursors, IDs of files) are other ones.
func TestSamples(t *testing.T) {
	t.Parallel()
	read := readSamples(t)
	require.Len(t, read, 30)
	for name, sample := range read {
		expected, known := samples[name]
		require.True(t, known, name)
		require.NotEmpty(t, sample.answers, name)
		for _, a := range sample.answers {
			t.Run(name+"/"+strconv.Itoa(a.status)+" "+strings.ReplaceAll(a.to, "/", ""), func(t *testing.T) {
				t.Parallel()
				s := setup(t)
				s.users.add("u1")
				replaced := expected.prepare(t, s)
				r := sample.request(a, replaced)
				got := s.send(t, r)
				require.Equal(t, a.status, got.status, "%s", got.body)
				want := parse(t, replace(a.json, replaced))
				loosen(want)
				for at, value := range expected.overruled[a.status] {
					overrule(t, want, strings.Split(at, "."), value)
				}
				matches(t, want, got.json())
			})
		}
	}
}

func replace(text string, with map[string]string) string {
	for from, to := range maps.All(with) {
		text = strings.ReplaceAll(text, from, to)
	}
	return text
}

// loosen replaces what is never the same twice.
func loosen(v any) {
	switch v := v.(type) {
	case []any:
		for _, entry := range v {
			loosen(entry)
		}
	case map[string]any:
		for name, value := range v {
			switch name {
			case "timestamp", "lastModified", "created", "expire":
				v[name] = "<ms>"
			case "duration":
				v[name] = "<number>"
			case "last_modified":
				v[name] = "<digits>"
			case "application":
				v[name] = "<uuid>"
			case "cursor":
				if _, list := value.([]any); !list {
					v[name] = "<text>"
				}
			case "uri":
				v[name] = strings.Replace(value.(string), "https:", "http:", 1)
			}
			loosen(value)
		}
	}
}

// overrule sets one member of what is wanted. "<set>" makes the order of an array free; nil
// removes the member.
func overrule(t *testing.T, want any, at []string, value any) {
	t.Helper()
	parent := want
	for _, step := range at[:len(at)-1] {
		parent = member(t, parent, step)
	}
	last := at[len(at)-1]
	object, ok := parent.(map[string]any)
	require.True(t, ok, at)
	switch value {
	case nil:
		delete(object, last)
	case "<set>":
		object[last] = append([]any{"<set>"}, object[last].([]any)...)
	default:
		object[last] = value
	}
}

func member(t *testing.T, of any, name string) any {
	t.Helper()
	if list, ok := of.([]any); ok {
		i, err := strconv.Atoi(name)
		require.NoError(t, err)
		require.Less(t, i, len(list))
		return list[i]
	}
	return of.(map[string]any)[name]
}
