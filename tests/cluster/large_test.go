//go:build unix

package cluster_test

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"groupkit"
	"groupkit/store/pgstore"
)

// The large group has so many members that a checkpoint of it has several parts. The model does not know it.
const (
	largeGroup = "large"
	crowd      = 1100
)

func inCrowd(i int) groupkit.UserID { return groupkit.UserID(fmt.Sprintf("crowd-%04d", i)) }

// createLarge creates the large group, with limits that the processes do not have.
func (c *cluster) createLarge() {
	st, err := pgstore.Open(c.t.Context(), c.server.URL("postgres"), nil)
	require.NoError(c.t, err)
	o := options(0)
	o.Limits.MaxUsers, o.Limits.Batch, o.Limits.NewMembers = 2*crowd, crowd, crowd
	eng, err := groupkit.New(st, st.Blobs(), o)
	require.NoError(c.t, err)
	defer eng.Close()
	n := groupkit.NewGroup{ID: largeGroup, Name: "large", Owner: inCrowd(0), MaxUsers: 2 * crowd}
	for i := range crowd {
		n.Members = append(n.Members, inCrowd(1+i))
	}
	_, err = eng.System().CreateGroup(c.t.Context(), n)
	require.NoError(c.t, err)
}

// changeLarge changes the large group. Some who can be forgotten join it.
func (p *process) changeLarge(ctx context.Context, d dice, reason string) {
	system, user := p.eng.System().Because(reason), inCrowd(1+d(crowd))
	var err error
	switch d(8) {
	case 0:
		err = system.AddMember(ctx, largeGroup, oneOf(d, forgettable))
	case 1:
		err = system.RemoveMember(ctx, largeGroup, user)
	case 2:
		err = system.AddMember(ctx, largeGroup, user)
	case 3:
		_, err = system.Mute(ctx, largeGroup, groupkit.Forever, user)
	case 4:
		err = system.AddAdmin(ctx, largeGroup, user)
	default:
		err = system.SetAnnouncement(ctx, largeGroup, reason)
	}
	if fateOf(err) < 0 {
		p.report(fmt.Errorf("in the large group: %w", err))
	}
}
