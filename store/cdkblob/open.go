package cdkblob

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"gocloud.dev/blob"

	"groupkit/store"
	"groupkit/store/internal/gate"
)

// maxPrefix is the maximum length of a prefix, in bytes. The keys of all services may have 1,024.
const maxPrefix = 1024 - store.MaxBlobID

// Options are the options of [Open] and [New]. nil is the zero value.
type Options struct {
	// Prefix is the beginning of the keys of the contents, such as "guilds/contents/". It ends with "/", so that
	// no prefix is the beginning of another one's keys, and has at most 824 bytes. Default: the keys
	// are the IDs of the contents.
	Prefix string
}

// A Blobs keeps contents in a bucket: a store.Blobs. Any number of goroutines can call its methods at once.
type Blobs struct {
	bucket *blob.Bucket
	prefix string
	owned  bool // Close closes the bucket
	gate   gate.Gate
	pages  pages
}

// Open opens the bucket of a URL, and asks it whether it is there. The program must link the driver of the
// URL; see the documentation of the package. Close closes the bucket.
//
// The parameter "prefix" of the URL does what [Options.Prefix] does. If both are given, the one of the options comes after it.
//
// Returns an error if no driver is linked for the URL, if the URL has the parameter "key" or a prefix that does not end
// with "/", and if the bucket is not there.
func Open(ctx context.Context, rawURL string, opts *Options) (*Blobs, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("cdkblob: the URL cannot be read: %w", errors.Unwrap(err)) // without the URL: it may hold a secret
	}
	query := u.Query()
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("cdkblob: no driver for %q is linked (linked: %s)", u.Scheme+"://",
			strings.Join(blob.DefaultURLMux().BucketSchemes(), ", "))
	}
	if query.Has("key") {
		return nil, fmt.Errorf("cdkblob: the URL has the parameter %q, with which a bucket has one key", "key")
	}
	if err := checkPrefix(query.Get("prefix")); err != nil {
		return nil, err
	}
	if err := checkPrefix(query.Get("prefix") + opts.prefix()); err != nil {
		return nil, err
	}
	bucket, err := blob.DefaultURLMux().OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("cdkblob: open %s://%s: %w", u.Scheme, u.Host, err)
	}
	b := &Blobs{bucket: bucket, prefix: opts.prefix(), owned: true}
	if err := b.present(ctx); err != nil {
		_ = bucket.Close()
		return nil, fmt.Errorf("cdkblob: open %s://%s: %w", u.Scheme, u.Host, err)
	}
	return b, nil
}

// New returns the contents in a bucket of the application. It makes no request. Close does not close the bucket.
// Returns an error if bucket is nil or the options are not valid.
func New(bucket *blob.Bucket, opts *Options) (*Blobs, error) {
	if bucket == nil {
		return nil, errors.New("cdkblob: the bucket is nil")
	}
	if err := checkPrefix(opts.prefix()); err != nil {
		return nil, err
	}
	return &Blobs{bucket: bucket, prefix: opts.prefix()}, nil
}

func (o *Options) prefix() string {
	if o == nil {
		return ""
	}
	return o.Prefix
}

func checkPrefix(prefix string) error {
	switch {
	case prefix == "":
		return nil
	case len(prefix) > maxPrefix:
		return fmt.Errorf("cdkblob: the prefix has %d bytes (at most %d)", len(prefix), maxPrefix)
	case !strings.HasSuffix(prefix, "/"):
		return fmt.Errorf("cdkblob: the prefix %q does not end with %q", prefix, "/")
	case !utf8.ValidString(prefix):
		return fmt.Errorf("cdkblob: the prefix %q is not UTF-8", prefix)
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(prefix, "/"), "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("cdkblob: the prefix %q has the part %q", prefix, part)
		}
	}
	return nil
}

// Close waits for the running calls. A content that is open can be read on, but not after a Seek.
func (b *Blobs) Close() (err error) {
	b.gate.Close(func() {
		if b.owned {
			err = b.bucket.Close()
		}
	})
	return err
}
