package boltstore_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"groupkit/store"
	"groupkit/store/boltstore"
)

// childVar is the variable with the work of a test binary that a test has started.
const childVar = "BOLTSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if work := os.Getenv(childVar); work != "" {
		children[work](os.Args[len(os.Args)-1])
		return
	}
	os.Exit(m.Run())
}

// children are the works of such a child. Each gets a path.
var children = map[string]func(path string){
	"sync": func(path string) { countForEver(path, &boltstore.Options{}) },
	"interval": func(path string) {
		countForEver(path, &boltstore.Options{Durability: boltstore.Interval, Every: time.Millisecond})
	},
	"none":    func(path string) { countForEver(path, &boltstore.Options{Durability: boltstore.None}) },
	"compact": compactForEver,
}

func child(work, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childVar+"="+work)
	cmd.Stderr = os.Stderr
	return cmd
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// countForEver counts on eight goroutines and prints each number when its Update has
// returned.
func countForEver(path string, opts *boltstore.Options) {
	s, err := boltstore.Open(path, opts)
	if err != nil {
		panic(err)
	}
	for range 8 {
		go func() {
			for {
				n, err := countOn(s)
				if err != nil {
					panic(err)
				}
				fmt.Println(n)
			}
		}()
	}
	select {}
}

// countOn writes the next number: the counter and one more record.
func countOn(s store.Store) (n uint64, err error) {
	err = s.Update(ctx, func(w store.Writer) error {
		if n, err = last(w); err != nil {
			return err
		}
		n++
		number := binary.BigEndian.AppendUint64(nil, n)
		return errors.Join(w.Put([]byte("last"), number), w.Put(append([]byte("n"), number...), make([]byte, n%200)))
	})
	return n, err
}

func last(r store.Reader) (uint64, error) {
	v, ok, err := r.Get([]byte("last"))
	if err != nil || !ok {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}

func TestStore_crash(t *testing.T) {
	for work, most := range map[string]int{"sync": 800, "interval": 20_000, "none": 5000} {
		t.Run(work, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "test.db")
			reached := uint64(0)
			for range 6 {
				promised := runAndKill(t, work, path, 1+rand.IntN(most))
				s := openAt(t, path, nil)
				got := requireNoGap(t, s)
				if work != "interval" {
					require.GreaterOrEqual(t, got, promised, "what was promised is gone")
				}
				require.GreaterOrEqual(t, got, reached, "what was saved is gone")
				reached = got
				require.NoError(t, s.Close())
			}
			require.NotZero(t, reached)
		})
	}
}

// runAndKill kills a child after it has printed a number of lines. It returns the highest
// number that the child has printed.
func runAndKill(t *testing.T, work, path string, kill int) (promised uint64) {
	cmd := child(work, path)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		number, err := strconv.ParseUint(lines.Text(), 10, 64)
		require.NoError(t, err)
		promised = max(promised, number)
		if n == kill {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	return promised
}

// requireNoGap checks that exactly the numbers up to the counter are stored.
func requireNoGap(t *testing.T, s store.Store) (n uint64) {
	require.NoError(t, s.View(ctx, func(r store.Reader) (err error) {
		if n, err = last(r); err != nil {
			return err
		}
		next, g := uint64(1), store.Prefix([]byte("n"))
		for more := true; more; {
			var page []store.Pair
			if page, more, err = r.Scan(g); err != nil {
				return err
			}
			for _, p := range page {
				require.Equal(t, next, binary.BigEndian.Uint64(p.Key[1:]))
				require.Len(t, p.Value, int(next%200))
				g.From = append(p.Key, 0)
				next++
			}
		}
		require.Equal(t, n+1, next)
		return nil
	}))
	return n
}
