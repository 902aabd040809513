package cdkblob_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"groupkit/store"
)

// A driven is a bucket that can only list its keys. The token of a page is the number of the keys before it.
type driven struct {
	driver.Bucket
	keys    []string
	gone    bool // the bucket is not there
	missed  int  // how many listings fail because a file goes meanwhile
	asked   int  // how many pages it has listed
	forgets bool // the tokens of earlier listings
	known   int  // the token given last
}

var (
	errForgotten = errors.New("the page is not known any more")
	errNotThere  = errors.New("it is not there")
)

func (d *driven) NewRangeReader(context.Context, string, int64, int64, *driver.ReaderOptions) (driver.Reader, error) {
	return nil, errNotThere
}

func (d *driven) Delete(context.Context, string, *driver.DeleteOptions) error { return errNotThere }

func (d *driven) ListPaged(_ context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	d.asked++
	if d.gone || d.missed > 0 {
		d.missed--
		return nil, errNotThere
	}
	from, _ := strconv.Atoi(string(opts.PageToken))
	if d.forgets && from > 0 && from != d.known {
		return nil, errForgotten
	}
	to := min(from+opts.PageSize, len(d.keys))
	page := &driver.ListPage{}
	for _, key := range d.keys[from:to] {
		page.Objects = append(page.Objects, &driver.ListObject{Key: key})
	}
	if to < len(d.keys) {
		d.known = to
		page.NextPageToken = []byte(strconv.Itoa(to))
	}
	return page, nil
}

func (d *driven) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, errNotThere) {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}

func (d *driven) ErrorAs(error, any) bool { return false }

func numbered(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("%04d", i))
	}
	return keys
}

func TestBlobs_List(t *testing.T) {
	t.Run("sees its own contents alone", func(t *testing.T) {
		bucket := memblob.OpenBucket(nil)
		root, a, ab := over(t, bucket, ""), over(t, bucket, "a/"), over(t, bucket, "a/b/")
		put(t, root, "a", "root")
		put(t, a, "a", "b", "c")
		put(t, ab, "x")
		for _, key := range []string{"UPPER", "b b", "a/.hidden"} {
			require.NoError(t, bucket.WriteAll(t.Context(), key, nil, nil))
		}
		require.Equal(t, []string{"a", "root"}, list(t, root))
		require.Equal(t, []string{"a", "b", "c"}, list(t, a))
		require.Equal(t, []string{"x"}, list(t, ab))
		require.NoError(t, a.Delete(t.Context(), "a"))
		require.Equal(t, []string{"x"}, list(t, ab))
		require.Equal(t, []string{"a", "root"}, list(t, root))
	})
	t.Run("goes on where it was", func(t *testing.T) {
		d := &driven{keys: numbered(3000)}
		b := over(t, blob.NewBucket(d), "")
		var all []string
		for after, more := "", true; more; {
			ids, m, err := b.List(t.Context(), after, 10)
			require.NoError(t, err)
			after, more = ids[len(ids)-1], m
			all = append(all, ids...)
		}
		require.Equal(t, d.keys, all)
		require.Less(t, d.asked, 3*300, "from the beginning each time it would be 45,000")
	})
	t.Run("sees what came since, however the last page ended", func(t *testing.T) {
		for limit := range 7 {
			d := &driven{keys: numbered(20)}
			b := over(t, blob.NewBucket(d), "")
			ids, more, err := b.List(t.Context(), "", limit+1)
			require.NoError(t, err)
			require.True(t, more)
			last := ids[limit]
			d.keys = slices.Insert(d.keys, limit+1, last+"-")
			ids, _, err = b.List(t.Context(), last, 2)
			require.NoError(t, err)
			require.Equal(t, d.keys[limit+1:limit+3], ids)
		}
	})
	t.Run("begins again where the bucket has forgotten the page", func(t *testing.T) {
		d := &driven{keys: numbered(20), forgets: true}
		b := over(t, blob.NewBucket(d), "")
		for _, after := range []string{"", "0004"} { // of two pages
			_, _, err := b.List(t.Context(), after, 5)
			require.NoError(t, err)
		}
		ids, more, err := b.List(t.Context(), "0009", 5)
		require.NoError(t, err)
		require.True(t, more)
		require.Equal(t, d.keys[10:15], ids)
	})
	t.Run("refuses a bucket without the order of bytes", func(t *testing.T) {
		for _, keys := range [][]string{{"a", "c", "b"}, {"a", "a"}} {
			b := over(t, blob.NewBucket(&driven{keys: keys}), "")
			_, _, err := b.List(t.Context(), "", 0)
			require.ErrorIs(t, err, store.ErrNotSupported)
			require.ErrorContains(t, err, fmt.Sprintf("lists %q after %q", keys[len(keys)-1], keys[len(keys)-2]))
		}
	})
}
