//go:build unix

// Package cluster_test runs several processes on one PostgreSQL server. Each has an engine, callers
// that make all calls on a few groups, and subscribers. Meanwhile connections are ended, and the
// server crashes. In the end the logs must explain every answer.
package cluster_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/key"
	"groupkit/store"
	"groupkit/store/pgstore"
	"groupkit/store/pgstore/pgtest"
)

var (
	runTime = flag.Duration("cluster.time", 4*time.Second, "how long the processes make calls, in each run")
	workers = flag.Int("cluster.workers", 16, "how many goroutines of a process make calls")
)

const (
	processes  = 3
	victim     = 2 // the process that is killed and started again
	repeats    = 20
	leastCalls = 5               // that are granted in a second
	lastGroup  = "last"          // is made after everything else
	careTime   = 5 * time.Minute // within which the background work is finished
)

// TestCluster_clocksWithinSkew lets the clocks differ by less than Options.MaxSkew.
func TestCluster_clocksWithinSkew(t *testing.T) {
	c := startCluster(t, setup{Notify: true, Keys: true, Kill: true, Large: true}, [processes]time.Duration{0, 20 * time.Second, -20 * time.Second})
	if *runTime >= time.Minute { // it is taken up while the others run
		c.leaveDeletion()
	}
	c.run(*runTime)
	c.check()
}

// TestCluster_clocksFarApart lets the clocks differ by days. Then it cannot be said when something
// expires; everything else still holds.
func TestCluster_clocksFarApart(t *testing.T) {
	c := startCluster(t, setup{Kill: true, Large: true}, farApart)
	c.run(*runTime)
	c.check()
}

var farApart = [processes]time.Duration{0, 3 * 24 * time.Hour, -5 * 24 * time.Hour}

// A cluster is the server with its processes.
type cluster struct {
	t         *testing.T
	server    *pgtest.Server
	line      *line  // on which the processes reach it
	folder    string // of the ticks and the journals
	processes []*grouptest.Process
	setups    []setup
	report    report
}

// startCluster starts processes, which have a setup but for what only one of them has. Their clocks
// are ahead by some times.
func startCluster(t *testing.T, s setup, ahead [processes]time.Duration) *cluster {
	server, err := pgtest.Start(t.Context(), "max_connections=200", "max_pred_locks_per_transaction=256")
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c := &cluster{t: t, server: server, folder: t.TempDir()}
	require.NoError(t, os.WriteFile(ticksIn(c.folder), make([]byte, os.Getpagesize()), 0o600))
	if s.Large {
		c.createLarge()
	}
	c.line, s.URL = newLine(t, server.URL("postgres"))
	s.Folder, s.Workers = c.folder, *workers
	for i := range processes {
		s.Number, s.Ahead, s.Mortal = i, ahead[i], s.Kill && i == victim
		c.setups = append(c.setups, s)
		p := grouptest.NewProcess(t, "TestProcess", processFlag+"=1")
		p.Within = *runTime + 2*longest
		t.Cleanup(p.Stop)
		c.processes = append(c.processes, p)
		c.ask(p, question{Open: &c.setups[i]})
	}
	return c
}

// ask asks a process, and fails the test if it reports a failure.
func (c *cluster) ask(p *grouptest.Process, q question) reply {
	var r reply
	crash := p.Ask(q, &r)
	require.Empty(c.t, crash)
	require.Empty(c.t, r.Failure)
	return r
}

// askAll asks all processes at once.
func (c *cluster) askAll(q func(i int) question) []reply {
	replies, crashes := make([]reply, processes), make([]string, processes)
	var all sync.WaitGroup
	for i, p := range c.processes {
		all.Go(func() { crashes[i] = p.Ask(q(i), &replies[i]) })
	}
	all.Wait()
	for i, r := range replies {
		require.Empty(c.t, crashes[i])
		require.Empty(c.t, r.Failure)
	}
	return replies
}

// run lets the processes make calls for some time while the server is disturbed. One of them is killed
// halfway and started again, if it is mortal.
func (c *cluster) run(long time.Duration) {
	begun := time.Now()
	ctx, stop := context.WithCancel(c.t.Context())
	var disturbing, running sync.WaitGroup
	var disturbed error
	disturbing.Go(func() { disturbed = c.disturb(ctx) })
	c.line.bad.Store(true)
	replies, crashes := make([]reply, processes), make([]string, processes)
	for i, p := range c.processes {
		running.Go(func() {
			if c.setups[i].Mortal {
				crashes[i] = c.killHalfway(p, long, &replies[i])
			} else {
				crashes[i] = p.Ask(question{Run: long}, &replies[i])
			}
		})
	}
	running.Wait()
	c.t.Logf("the calls took %v", time.Since(begun))
	c.line.bad.Store(false)
	stop()
	disturbing.Wait()
	require.NoError(c.t, disturbed)
	for i := range replies {
		require.Empty(c.t, crashes[i])
		require.Empty(c.t, replies[i].Failure)
	}
}

