package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"groupkit"
	"groupkit/rest"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// sessions tells callers by the application's own means: here, a user by a header that a proxy in
// front of the handler sets.
type sessions struct{}

func (sessions) Authenticate(r *http.Request) (rest.Caller, error) {
	user := r.Header.Get("X-User")
	if user == "" {
		return rest.Caller{}, rest.ErrNoToken
	}
	return rest.Caller{User: groupkit.UserID(user)}, nil
}

func Example() {
	eng, err := groupkit.New(memstore.New(), memblob.New(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	app := &rest.App{Engine: eng, ID: "8be024f0-e978-11e8-b697-5d598d5f8402", Authenticator: sessions{}}
	server := httptest.NewServer(rest.NewHandler(rest.OneApp("chat-demo", "testapp", app), nil))
	defer server.Close()

	body := strings.NewReader(`{"groupname": "Night Watch", "public": true, "owner": "alice"}`)
	r, err := http.NewRequest("POST", server.URL+"/chat-demo/testapp/chatgroups", body)
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("X-User", "bob")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Body.Close()
	var answer struct {
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.StatusCode, answer.Description)
	// Output: 403 you have no permission to do this, only the system may do this
}
