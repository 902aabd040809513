package shared_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/internal/grouptest"
	"groupkit/internal/sharedmem"
)

// Some calls commit several times. Whichever answer is lost, the call succeeds, and nothing is left.
func TestEngine_lostAnswer_anyCommit(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, call := range map[string]func(*groupkit.Engine) error{
		"delete group": func(e *groupkit.Engine) error { return e.System().DeleteGroup(ctx, "g") },
		"upload file": func(e *groupkit.Engine) error {
			return grouptest.ErrorOf(e.System().UploadFile(ctx, "g", "b.txt", strings.NewReader("b")))
		},
		"forget user": func(e *groupkit.Engine) error {
			return e.System().Once("k").ForgetUser(ctx, "olga", groupkit.ForgetOptions{Owned: groupkit.OwnedDelete, Pseudonymize: true})
		},
		"set group limit": func(e *groupkit.Engine) error { return e.SetGroupLimit(ctx, 7) },
		"adopt contents":  func(e *groupkit.Engine) error { return e.AdoptContents(ctx) },
	} {
		for said, outcome := range map[string]sharedmem.Outcome{"made": sharedmem.UnknownMade, "lost": sharedmem.UnknownLost} {
			t.Run(name+" "+said, func(t *testing.T) {
				t.Parallel()
				for n, more := 1, true; more; n++ {
					w := newWorld(t, sharedmem.Options{Numbers: true})
					w.faults.nth(n, outcome)
					require.NoError(t, call(w.Engine), "the answer %d", n)
					more = !w.faults.pending()
					w.faults.always(sharedmem.Made)
					require.NoError(t, grouptest.ErrorOf(w.Sweep(ctx)))
					grouptest.RequireVerified(t, w.Engine)
					require.Empty(t, grouptest.LeftOver(grouptest.DumpStore(t, w.store)))
				}
			})
		}
	}
}
