package groupkit_test

import (
	"cmp"
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"time"

	"groupkit"
	"groupkit/store/memblob"
	"groupkit/store/memstore"
)

// Count calls by operation and outcome with package expvar, which serves them as JSON under
// /debug/vars, beside the Stats of the engine.
func ExampleHooks() {
	calls := expvar.NewMap("groupkit.calls")
	eng, err := groupkit.New(memstore.New(), memblob.New(), &groupkit.Options{Hooks: groupkit.Hooks{
		Call: func(_ context.Context, c groupkit.CallInfo) {
			outcome := cmp.Or(c.Code, "ok")
			if c.Err != nil && c.Code == "" {
				outcome = "other" // such as the end of the context
			}
			calls.Add(string(c.Op)+": "+outcome, 1)
			if c.Duration > time.Minute {
				fmt.Println("slow:", c.Op, c.Group, c.Users, c.Retries)
			}
		},
	}})
	orDie(err)
	defer eng.Close()
	expvar.Publish("groupkit.stats", expvar.Func(func() any { return eng.Stats() }))

	ctx := context.Background()
	guild := exampleGuild(eng, "bob")
	_ = eng.As("bob").RemoveMember(ctx, guild, "alice")
	_ = eng.As("bob").Leave(ctx, guild)
	fmt.Println(calls)

	var stats groupkit.Stats
	orDie(json.Unmarshal([]byte(expvar.Get("groupkit.stats").String()), &stats))
	fmt.Println(stats.Store.Kind, stats.Updates.Running)
	// Output:
	// {"create group: ok": 1, "leave group: ok": 1, "remove member: role_too_low": 1}
	// memory 0
}
