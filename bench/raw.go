package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/internal/record"
)

// A raw is bbolt with a schema written by hand for this purpose: the same layout of
// keys, records of fixed fields, and the same checks.
type raw struct {
	app *app
	db  *bolt.DB
}

var rawBucket = []byte("raw")

// boltOptions are those of groupkit's store.
func boltOptions() *bolt.Options {
	return &bolt.Options{
		NoFreelistSync: true, FreelistType: bolt.FreelistMapType, InitialMmapSize: 1 << 30,
		NoStatistics: true, Timeout: time.Second,
	}
}

func openRaw(a *app, path string, sync bool) (*raw, error) {
	o := boltOptions()
	o.NoSync = !sync
	db, err := bolt.Open(path, 0o600, o)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(rawBucket)
		return err
	})
	return &raw{a, db}, err
}

func (r *raw) close() error { return r.db.Close() }

var (
	errNoGroup = errors.New("no such group")
	errRefused = errors.New("refused")
)

// key appends the key of a record of a group.
func (r *raw) key(b []byte, group int, kind byte, tail string) []byte {
	b = append(b, 'g', 1)
	b = append(b, r.app.ids[group][:]...)
	b = append(b, kind)
	return append(b, tail...)
}

// userKey appends the key of a record of a user, about a group if there is one.
func (r *raw) userKey(b []byte, user string, kind byte, group int) []byte {
	b = append(append(b, 'u'), user...)
	b = append(b, 0, kind)
	if group < 0 {
		return b
	}
	return append(append(b, 1), r.app.ids[group][:]...)
}

const (
	rawHeader   = 'h'
	rawMember   = 'm'
	rawOutsider = 'o'
	rawEvent    = 'e'
	rawMuted    = 'u'
	rawCount    = 'h'
	noGroup     = -1
)

const (
	rawPublic = 1 << iota
	rawQuiet
	rawConfirm
	rawMembersOnly
	rawInvites
)

// A rawGroup is the header of a group.
type rawGroup struct {
	flags                            byte
	maxUsers, members, admins        uint32
	created, modified, version       uint64
	owner, name, description, avatar []byte
}

func (g *rawGroup) encode() []byte {
	b := make([]byte, 0, 48+len(g.owner)+len(g.name)+len(g.description)+len(g.avatar))
	b = append(b, g.flags)
	b = binary.LittleEndian.AppendUint32(b, g.maxUsers)
	b = binary.LittleEndian.AppendUint32(b, g.members)
	b = binary.LittleEndian.AppendUint32(b, g.admins)
	b = binary.LittleEndian.AppendUint64(b, g.created)
	b = binary.LittleEndian.AppendUint64(b, g.modified)
	b = binary.LittleEndian.AppendUint64(b, g.version)
	for _, text := range [][]byte{g.owner, g.name, g.description, g.avatar} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// decode reads a header; its texts are those of b.
func (g *rawGroup) decode(b []byte) error {
	if len(b) < 37 {
		return fmt.Errorf("header of %d bytes", len(b))
	}
	g.flags = b[0]
	g.maxUsers = binary.LittleEndian.Uint32(b[1:])
	g.members = binary.LittleEndian.Uint32(b[5:])
	g.admins = binary.LittleEndian.Uint32(b[9:])
	g.created = binary.LittleEndian.Uint64(b[13:])
	g.modified = binary.LittleEndian.Uint64(b[21:])
	g.version = binary.LittleEndian.Uint64(b[29:])
	b = b[37:]
	for _, text := range []*[]byte{&g.owner, &g.name, &g.description, &g.avatar} {
		n, size := binary.Uvarint(b)
		if size <= 0 || uint64(len(b)-size) < n {
			return errors.New("header is cut off")
		}
		*text, b = b[size:size+int(n)], b[size+int(n):]
	}
	return nil
}

// A rawStanding is the state of a user in a group.
type rawStanding struct {
	role   groupkit.Role
	joined uint64
	until  uint64 // the end of a mute; 0: not muted
}

func (s *rawStanding) encode() []byte {
	b := append(make([]byte, 0, 17), byte(s.role))
	b = binary.LittleEndian.AppendUint64(b, s.joined)
	if s.until != 0 {
		b = binary.LittleEndian.AppendUint64(b, s.until)
	}
	return b
}

func (s *rawStanding) decode(b []byte) error {
	if len(b) != 9 && len(b) != 17 {
		return fmt.Errorf("standing of %d bytes", len(b))
	}
	s.role, s.joined, s.until = groupkit.Role(b[0]), binary.LittleEndian.Uint64(b[1:]), 0
	if len(b) == 17 {
		s.until = binary.LittleEndian.Uint64(b[9:])
	}
	return nil
}

// rawCall is an event of a join as large as groupkit's, with the same in it.
func rawCall(user string, at int64) []byte {
	b := make([]byte, 0, 32+len(user))
	b = append(b, byte(groupkit.MemberJoined), byte(groupkit.CauseJoined))
	b = binary.LittleEndian.AppendUint64(b, uint64(at))
	b = binary.AppendUvarint(b, uint64(len(user))) // whom
	b = append(b, user...)
	b = binary.AppendUvarint(b, uint64(len(user))) // who did it
	b = append(b, user...)
	for size := kitCallSize(user, at); len(b) < size; {
		b = append(b, 0)
	}
	return b
}

// kitCallSize is how many bytes groupkit's event of a join has.
func kitCallSize(user string, at int64) int {
	call := record.Call{Actor: user, At: at, Events: []record.Event{
		{Kind: uint8(groupkit.MemberJoined), Cause: uint8(groupkit.CauseJoined), Users: []string{user}},
	}}
	return len(call.Encode())
}
