package groupkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"groupkit/internal/archive"
	"groupkit/store"
)

// A DamagedContent is the content of a shared file that could not be carried, because it is missing, cannot be read, or is not the
// uploaded one.
type DamagedContent struct {
	Group   GroupID `json:"group"`
	File    FileID  `json:"file"`
	Problem string  `json:"problem"`
}

// A verifying reads the content of a file. Instead of its end it returns an error if the content is not the uploaded one.
type verifying struct {
	r    io.Reader
	file *listedFile
	hash hash.Hash
	size int64
}

func newVerifying(r io.Reader, f *listedFile) *verifying {
	return &verifying{r: r, file: f, hash: sha256.New()}
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := readSome(v.r, p)
	v.hash.Write(p[:n])
	if v.size += int64(n); v.size > v.file.size {
		return n, unreadable("has more than the %d bytes of the file", v.file.size)
	}
	if err != io.EOF {
		return n, err
	}
	switch {
	case v.size < v.file.size:
		return n, unreadable("has %d of the %d bytes of the file", v.size, v.file.size)
	case [32]byte(v.hash.Sum(nil)) != v.file.hash:
		return n, unreadable("does not match the hash of the file")
	}
	return n, io.EOF
}

func unreadable(format string, args ...any) error {
	return &archive.Unreadable{Problem: fmt.Sprintf(format, args...)}
}

// problemOf returns what is wrong with a content; "" if the error is about something else.
func problemOf(err error) string {
	if u, ok := errors.AsType[*archive.Unreadable](err); ok {
		return u.Problem
	}
	return ""
}

// openStored opens a content, whose errors are then those of damage, unless ctx has ended.
func openStored(ctx context.Context, blobs store.Blobs, content string) (io.ReadCloser, error) {
	r, err := blobs.Get(ctx, content)
	switch {
	case err == nil:
		return &storedContent{ctx, r}, nil
	case errors.Is(err, store.ErrNoBlob):
		return nil, unreadable("is missing")
	}
	return nil, damageOr(ctx, err)
}

type storedContent struct {
	ctx context.Context
	io.ReadCloser
}

func (c *storedContent) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = damageOr(c.ctx, err)
	}
	return n, err
}

// damageOr returns that a content cannot be read, or why the call must end.
func damageOr(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrClosed):
		return ErrClosed
	}
	return unreadable("cannot be read: %v", err)
}
