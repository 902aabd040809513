package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"groupkit"
)

const postgresSchema = `
CREATE TABLE groups (
	id text PRIMARY KEY, name text, description text, avatar text, owner text,
	public bool, members_only bool, allow_invites bool, confirm bool, quiet bool,
	max_users int, members int, admins int, created bigint, modified bigint, version bigint
);
CREATE TABLE standings (
	group_id text COLLATE "C", user_id text COLLATE "C", role int, joined bigint, muted_until bigint, PRIMARY KEY (group_id, user_id)
);
CREATE INDEX standings_by_user ON standings (user_id, group_id);
CREATE TABLE users (id text PRIMARY KEY, groups int);
CREATE TABLE events (group_id text, version bigint, event bytea, PRIMARY KEY (group_id, version));
CREATE TABLE commits (number bigint PRIMARY KEY, group_id text, version bigint);`

const (
	postgresSpeak = `SELECT g.quiet, s.role, s.muted_until FROM groups g JOIN standings s ON s.group_id = g.id AND s.user_id = $2 WHERE g.id = $1`
	postgresPage  = `SELECT user_id, role, joined FROM standings WHERE group_id = $1 ORDER BY user_id LIMIT 100`
	postgresOwn   = `SELECT g.id, name, description, avatar, owner, public, members_only, allow_invites, confirm, quiet,
		max_users, members, admins, created, modified, version
		FROM standings s JOIN groups g ON g.id = s.group_id WHERE s.user_id = $1 ORDER BY s.group_id LIMIT 500`

	// One statement is one round trip and one transaction. It fails, and changes
	// nothing, by a division by zero if the user is in too many groups.
	postgresJoin = `
		WITH grown AS (
			UPDATE groups SET members = members + 1, version = version + 1, modified = $3
			WHERE id = $1 AND members < max_users AND NOT members_only RETURNING version
		), entered AS (
			INSERT INTO standings SELECT $1, $2, 1, $3, 0 FROM grown
		), counted AS (
			INSERT INTO users SELECT $2, 1 FROM grown
			ON CONFLICT (id) DO UPDATE SET groups = users.groups + 1 / (users.groups < 500)::int
		)
		INSERT INTO events SELECT $1, version, $4 FROM grown`
)

// A postgres is a PostgreSQL server of the benchmark's own, with its settings as they
// come, reached over the loopback interface.
type postgres struct {
	app  *app
	pool *pgxpool.Pool
}

// postgres is PostgreSQL with the application in it, or nil where it is not installed
// or does not start.
func (r *run) postgres(a *app) (*postgres, error) {
	at, err := r.database()
	if at == "" {
		return nil, err
	}
	p, err := openPostgres(context.Background(), a, at, r.callers)
	if err != nil {
		return nil, err
	}
	r.say("filling PostgreSQL with %d memberships", a.memberships)
	return p, p.seed()
}

func openPostgres(ctx context.Context, a *app, url string, callers int) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(callers)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, postgresSchema)
	return &postgres{a, pool}, err
}

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

func (p *postgres) maySpeak(group, user int) (bool, error) {
	var quiet bool
	var role int
	var until int64
	err := p.pool.QueryRow(context.Background(), postgresSpeak, string(p.app.group(group)), string(p.app.user(user))).Scan(&quiet, &role, &until)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	muted := until != 0 && time.Now().UnixMilli() < until
	return !muted && (!quiet || role >= int(groupkit.RoleAdmin)), err
}

func (p *postgres) page(group int) ([]groupkit.Member, error) {
	rows, err := p.pool.Query(context.Background(), postgresPage, string(p.app.group(group)))
	if err != nil {
		return nil, err
	}
	members := make([]groupkit.Member, 0, groupSize)
	var user string
	var role int
	var joined int64
	_, err = pgx.ForEachRow(rows, []any{&user, &role, &joined}, func() error {
		members = append(members, groupkit.Member{User: groupkit.UserID(user), Role: groupkit.Role(role), Joined: time.UnixMilli(joined).UTC()})
		return nil
	})
	return members, err
}

func (p *postgres) joined(user int) ([]groupkit.Group, error) {
	rows, err := p.pool.Query(context.Background(), postgresOwn, string(p.app.user(user)))
	if err != nil {
		return nil, err
	}
	groups := make([]groupkit.Group, 0, travels)
	var g groupkit.Group
	var id, owner string
	var created, modified int64
	_, err = pgx.ForEachRow(rows, []any{&id, &g.Name, &g.Description, &g.Avatar, &owner, &g.Public, &g.MembersOnly, &g.AllowInvites,
		&g.InviteNeedConfirm, &g.Muted, &g.MaxUsers, &g.MemberCount, &g.AdminCount, &created, &modified, &g.Version}, func() error {
		g.ID, g.Owner = groupkit.GroupID(id), groupkit.UserID(owner)
		g.Created, g.LastModified = time.UnixMilli(created).UTC(), time.UnixMilli(modified).UTC()
		groups = append(groups, g)
		return nil
	})
	return groups, err
}

func (p *postgres) join(group, user int) error {
	name, now := string(p.app.user(user)), time.Now().UnixMilli()
	tag, err := p.pool.Exec(context.Background(), postgresJoin, string(p.app.group(group)), name, now, rawCall(name, now))
	if err == nil && tag.RowsAffected() == 0 {
		err = errRefused
	}
	return err
}

// seed copies the application's rows in.
func (p *postgres) seed() error {
	ctx := context.Background()
	var groups, standings, users [][]any
	keep := func(rows *[][]any) table {
		return func(values ...any) error {
			*rows = append(*rows, values)
			return nil
		}
	}
	if err := seedTables(p.app, keep(&groups), keep(&standings), keep(&users)); err != nil {
		return err
	}
	for _, t := range []struct {
		name    string
		columns []string
		rows    [][]any
	}{
		{"groups", []string{"id", "name", "description", "avatar", "owner", "public", "members_only", "allow_invites", "confirm",
			"quiet", "max_users", "members", "admins", "created", "modified", "version"}, groups},
		{"standings", []string{"group_id", "user_id", "role", "joined", "muted_until"}, standings},
		{"users", []string{"id", "groups"}, users},
	} {
		if _, err := p.pool.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return err
		}
	}
	_, err := p.pool.Exec(ctx, "ANALYZE")
	return err
}
