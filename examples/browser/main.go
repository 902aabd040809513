// Browser shows a group live in a page. It serves the page, and the API of package rest beside it,
// and changes the group every few seconds. The page follows the group's events as a member sees them.
//
//	go run ./examples/browser
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"groupkit/rest"
)

//go:embed page
var files embed.FS

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	every := flag.Duration("every", 2*time.Second, "time between two changes of the group")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, *every, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen string, every time.Duration, out io.Writer) (err error) {
	g, err := found(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.engine.Close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server, err := newServer(g)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(out, "Open http://%s/ in a browser.\n", listener.Addr())
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	go func() { ended <- g.change(ctx, every) }()
	err = <-ended // ctx has ended, or something has failed
	if ctx.Err() != nil {
		err = nil
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(wait))
}

// newServer returns a server of the page and the API. Streams end when it shuts down.
func newServer(g *group) (*http.Server, error) {
	page, err := fs.Sub(files, "page")
	if err != nil {
		return nil, err
	}
	app := &rest.App{
		Engine: g.engine, ID: "8be024f0-e978-11e8-b697-5d598d5f8402",
		Authenticator: g.sessions, Tokens: g.sessions,
	}
	api := rest.NewHandler(rest.OneApp("example", "chat", app), nil)
	mux := http.NewServeMux()
	mux.Handle("/example/chat/", api)
	mux.Handle("/", secured(http.FileServerFS(page)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(api.EndStreams)
	return server, nil
}

// secured lets the page load and call nothing but this server.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
