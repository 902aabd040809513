package groupkit

import (
	"bytes"
	"context"
	"io"

	"groupkit/internal/key"
	"groupkit/internal/record"
	"groupkit/store"
)

// headers checks the headers of the groups, and what they lead to.
func (v *verifier) headers(ctx context.Context) error {
	return v.eachGroup(ctx, (*groupWalk).checkQuick, func(*groupWalk) error { return nil })
}

// checkQuick is check without reading all records of the group.
func (g *groupWalk) checkQuick() error {
	k := key.Of(string(g.id), key.Header)
	value, ok, err := g.r.Get(k)
	if err != nil {
		return storage(err)
	}
	if !ok {
		g.broken(OneOwner, "", key.Header, "is missing")
		return nil
	}
	h, err := record.DecodeHeader(value)
	if err != nil {
		g.unreadable(ViewsAgree, g.id, "", recordName(key.Header), k, err)
		return nil
	}
	g.head = &h
	switch h.State {
	case record.Loading:
		return g.checkLoading()
	case record.Live:
		for _, check := range []func() error{g.checkRenaming, g.checkOwnerQuick, g.checkEnd, g.checkCreation} {
			if err := check(); err != nil {
				return err
			}
		}
		return nil
	default:
		return g.checkDeleted()
	}
}

// checkOwnerQuick checks that the user whom the header names as the owner is the owner.
func (g *groupWalk) checkOwnerQuick() error {
	value, ok, err := g.get(key.Standing(string(g.id), g.head.Owner, true))
	if err != nil {
		return err
	}
	st, err := record.DecodeStanding(value, true)
	switch {
	case !ok || err != nil || Role(st.Role) != RoleOwner:
		g.broken(OneOwner, g.head.Owner, key.Header, "names %q as the owner, who does not have that role", g.head.Owner)
	case st.Mute != nil:
		g.broken(MutesInBounds, g.head.Owner, key.Members, "has a mute, but the user is the owner")
	}
	return nil
}

// checkEnd checks that the log ends at the version of the header. Retention can have removed all of it but a
// checkpoint.
func (g *groupWalk) checkEnd() error {
	rng := store.Prefix(key.Of(string(g.id), key.Events))
	rng.Limit, rng.Reverse = 1, true
	page, _, err := g.r.Scan(rng)
	if err != nil {
		return storage(err)
	}
	last := max(g.head.First, 1) - 1
	if len(page) > 0 {
		call, bad := record.DecodeCall(page[0].Value)
		if bad == nil {
			last, bad = lastVersion(page[0].Key)
		}
		if bad != nil {
			g.unreadable(ViewsAgree, g.id, "", recordName(key.Events), page[0].Key, bad)
			return nil
		}
		g.commits = commitPairs(string(g.id), last, &call)
	}
	if g.head.Version != last {
		g.broken(LogComplete, "", key.Events, "ends at version %d, but the group is at version %d", last, g.head.Version)
	}
	return g.checkCommits()
}

// sizes checks that each file has a content of its size.
func (v *verifier) sizes(ctx context.Context) error {
	rng := store.Prefix([]byte{key.FamilyFiles})
	rng.Limit = recordsPerView
	for more := true; more; {
		var files []placedFile
		var page []store.Pair
		err := v.view(ctx, func(r store.Reader) (err error) {
			if page, more, err = r.Scan(rng); err == nil {
				files, err = v.filesOf(r, page)
			}
			return storage(err)
		})
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := v.size(ctx, f); err != nil {
				return err
			}
		}
		if more = more && len(page) > 0; more {
			rng.From = append(bytes.Clone(page[len(page)-1].Key), 0)
		}
	}
	return nil
}

// A placedFile is a file, and its group.
type placedFile struct {
	group GroupID
	file  *record.File
}

// filesOf returns the files of groups that exist, to which a page of the index of files leads.
func (v *verifier) filesOf(r store.Reader, page []store.Pair) (files []placedFile, err error) {
	var keys [][]byte
	var groups []string
	for _, p := range page {
		id, group, version, err := v.fileEntry(p)
		if err == nil {
			keys = append(keys, key.File(group, version, id), key.Of(group, key.Header))
			groups = append(groups, group)
		}
	}
	values, err := store.GetMany(r, keys)
	if err != nil {
		return nil, err
	}
	for i, group := range groups {
		h, err := record.DecodeHeader(values[2*i+1])
		if err != nil || h.State != record.Live {
			continue // the check of the group reports damage
		}
		_, _, rest, _ := key.CutGroup(keys[2*i])
		_, id, _ := key.CutFile(rest)
		if values[2*i] == nil {
			v.found(FilesWhole, GroupID(group), "", fileEntry, "leads to no file (file %v)", id)
			continue
		}
		f, err := decodeFile(rest, values[2*i])
		if err != nil {
			v.unreadable(ViewsAgree, GroupID(group), "", recordName(key.Files), keys[2*i], err)
			continue
		}
		renamingOf(&h).swap(&f.Owner)
		files = append(files, placedFile{GroupID(group), &f})
	}
	return files, nil
}

// size compares a file with the size of its content, which it does not read.
func (v *verifier) size(ctx context.Context, f placedFile) error {
	return v.withContent(ctx, f.group, f.file, func(what string, content io.Reader) {
		s, ok := content.(io.Seeker)
		if !ok {
			return
		}
		if n, err := s.Seek(0, io.SeekEnd); err == nil && n != f.file.Size {
			v.found(FilesWhole, f.group, UserID(f.file.Owner), what, "has %d bytes instead of %d", n, f.file.Size)
		}
	})
}
