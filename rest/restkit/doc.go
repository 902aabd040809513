// Package restkit has what most servers of package rest need: tokens and users that are kept in
// the store of the engine, and a limit on the calls of each caller. It is a module of its own,
// because it needs golang.org/x/crypto and golang.org/x/time.
//
// [Tokens] is a rest.Authenticator and a rest.TokenIssuer. [Users] is a rest.Directory. Users and
// the engine need each other: the engine asks the directory who exists, and the directory keeps
// its records in the engine's store. So the directory comes first, and is bound to the engine
// afterwards:
//
//	users, err := restkit.NewUsers(nil)
//	...
//	eng, err := groupkit.Open("groups.db", &groupkit.Options{UserExists: users.Exists})
//	...
//	users.Bind(eng)
//	tokens := restkit.NewTokens(eng, &restkit.TokensOptions{Accounts: users})
//	client, err := tokens.Setup(ctx) // client.Secret is set the first time only
//	...
//	app := &rest.App{Engine: eng, ID: client.App, Authenticator: tokens, Tokens: tokens, Directory: users}
//
// # What is stored
//
// Tokens are in the bucket [TokensBucket], users in [UsersBucket]; see groupkit.Tx.Bucket. A copy
// of the store, such as a backup, contains no token, no password and no client secret: of
// tokens and secrets, which are random, it has the SHA-256 hash, of passwords the bcrypt hash.
//
// # Errors
//
// The methods return the errors that package rest defines. Errors of the engine are returned
// unchanged, such as groupkit.ErrStorage. Inside groupkit.Engine.Atomic every method that reads or
// writes returns groupkit.ErrNested, also Exists when the engine asks it.
//
// All types are safe for concurrent use.
package restkit
