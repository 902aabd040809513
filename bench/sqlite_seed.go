package main

import (
	"time"

	"groupkit"
)

// A table receives rows.
type table func(values ...any) error

// seedTables gives the application's groups, standings and users, row by row: what
// rivals with tables begin with.
func seedTables(a *app, groups, standings, users table) error {
	now := time.Now().UnixMilli()
	counts := make([]int, a.people())
	for group := range a.ids {
		owner := a.user(a.member(group, 0))
		err := groups(string(a.group(group)), a.name(group), a.description(group), a.avatar(group), string(owner),
			true, false, false, true, a.quiet(group), roomy, a.size(group), 0, now, now, 2)
		if err != nil {
			return err
		}
		for j := range a.size(group) {
			user := a.member(group, j)
			role, until := groupkit.RoleMember, int64(0)
			switch {
			case j == 0:
				role = groupkit.RoleOwner
			case j == mutedPlace:
				until = forGood.UnixMilli()
			}
			if err := standings(string(a.group(group)), string(a.user(user)), int(role), now, until); err != nil {
				return err
			}
			counts[user]++
		}
	}
	for user, n := range counts {
		if n == 0 {
			continue
		}
		if err := users(string(a.user(user)), n); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlite) seed() error {
	tx, err := s.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := func(text string) (table, error) {
		stmt, err := tx.Prepare(text)
		return func(values ...any) error {
			_, err := stmt.Exec(values...)
			return err
		}, err
	}
	groups, err := insert(`INSERT INTO groups VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`)
	if err != nil {
		return err
	}
	standings, err := insert(`INSERT INTO standings VALUES (?,?,?,?,?)`)
	if err != nil {
		return err
	}
	users, err := insert(`INSERT INTO users VALUES (?,?)`)
	if err != nil {
		return err
	}
	if err := seedTables(s.app, groups, standings, users); err != nil {
		return err
	}
	return tx.Commit()
}
