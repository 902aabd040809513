//go:build unix

package cluster_test

import (
	"fmt"
	"sync"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/pgstore"
)

// mostLeft is how many processes are killed, at most, until one leaves a deletion.
const mostLeft = 10

// leaveDeletion kills processes while they delete a group, until one of them leaves a part of it. The
// others have to remove it.
func (c *cluster) leaveDeletion() {
	st, err := pgstore.Open(c.t.Context(), c.server.URL("postgres"), nil)
	require.NoError(c.t, err)
	defer st.Close()
	for i := range mostLeft {
		s := c.setups[0]
		s.Number = processes + 1 + i
		p := grouptest.NewProcess(c.t, "TestProcess", processFlag+"=1")
		c.t.Cleanup(p.Stop)
		c.ask(p, question{Open: &s})
		calls := callsToLeave(groupID(0, int64(1+i)))
		last := len(calls) - 1
		c.ask(p, question{Make: calls[:last]})
		stop := make(chan struct{})
		var looking sync.WaitGroup
		looking.Go(func() {
			for c.deletions(st) == 0 {
				select {
				case <-stop:
					return
				default:
				}
			}
			p.Kill()
		})
		p.Ask(question{Make: calls[last:]}, new(reply)) // the process is killed, or is too fast
		close(stop)
		looking.Wait()
		p.Kill()
		p.Stop()
		if c.deletions(st) > 0 {
			c.t.Logf("the process %d has left a deletion", i)
			return
		}
	}
	c.t.Log("every process finished its deletion before it was killed")
}

// callsToLeave make a group with files. The last one deletes it.
func callsToLeave(id groupkit.GroupID) (calls []operation) {
	for i, o := range []operation{
		{Verb: "CreateGroup", User: users[0], Users: users[1:3]},
		{Verb: "UploadFile", Text: "a.txt"}, {Verb: "UploadFile", Text: "b.txt"}, {Verb: "UploadFile", Text: "c.txt"},
		{Verb: "DeleteGroup"},
	} {
		o.Group, o.Reason = id, fmt.Sprintf("left-%s-%d", id, i)
		o.Attempt = o.Reason
		calls = append(calls, o)
	}
	return calls
}

// deletions returns how many deletions of groups are not finished.
func (c *cluster) deletions(st store.Store) (n int) {
	err := st.View(c.t.Context(), func(r store.Reader) error {
		page, _, err := r.Scan(store.Prefix(key.Deletions()))
		n = len(page)
		return err
	})
	if err != nil {
		c.t.Errorf("looking for deletions: %v", err)
		return 1
	}
	return n
}
