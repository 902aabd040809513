package main

import (
	"runtime"

	bolt "go.etcd.io/bbolt"
)

// A committer is raw bbolt behind a queue: one goroutine takes all joins that wait
// and commits them in one transaction. One that is refused is left out of it, which
// its checks allow, as they come before its first put.
type committer struct {
	*raw
	queue chan *wish
	ended chan struct{}
}

type wish struct {
	group, user int
	done        chan error
}

func newCommitter(r *raw) *committer {
	c := &committer{raw: r, queue: make(chan *wish, 256), ended: make(chan struct{})}
	go c.run()
	return c
}

func (c *committer) close() error {
	close(c.queue)
	<-c.ended
	return c.raw.close()
}

func (c *committer) join(group, user int) error {
	j := &wish{group, user, make(chan error, 1)}
	c.queue <- j
	return <-j.done
}

func (c *committer) run() {
	defer close(c.ended)
	for first := range c.queue {
		c.commit(c.drain(first))
	}
}

// drain takes what waits, after those whom the last commit has released had a turn.
func (c *committer) drain(first *wish) []*wish {
	runtime.Gosched()
	batch := []*wish{first}
	for {
		select {
		case j, ok := <-c.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
}

func (c *committer) commit(batch []*wish) {
	results := make([]error, len(batch))
	err := c.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(rawBucket)
		for i, j := range batch {
			results[i] = c.joinIn(b, j.group, j.user)
		}
		return nil
	})
	for i, j := range batch {
		if err != nil {
			results[i] = err
		}
		j.done <- results[i]
	}
}
