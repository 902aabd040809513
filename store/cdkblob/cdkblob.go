package cdkblob

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"groupkit/store"
)

var errNoBucket = errors.New("the bucket is not there")

// Put stores all bytes of r under id.
func (b *Blobs) Put(ctx context.Context, id string, r io.Reader) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	writing, cancel := context.WithCancel(ctx) // a writer whose context has ended leaves nothing
	defer cancel()
	w, err := b.bucket.NewWriter(writing, b.key(id), &blob.WriterOptions{ContentType: contentType})
	if err != nil {
		return b.failed(ctx, "put", id, err)
	}
	complete := false
	defer func() {
		if !complete {
			cancel()
			_ = w.Close()
		}
	}()
	out := &target{w: w}
	if _, err := io.Copy(out, source{ctx, r}); err != nil {
		if out.failed {
			return b.failed(ctx, "put", id, err)
		}
		return err
	}
	complete = true
	return b.failed(ctx, "put", id, w.Close())
}

// contentType keeps the drivers from guessing a type, for which they would hold the beginning back.
const contentType = "application/octet-stream"

// A source reads until its context ends. It hides the other methods of the reader.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// A target tells the errors of the bucket from those of the source.
type target struct {
	w      io.Writer
	failed bool
}

func (t *target) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.failed = err != nil
	return n, err
}

// Get opens the content of id for reading. Reading it fails when ctx ends.
func (b *Blobs) Get(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := b.enter(ctx, id); err != nil {
		return nil, err
	}
	defer b.gate.Leave()
	r, err := b.bucket.NewReader(ctx, b.key(id), nil)
	if err != nil {
		return nil, b.failed(ctx, "get", id, err)
	}
	return &content{blobs: b, ctx: ctx, id: id, reader: r, size: r.Size(), put: r.ModTime()}, nil
}

// Delete removes the content of id.
func (b *Blobs) Delete(ctx context.Context, id string) error {
	if err := b.enter(ctx, id); err != nil {
		return err
	}
	defer b.gate.Leave()
	err := b.failed(ctx, "delete", id, b.bucket.Delete(ctx, b.key(id)))
	if errors.Is(err, store.ErrNoBlob) {
		return nil
	}
	return err
}

// enter begins a call for id.
func (b *Blobs) enter(ctx context.Context, id string) error {
	if err := store.CheckBlobID(id); err != nil {
		return err
	}
	return b.begin(ctx)
}

// begin begins a call.
func (b *Blobs) begin(ctx context.Context) error {
	if b.bucket == nil { // the zero Blobs
		return store.ErrClosed
	}
	if err := b.gate.Enter(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		b.gate.Leave()
		return err
	}
	return nil
}

func (b *Blobs) key(id string) string { return b.prefix + id }

// failed returns the error of a request about a content. A bucket that is missing is not a content that is missing, although
// drivers report both alike: then a file would count as damaged.
func (b *Blobs) failed(ctx context.Context, verb, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case gcerrors.Code(err) == gcerrors.NotFound:
		if err = b.present(ctx); err == nil {
			return fmt.Errorf("%w: %q", store.ErrNoBlob, id)
		}
	}
	return fmt.Errorf("cdkblob: %s %q: %w", verb, id, err)
}

// present returns nil if the bucket is there. Like list it asks again if something is missing.
func (b *Blobs) present(ctx context.Context) (err error) {
	for range listAttempts {
		_, _, err = b.bucket.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: b.prefix})
		if gcerrors.Code(err) != gcerrors.NotFound {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errNoBucket, err)
}
