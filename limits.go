package groupkit

import (
	"cmp"
	"math"

	"groupkit/store"
)

// Limits contains the limits of groups, users and calls. A field that is 0 has its
// default. A lower limit does not damage existing data that exceeds it. It only prevents
// further growth. Each comment says what is counted, the error of a call that exceeds the
// limit, and the default.
//
// If the store cannot take NewMembers, Batch or Custom in one transaction, the default is what
// it can take, and a higher limit is refused when the engine is opened; see [store.Sizes].
type Limits struct {
	JoinedGroups    int   // groups of a user, owned groups included; ErrTooManyJoined; default: 500
	Admins          int   // admins of a group, owner included; ErrTooManyAdmins; default: 100
	NewMembers      int   // members named at creation, owner excluded; ErrBatchTooLarge; default: 100
	Batch           int   // entries in one batch; ErrBatchTooLarge; default: 60
	Name            int   // characters of the name of a group; ErrInvalid; default: 128
	Description     int   // characters of a description; ErrInvalid; default: 512
	Avatar          int   // characters of an avatar; ErrInvalid; default: 1024
	Custom          int   // bytes of a custom text; ErrInvalid; default: 8192
	Announcement    int   // characters of an announcement; ErrInvalid; default: 512
	Reason          int   // characters of a reason; ErrInvalid; default: 512
	FileSize        int64 // bytes of one shared file; ErrFileTooLarge; default: 10 MiB
	FilesPage       int   // shared files on one page; a larger page is shortened; default: 1000
	Groups          int   // groups in the store; ErrTooManyGroups; default: none, and groups are not counted; see SetGroupLimit
	DefaultMaxUsers int   // MaxUsers of a group created without MaxUsers; default: 200, or the largest MaxUsers if lower
	MaxUsers        int   // largest MaxUsers of a group; ErrInvalid; default: 10,000
	ListSize        int   // users on each list of a group that has no limit of its own here; ErrListFull; default: 10,000
	GroupDetails    int   // group IDs in one call of GroupDetails; ErrBatchTooLarge; default: 100
	Files           int   // shared files in one group; ErrTooManyFiles; default: 10,000
	Requests        int   // pending join requests in one group; ErrTooManyRequests; default: 500
	Invitations     int   // pending invitations in one group; ErrTooManyInvitations; default: 500
}

// orDefaults replaces each 0 by its default. It returns an error if a limit is not valid.
func (l Limits) orDefaults(sizes store.Sizes) (Limits, error) {
	users := usersPerCall(sizes)
	l.MaxUsers = cmp.Or(l.MaxUsers, 10_000)
	l.FileSize = cmp.Or(l.FileSize, 10<<20)
	for _, f := range []struct {
		name      string
		value     *int
		std, most int
	}{
		{"JoinedGroups", &l.JoinedGroups, 500, math.MaxInt32},
		{"Admins", &l.Admins, 100, math.MaxInt32},
		{"NewMembers", &l.NewMembers, min(100, users), users},
		{"Batch", &l.Batch, min(60, users), users},
		{"Name", &l.Name, 128, math.MaxInt32},
		{"Description", &l.Description, 512, math.MaxInt32},
		{"Avatar", &l.Avatar, 1024, math.MaxInt32},
		{"Custom", &l.Custom, min(8<<10, longestValue(sizes)), longestValue(sizes)},
		{"Announcement", &l.Announcement, 512, math.MaxInt32},
		{"Reason", &l.Reason, 512, math.MaxInt32},
		{"FilesPage", &l.FilesPage, 1000, math.MaxInt32},
		{"Groups", &l.Groups, 0, math.MaxInt32},
		{"MaxUsers", &l.MaxUsers, 0, math.MaxInt32},
		{"DefaultMaxUsers", &l.DefaultMaxUsers, min(200, l.MaxUsers), l.MaxUsers},
		{"ListSize", &l.ListSize, 10_000, math.MaxInt32},
		{"GroupDetails", &l.GroupDetails, 100, math.MaxInt32},
		{"Files", &l.Files, 10_000, math.MaxInt32},
		{"Requests", &l.Requests, 500, math.MaxInt32},
		{"Invitations", &l.Invitations, 500, math.MaxInt32},
	} {
		*f.value = cmp.Or(*f.value, f.std)
		if *f.value < 0 || *f.value > f.most {
			return l, invalid(Field("Limits."+f.name), "is %d (0 to %d)", *f.value, f.most)
		}
	}
	if l.FileSize < 0 {
		return l, invalid("Limits.FileSize", "is %d (0 or more)", l.FileSize)
	}
	return l, nil
}
