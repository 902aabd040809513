package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
)

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

// BenchmarkDetails compares the details of a group through the handler with the calls of the engine
// and the JSON of the same answer.
func BenchmarkDetails(b *testing.B) {
	s := setup(b)
	id := s.group(b)
	b.Run("engine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g, err := s.engine.System().Group(b.Context(), id)
			require.NoError(b, err)
			m, _, err := s.engine.System().MembersFrom(b.Context(), id, groupkit.From{Limit: 1000})
			require.NoError(b, err)
			affiliations := make([]map[string]groupkit.UserID, 0, len(m))
			for _, m := range m {
				affiliations = append(affiliations, map[string]groupkit.UserID{"member": m.User})
			}
			_, err = json.Marshal(map[string]any{"action": "get", "application": appID, "uri": "http://host/org/app/chatgroups/" + string(id),
				"entities": []any{}, "data": []any{map[string]any{
					"id": g.ID, "name": g.Name, "description": g.Description, "membersonly": g.MembersOnly, "allowinvites": g.AllowInvites,
					"invite_need_confirm": g.InviteNeedConfirm, "maxusers": g.MaxUsers, "owner": g.Owner, "created": g.Created.UnixMilli(),
					"custom": g.Custom, "mute": g.Muted, "affiliations_count": g.MemberCount, "affiliations": affiliations, "public": g.Public}},
				"timestamp": 1, "duration": 1, "organization": "org", "applicationName": "app", "count": 1})
			require.NoError(b, err)
		}
	})
	b.Run("engine and struct", func(b *testing.B) {
		type affiliation struct {
			Owner  groupkit.UserID `json:"owner,omitempty"`
			Member groupkit.UserID `json:"member,omitempty"`
		}
		b.ReportAllocs()
		for b.Loop() {
			g, err := s.engine.System().Group(b.Context(), id)
			require.NoError(b, err)
			m, _, err := s.engine.System().MembersFrom(b.Context(), id, groupkit.From{Limit: 1000})
			require.NoError(b, err)
			affiliations := make([]affiliation, len(m))
			for i := range m {
				affiliations[i].Member = m[i].User
			}
			_, err = json.Marshal(struct {
				groupkit.Group
				Affiliations []affiliation
			}{g, affiliations})
			require.NoError(b, err)
		}
	})
	b.Run("handler", func(b *testing.B) {
		r := httptest.NewRequestWithContext(b.Context(), "GET", "http://host/org/app/chatgroups/"+string(id), nil)
		r.Header.Set("Authorization", "Bearer app")
		b.ReportAllocs()
		for b.Loop() {
			s.handler.ServeHTTP(nowhere{http.Header{}}, r)
		}
	})
}