// killHalfway lets a process run, kills it, and starts it again, as another process.
func (c *cluster) killHalfway(p *grouptest.Process, long time.Duration, r *reply) (crash string) {
	halfway := time.AfterFunc(long/2, p.Kill)
	defer halfway.Stop()
	if crash = p.Ask(question{Run: long}, r); crash == "" {
		return "the process was to be killed"
	}
	again := c.setups[victim]
	again.Number, again.Mortal, again.Resume = processes, false, true
	for _, q := range []question{{Open: &again}, {Run: long / 2}} {
		if crash = p.Ask(q, r); crash != "" || r.Failure != "" {
			return crash
		}
	}
	return ""
}

// readJournals reads what the processes have noted.
func (c *cluster) readJournals() {
	var attempts []operation
	for number := range processes + 1 + mostLeft {
		f, err := os.Open(journalOf(c.folder, number))
		if os.IsNotExist(err) {
			continue // this one was not needed
		}
		require.NoError(c.t, err)
		defer f.Close()
		entries, err := readEntries(f)
		require.NoError(c.t, err)
		attempts = append(attempts, operationsIn(entries)...)
	}
	var recalled int
	var err error
	c.report.operations, recalled, err = merge(attempts)
	require.NoError(c.t, err)
	c.t.Logf("%d calls were repeated in another process with their keys and had the same answers", recalled)
	if *runTime >= time.Minute && c.setups[0].Keys {
		require.NotZero(c.t, recalled)
	}
}

