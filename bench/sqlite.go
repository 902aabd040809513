package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	_ "modernc.org/sqlite"

	"groupkit"
)

const sqliteSchema = `
CREATE TABLE groups (
	id TEXT PRIMARY KEY, name TEXT, description TEXT, avatar TEXT, owner TEXT,
	public INT, members_only INT, allow_invites INT, confirm INT, quiet INT,
	max_users INT, members INT, admins INT, created INT, modified INT, version INT
) WITHOUT ROWID;
CREATE TABLE standings (
	group_id TEXT, user_id TEXT, role INT, joined INT, muted_until INT, PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX standings_by_user ON standings (user_id, group_id);
CREATE TABLE users (id TEXT PRIMARY KEY, groups INT) WITHOUT ROWID;
CREATE TABLE events (
	group_id TEXT, version INT, event BLOB, PRIMARY KEY (group_id, version)
) WITHOUT ROWID;`

const (
	sqliteSpeak = `SELECT g.quiet, s.role, s.muted_until FROM groups g JOIN standings s ON s.group_id = g.id AND s.user_id = ?2 WHERE g.id = ?1`
	sqlitePage  = `SELECT user_id, role, joined FROM standings WHERE group_id = ? ORDER BY user_id LIMIT 100`
	sqliteOwn   = `SELECT g.id, name, description, avatar, owner, public, members_only, allow_invites, confirm, quiet,
		max_users, members, admins, created, modified, version
		FROM standings s JOIN groups g ON g.id = s.group_id WHERE s.user_id = ? ORDER BY s.group_id LIMIT 500`
	sqliteGrow = `UPDATE groups SET members = members + 1, version = version + 1, modified = ?2
		WHERE id = ?1 AND members < max_users AND NOT members_only RETURNING version`
	sqliteCount = `INSERT INTO users VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET groups = groups + 1 WHERE groups < 500`
	sqliteJoin  = `INSERT INTO standings VALUES (?, ?, 1, ?, 0)`
	sqliteEvent = `INSERT INTO events VALUES (?, ?, ?)`
)

// A sqlite is SQLite in WAL mode with every commit synced: one connection writes, any
// number read.
type sqlite struct {
	app                      *app
	write, read              *sql.DB
	speak, list, own         *sql.Stmt
	grow, count, enter, note *sql.Stmt
}

func openSQLite(a *app, path, synchronous string) (*sqlite, error) {
	dsn := "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")&_pragma=busy_timeout(10000)&_txlock=immediate"
	s := &sqlite{app: a}
	var err error
	if s.write, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	if s.read, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	s.read.SetMaxIdleConns(8)
	return s, s.prepare()
}

func (s *sqlite) prepare() (err error) {
	var made int
	if err := s.write.QueryRow(`SELECT count(*) FROM sqlite_master`).Scan(&made); err != nil {
		return err
	}
	if made == 0 {
		if _, err := s.write.Exec(sqliteSchema); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.speak, s.read, sqliteSpeak}, {&s.list, s.read, sqlitePage}, {&s.own, s.read, sqliteOwn},
		{&s.grow, s.write, sqliteGrow}, {&s.count, s.write, sqliteCount}, {&s.enter, s.write, sqliteJoin}, {&s.note, s.write, sqliteEvent},
	} {
		if *p.stmt, err = p.db.Prepare(p.text); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlite) close() error { return errors.Join(s.read.Close(), s.write.Close()) }

func (s *sqlite) maySpeak(group, user int) (bool, error) {
	var quiet bool
	var role groupkit.Role
	var until int64
	err := s.speak.QueryRow(string(s.app.group(group)), string(s.app.user(user))).Scan(&quiet, &role, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	muted := until != 0 && time.Now().UnixMilli() < until
	return !muted && (!quiet || role >= groupkit.RoleAdmin), err
}

func (s *sqlite) page(group int) (members []groupkit.Member, err error) {
	rows, err := s.list.Query(string(s.app.group(group)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	members = make([]groupkit.Member, 0, groupSize)
	for rows.Next() {
		var m groupkit.Member
		var joined int64
		if err := rows.Scan(&m.User, &m.Role, &joined); err != nil {
			return nil, err
		}
		m.Joined = time.UnixMilli(joined).UTC()
		members = append(members, m)
	}
	return members, rows.Err()
}

func (s *sqlite) joined(user int) (groups []groupkit.Group, err error) {
	rows, err := s.own.Query(string(s.app.user(user)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	groups = make([]groupkit.Group, 0, travels)
	for rows.Next() {
		var g groupkit.Group
		var created, modified int64
		if err := rows.Scan(&g.ID, &g.Name, &g.Description, &g.Avatar, &g.Owner, &g.Public, &g.MembersOnly, &g.AllowInvites,
			&g.InviteNeedConfirm, &g.Muted, &g.MaxUsers, &g.MemberCount, &g.AdminCount, &created, &modified, &g.Version); err != nil {
			return nil, err
		}
		g.Created, g.LastModified = time.UnixMilli(created).UTC(), time.UnixMilli(modified).UTC()
		groups = append(groups, g)
	}
	return groups, rows.Err()
}

func (s *sqlite) join(group, user int) (err error) {
	tx, err := s.write.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	id, name, now := string(s.app.group(group)), string(s.app.user(user)), time.Now().UnixMilli()
	var version int64
	if err := tx.Stmt(s.grow).QueryRow(id, now).Scan(&version); err != nil {
		return err
	}
	counted, err := tx.Stmt(s.count).Exec(name)
	if err != nil {
		return err
	}
	if n, err := counted.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errRefused, err)
	}
	if _, err := tx.Stmt(s.enter).Exec(id, name, now); err != nil {
		return err
	}
	if _, err := tx.Stmt(s.note).Exec(id, version, rawCall(name, now)); err != nil {
		return err
	}
	return tx.Commit()
}
