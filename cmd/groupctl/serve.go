package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupkit/rest/restkit"
)

const serveLong = `Serve opens the database of an app, or makes it, and serves the app's groups over
HTTP until it gets SIGINT or SIGTERM. It prints the address of the app and, the
first time, its client ID and client secret: programs need them to get a token.

One app is in one file, --db. Several apps are in one folder: with

  groupctl serve --data DIR --app one/chat --app one/forum

the databases are DIR/one/chat.db and DIR/one/forum.db. The contents of shared
files are beside each database, in a folder whose name ends with ".db.files".
While it serves, the other commands read a database through a socket beside it,
whose name ends with ".db.sock"; --share=false makes none.

GET /healthz answers 200 while the process lives, GET /readyz while all databases
answer and the server is not being shut down. The log goes to stderr.`

func (cli *cli) serveCommand() *cobra.Command {
	c := new(config)
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the groups of one or several apps", Long: serveLong,
		Example: "  groupctl serve\n  groupctl serve --db groups.db --listen 127.0.0.1:8080 --app example/chat",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.dbGiven = cmd.Flags().Changed("db")
			if err := c.check(); err != nil {
				return err
			}
			return serve(cmd.Context(), c, cli.out, cli.err)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.listen, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flags.StringVar(&c.db, "db", "groups.db", "database of the app")
	flags.StringVar(&c.data, "data", "", "folder with the databases of several apps, instead of --db")
	flags.StringArrayVar(&c.apps, "app", []string{"example/chat"}, "app to serve, as ORG/APP; with --data several times")
	flags.BoolVar(&c.users, "users", true, "keep users and their passwords; if false, every user exists")
	flags.BoolVar(&c.share, "share", true, "let other processes of this user read the databases through a socket")
	flags.BoolVar(&c.newSecret, "new-secret", false, "give each app a new client secret and print it")
	flags.DurationVar(&c.tokenTTL, "token-ttl", 60*24*time.Hour, "how long a token is valid, at most and by default")
	flags.StringVar(&c.tlsCert, "tls-cert", "", "PEM file with the certificate; with --tls-key: serve HTTPS")
	flags.StringVar(&c.tlsKey, "tls-key", "", "PEM file with the key of the certificate")
	flags.StringVar(&c.baseURL, "base-url", "", "scheme and host that clients see, if a proxy is in front; for example https://chat.example.org")
	flags.StringArrayVar(&c.origins, "cors", nil, "origin of web pages that may call, or *; can be given several times")
	flags.Float64Var(&c.userRate, "user-rate", 0, "calls in a second of each user; 0: no limit")
	flags.Float64Var(&c.appRate, "app-rate", 0, "calls in a second with the tokens of each app; 0: no limit")
	flags.Float64Var(&c.tokenRate, "token-rate", 5, "requests for tokens in a second from each address; 0: no limit, as behind a proxy")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "time for one request; an upload or a download may take longer while it moves")
	flags.DurationVar(&c.headerTimeout, "header-timeout", 10*time.Second, "time in which a connection must send the header of a request")
	flags.DurationVar(&c.idleTimeout, "idle-timeout", 2*time.Minute, "time after which an unused connection is closed")
	flags.DurationVar(&c.shutdownTimeout, "shutdown-timeout", 15*time.Second, "time for the running requests to end at shutdown")
	flags.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error; info logs each request")
	return cmd
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, c *config, stdout, stderr io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.logLevel}))
	site, err := openSite(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.close()) }()
	server, err := newServer(c, site, log)
	if err != nil {
		return err
	}
	// Listen first: credentials are shown once, so nothing may fail after they are made.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.listen)
	if err != nil {
		return fmt.Errorf("--listen %q: %w", c.listen, err)
	}
	defer listener.Close()
	if err := announce(ctx, c, site, c.scheme()+"://"+listener.Addr().String(), stdout); err != nil {
		return err
	}
	log.Info("serving", "address", listener.Addr().String(), "apps", len(site.apps))
	failed := server.start(listener)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	signal.Reset(os.Interrupt, syscall.SIGTERM) // a second one ends the process at once
	return server.stop()
}

// announce prints where each app is and, if they are new, its credentials. What follows a line
// that ends with ":" can be pasted into a shell.
func announce(ctx context.Context, c *config, site *site, address string, out io.Writer) error {
	fmt.Fprintf(out, "groupctl: listening on %s\n", address)
	if c.baseURL != "" {
		address = c.baseURL
	}
	for _, app := range site.apps {
		client, err := app.setup(ctx, c.newSecret)
		if err != nil {
			return fmt.Errorf("app %q: %w", app.name, err)
		}
		if err := printApp(out, app.name, address, client); err != nil {
			return fmt.Errorf("the credentials of %q could not be printed; --new-secret makes new ones: %w", app.name, err)
		}
	}
	_, err := fmt.Fprintln(out, "\nReady.")
	return err
}

func printApp(out io.Writer, name, address string, client restkit.Client) error {
	text := fmt.Sprintf("\nThe address of %s:\nBASE=%s/%s\n", name, address, name)
	if client.Secret != "" {
		text = fmt.Sprintf("\nThe address of %s, and its credentials, which are shown only now:\nBASE=%s/%s\nCLIENT_ID=%s\nCLIENT_SECRET=%s\n",
			name, address, name, client.ID, client.Secret)
	}
	_, err := io.WriteString(out, text)
	return err
}