// disturb ends connections all the time, and the server now and then.
func (c *cluster) disturb(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; ; n++ {
		select {
		case <-time.After(time.Duration(100+rng.IntN(400)) * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
		var err error
		switch {
		case n%40 == 0:
			err = c.server.Restart(context.WithoutCancel(ctx))
		case n%20 == 4:
			err = c.server.Crash(context.WithoutCancel(ctx))
		default:
			err = c.terminate(ctx, 1+rng.IntN(6))
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("disturb: %w", err)
		}
	}
}

// terminate ends some connections.
func (c *cluster) terminate(ctx context.Context, most int) error {
	conn, err := pgx.Connect(ctx, c.server.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT $1`, most)
	return err
}

// check reads everything in the end, and checks it.
func (c *cluster) check() {
	t := c.t
	st, eng := c.open(options(0))
	c.awaitCare(st)
	c.requireSound(eng)
	c.repeat()
	c.forget(eng)
	c.announceEnd(eng)
	c.requireSound(eng)

	c.createLast(eng)
	c.readJournals()
	logs := c.readLogs(eng)
	c.readHeard(logs)
	c.readHistories(logs)
	c.report.requireEnough(t, int(*runTime/time.Second)*leastCalls)
	c.report.requireLogged(t)
	c.report.requireHeard(t)
	c.report.requireLimits(t)
	c.report.requireLinearizable(t)
	c.requireSameAsLogs(eng, logs)
	c.requireForgotten(st)
}

// requireSound checks that Verify finds nothing but contents that are left: the server can have got a content over
// a connection that was lost, and store it after the engine has given the upload up.
func (c *cluster) requireSound(eng *groupkit.Engine) {
	report, err := eng.Verify(c.t.Context(), groupkit.VerifyOptions{})
	require.NoError(c.t, err)
	require.LessOrEqual(c.t, len(report.UnknownContents), 3)
	report.UnknownContents = nil
	require.Zero(c.t, report)
}

// open opens the store without a line that is disturbed.
func (c *cluster) open(o *groupkit.Options) (store.Store, *groupkit.Engine) {
	st, err := pgstore.Open(c.t.Context(), c.server.URL("postgres"), nil)
	require.NoError(c.t, err)
	eng, err := groupkit.New(st, st.Blobs(), o)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = eng.Close() })
	return st, eng
}

// createLast creates the group that comes after everything else.
func (c *cluster) createLast(eng *groupkit.Engine) {
	require.NoError(c.t, eng.SetGroupLimit(c.t.Context(), slots+2))
	_, err := eng.System().CreateGroup(c.t.Context(), groupkit.NewGroup{ID: lastGroup, Name: "last", Owner: "zoe"})
	require.NoError(c.t, err)
}

// announceEnd makes the last announcement in each group. Everybody who follows a group hears of it.
func (c *cluster) announceEnd(eng *groupkit.Engine) {
	var calls []operation
	for g, err := range eng.System().Groups(c.t.Context()) {
		require.NoError(c.t, err)
		calls = append(calls, operation{Verb: "SetAnnouncement", Group: g.ID, Reason: endOf(g.ID), Attempt: endOf(g.ID)})
	}
	for _, o := range c.ask(c.processes[0], question{Make: calls}).Operations {
		require.Equal(c.t, granted, o.Fate, "%+v", o)
	}
}

// repeat lets each process make calls again that another process has made with a key.
func (c *cluster) repeat() {
	calls := [processes][]operation{{}, {}, {}}
	for number := range processes + 1 {
		keyed, err := keyedLately(c.folder, number)
		require.NoError(c.t, err)
		for i, o := range keyed[:min(len(keyed), repeats)] {
			to := (number + 1) % processes
			calls[to] = append(calls[to], o.again(fmt.Sprintf("again-%d-%d", number, i)))
		}
	}
	c.askAll(func(i int) question { return question{Make: calls[i]} })
}

// readLogs reads the logs of all groups.
func (c *cluster) readLogs(eng *groupkit.Engine) map[groupkit.GroupID][]groupkit.Event {
	groups := map[groupkit.GroupID]bool{lastGroup: true}
	if c.setups[0].Large {
		groups[largeGroup] = true
	}
	for i := range c.report.operations {
		groups[c.report.operations[i].Group] = true
	}
	delete(groups, "") // of ForgetUser
	logs := make(map[groupkit.GroupID][]groupkit.Event)
	for id := range groups {
		events, err := grouptest.Collect(eng.System().Events(c.t.Context(), id, 0))
		if !errors.Is(err, groupkit.ErrGroupNotFound) {
			require.NoError(c.t, err)
		}
		logs[id] = events
	}
	return logs
}

// readHistories makes the histories of the logs.
func (c *cluster) readHistories(logs map[groupkit.GroupID][]groupkit.Event) {
	c.report.histories = make(map[groupkit.GroupID]*history)
	c.report.logs = make(map[groupkit.GroupID]*namedLog)
	for id, events := range logs {
		names, err := c.report.namesIn(id, events)
		require.NoError(c.t, err)
		c.report.logs[id] = newNamedLog(events, names)
		if id == largeGroup {
			continue
		}
		c.report.histories[id], err = newHistory(id, events, names)
		require.NoError(c.t, err)
	}
}

// readHeard asks the processes what their listeners heard.
func (c *cluster) readHeard(logs map[groupkit.GroupID][]groupkit.Event) {
	begun, ends := time.Now(), make(map[groupkit.GroupID]uint64)
	for id, events := range logs {
		if len(events) > 0 {
			ends[id] = events[len(events)-1].Version
		}
	}
	for _, p := range c.processes {
		c.report.listeners = append(c.report.listeners, c.ask(p, question{Ends: ends}).Heard...)
	}
	c.t.Logf("hearing the end took %v", time.Since(begun))
}

// awaitCare waits until the background work is finished.
func (c *cluster) awaitCare(st store.Store) {
	late, begun := time.After(careTime), time.Now()
	logged := false
	for {
		var left []string
		require.NoError(c.t, st.View(c.t.Context(), func(r store.Reader) error {
			left = nil
			for _, prefix := range [][]byte{key.Deletions(), key.AllToGo()} { // an upload that was cut off has an hour
				page, _, err := r.Scan(store.Prefix(prefix))
				if err != nil {
					return err
				}
				for _, p := range page {
					left = append(left, string(p.Key))
				}
			}
			return nil
		}))
		if len(left) == 0 {
			c.t.Logf("the background work took %v", time.Since(begun))
			return
		}
		if !logged {
			c.t.Logf("background work: %q", left)
			logged = true
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-late:
			require.Empty(c.t, left, "work in the background that is not finished")
		}
	}
}

// requireSameAsLogs checks that each group is what its log gives.
func (c *cluster) requireSameAsLogs(eng *groupkit.Engine, logs map[groupkit.GroupID][]groupkit.Event) {
	for id := range logs {
		snapshot, err := eng.System().Snapshot(c.t.Context(), id)
		if errors.Is(err, groupkit.ErrGroupNotFound) {
			continue
		}
		require.NoError(c.t, err)
		again, err := groupkit.Replay(eng.System().Events(c.t.Context(), id, 0))
		require.NoError(c.t, err)
		require.Equal(c.t, snapshot, again)
	}
}
