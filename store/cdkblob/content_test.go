package cdkblob_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"groupkit/store"
)

// A strict is a bucket with one content. It refuses to read from behind the content's end, as the services do.
type strict struct {
	driver.Bucket
	content string
}

var errRange = errors.New("the range cannot be satisfied")

func (s *strict) NewRangeReader(_ context.Context, _ string, offset, _ int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	if offset > 0 && offset >= int64(len(s.content)) {
		return nil, errRange
	}
	return strictReader{strings.NewReader(s.content[offset:]), int64(len(s.content))}, nil
}

func (s *strict) Attributes(context.Context, string) (*driver.Attributes, error) {
	return &driver.Attributes{Size: int64(len(s.content))}, nil
}

func (s *strict) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }

type strictReader struct {
	io.Reader
	size int64
}

func (r strictReader) Close() error { return nil }

func (r strictReader) As(any) bool { return false }

func (r strictReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.size}
}

// A content that was replaced by a shorter one is replaced, although the service reports something else.
func TestBlobs_Get_replacedByLess(t *testing.T) {
	bucket := &strict{content: "a long content"}
	r, err := over(t, blob.NewBucket(bucket), "").Get(t.Context(), "a")
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	seek := func(to int64) error {
		_, err := r.(io.Seeker).Seek(to, io.SeekStart)
		require.NoError(t, err)
		_, err = r.Read(make([]byte, 1))
		return err
	}
	require.NoError(t, seek(10))
	bucket.content = "less"
	require.ErrorIs(t, seek(12), store.ErrNoBlob)
	require.ErrorIs(t, seek(2), store.ErrNoBlob)
	require.Equal(t, io.EOF, seek(14), "nothing is asked of the bucket")
}
