package groupkit

import (
	"cmp"
	"math"
)

// Limits contains the limits of groups, users and calls. A field that is 0 has its
// default. A lower limit does not damage existing data that exceeds it. It only prevents
// further growth. Each comment says what is counted, the error of a call that exceeds the
// limit, and the default.
type Limits struct {
	JoinedGroups int   // groups of a user, owned groups included; ErrTooManyJoined; default: 500
	Admins       int   // admins of a group, owner included; ErrTooManyAdmins; default: 100
	NewMembers   int   // members named at creation, owner excluded; ErrBatchTooLarge; default: 100
	Batch        int   // entries in one batch; ErrBatchTooLarge; default: 60
	Announcement int   // characters of an announcement; ErrInvalid; default: 512
	FileSize     int64 // bytes of one shared file; ErrFileTooLarge; default: 10 MiB
	FilesPage    int   // shared files on one page; a larger page is shortened; default: 1000
	Groups       int   // groups in the store; ErrTooManyGroups; default: none, and groups are not counted
	GroupSize    int   // MaxUsers of a group created without MaxUsers; default: 200, or the largest MaxUsers if lower
	MaxGroupSize int   // largest MaxUsers (ErrInvalid); entries of a blacklist, mute list or allow list (ErrListFull); default: 10,000
	Details      int   // group IDs in one call of GroupDetails; ErrBatchTooLarge; default: 100
	Files        int   // shared files in one group; ErrTooManyFiles; default: 10,000
	Requests     int   // pending join requests in one group; ErrTooManyRequests; default: 500
	Invitations  int   // pending invitations in one group; ErrTooManyInvitations; default: 500
}

// defaultLimits are the limits for fields that are 0.
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

// orDefaults replaces each 0 by its default. It returns an error if a limit is not valid.
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
