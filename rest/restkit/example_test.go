package restkit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"

	"groupkit"
	"groupkit/rest"
	"groupkit/rest/restkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// A server that keeps its users and its tokens in the store of the engine.
func Example() {
	ctx := context.Background()
	users, err := restkit.NewUsers(nil)
	if err != nil {
		log.Fatal(err)
	}
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{UserExists: users.Exists})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	users.Bind(eng)
	tokens := restkit.NewTokens(eng, &restkit.TokensOptions{Accounts: users})
	client, err := tokens.Setup(ctx) // print client.ID and client.Secret: the secret is there this time only
	if err != nil {
		log.Fatal(err)
	}
	limit, err := restkit.NewRateLimit(&restkit.RateLimitOptions{User: restkit.Rate{PerSecond: 10, Burst: 50}})
	if err != nil {
		log.Fatal(err)
	}
	app := &rest.App{Engine: eng, ID: client.App, Authenticator: tokens, Tokens: tokens, Directory: users}
	server := httptest.NewServer(rest.NewHandler(rest.OneApp("example", "chat", app), &rest.Options{Limit: limit}))
	defer server.Close()
	base := server.URL + "/example/chat"

	// What a client does:
	answer := post(base+"/token", "", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, client.ID, client.Secret))
	token := regexp.MustCompile(`"access_token":"(.*?)"`).FindStringSubmatch(answer)[1]
	post(base+"/users", token, `{"username":"alice","password":"wonderland"}`)
	post(base+"/chatgroups", token, `{"groupid":"guild","groupname":"Night Watch","public":true,"owner":"alice"}`)

	g, err := eng.As("alice").Group(ctx, "guild")
	fmt.Println(g.Name, g.Owner, err)
	// Output: Night Watch alice <nil>
}

// post sends JSON and returns the answer.
func post(url, token, body string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		log.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s %v", url, text, err)
	}
	return string(text)
}
