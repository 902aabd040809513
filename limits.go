package groupkit

import (
	"cmp"
	"math"
)

// Limits bounds what groups may grow to. A field that is zero has the default
// said beside it. Lowering a limit never breaks data that is over it already: it
// only stops further growth.
type Limits struct {
	JoinedGroups int   // groups that one user may be in, owned ones included: 500 (ErrTooManyJoined)
	Admins       int   // owner and admins of one group together: 100 (ErrTooManyAdmins)
	NewMembers   int   // members named at creation, the owner not counted: 100 (ErrBatchTooLarge)
	Batch        int   // entries in one batch: 60 (ErrBatchTooLarge)
	Announcement int   // characters of an announcement: 512 (ErrInvalid)
	FileSize     int64 // bytes of one shared file: 10 MiB (ErrFileTooLarge)
	FilesPage    int   // shared files on one page: 1000 (more is clamped)
	Groups       int   // groups in the app: 0 is unlimited, and then they are not counted (ErrTooManyGroups)
	GroupSize    int   // MaxUsers of a group that says nothing: 200
	MaxGroupSize int   // MaxUsers at most (ErrInvalid), and entries of a blacklist, mute list and allow list (ErrListFull): 10,000
	Details      int   // ids in one call of GroupDetails: 100 (ErrBatchTooLarge)
	Files        int   // shared files in one group: 10,000 (ErrTooManyFiles)
	Requests     int   // pending join requests in one group: 500 (ErrTooManyRequests)
	Invitations  int   // pending invitations in one group: 500 (ErrTooManyInvitations)
}

// defaultLimits are the limits of an engine that is given none.
var defaultLimits = Limits{
	JoinedGroups: 500,
	Admins:       100,
	NewMembers:   100,
	Batch:        60,
	Announcement: 512,
	FileSize:     10 << 20,
	FilesPage:    1000,
	GroupSize:    200,
	MaxGroupSize: 10_000,
	Details:      100,
	Files:        10_000,
	Requests:     500,
	Invitations:  500,
}

// orDefaults returns the limits with every zero replaced, or what is wrong with them.
func (l Limits) orDefaults() (Limits, error) {
	d := defaultLimits
	l.MaxGroupSize = cmp.Or(l.MaxGroupSize, d.MaxGroupSize)
	d.GroupSize = min(d.GroupSize, l.MaxGroupSize)
	for _, f := range []struct {
		name       string
		value, std *int
		max        int
	}{
		{"JoinedGroups", &l.JoinedGroups, &d.JoinedGroups, math.MaxInt32},
		{"Admins", &l.Admins, &d.Admins, math.MaxInt32},
		{"NewMembers", &l.NewMembers, &d.NewMembers, math.MaxInt32},
		{"Batch", &l.Batch, &d.Batch, math.MaxInt32},
		{"Announcement", &l.Announcement, &d.Announcement, math.MaxInt32},
		{"FilesPage", &l.FilesPage, &d.FilesPage, math.MaxInt32},
		{"Groups", &l.Groups, &d.Groups, math.MaxInt32},
		{"MaxGroupSize", &l.MaxGroupSize, &d.MaxGroupSize, math.MaxInt32},
		{"GroupSize", &l.GroupSize, &d.GroupSize, l.MaxGroupSize},
		{"Details", &l.Details, &d.Details, math.MaxInt32},
		{"Files", &l.Files, &d.Files, math.MaxInt32},
		{"Requests", &l.Requests, &d.Requests, math.MaxInt32},
		{"Invitations", &l.Invitations, &d.Invitations, math.MaxInt32},
	} {
		if *f.value == 0 {
			*f.value = *f.std
		}
		if *f.value < 0 || *f.value > f.max {
			return l, invalid(Field("Limits."+f.name), "is %d (0 to %d)", *f.value, f.max)
		}
	}
	if l.FileSize == 0 {
		l.FileSize = d.FileSize
	}
	if l.FileSize < 0 {
		return l, invalid("Limits.FileSize", "is %d (0 or more)", l.FileSize)
	}
	return l, nil
}
