package rest

import (
	"context"
	"errors"

	"groupkit"
)

// An App is what is served under one /{org}/{app}.
type App struct {
	Engine        *groupkit.Engine
	ID            string        // a UUID; "application" in every answer
	Authenticator Authenticator // tells who calls; required
	Tokens        TokenIssuer   // nil: there is no POST /token
	Directory     Directory     // nil: nobody is unknown, and there are no /users routes
}

// ErrNoApp is returned by an Apps that does not know the app.
var ErrNoApp = errors.New("rest: no such app")

// An Apps finds the app of a request. It returns ErrNoApp if there is none. It must be safe for
// concurrent use.
type Apps func(ctx context.Context, org, app string) (*App, error)

// OneApp returns an Apps that knows one app.
func OneApp(org, app string, a *App) Apps {
	return func(_ context.Context, o, n string) (*App, error) {
		if o != org || n != app {
			return nil, ErrNoApp
		}
		return a, nil
	}
}
