// Gold is a game that keeps its purses and its guilds in one bbolt file. To join a guild
// costs gold. One transaction takes the gold and adds the member, so that both happen or
// neither. The game also reads and writes its own bucket with the API of bbolt. The
// engine's bucket belongs to the engine alone.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"groupkit"
	"groupkit/store"
	"groupkit/store/boltstore"
	"groupkit/store/fileblob"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "groupkit-gold-")
	if err != nil {
		log.Fatal(err)
	}
	err = play(context.Background(), filepath.Join(dir, "game.db"), os.Stdout)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
}

const (
	purses = "purses" // the game's bucket
	fee    = 50
	chest  = "the chest"
)

var errPoor = errors.New("not enough gold")

// A game is one file with purses and guilds.
type game struct {
	db    *bolt.DB
	eng   *groupkit.Engine
	guild groupkit.GroupID
	out   io.Writer
}

func play(ctx context.Context, path string, out io.Writer) (err error) {
	g := &game{out: out}
	if g.db, err = bolt.Open(path, 0o600, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.db.Close()) }()
	s, err := boltstore.New(g.db)
	if err != nil {
		return err
	}
	if g.eng, err = groupkit.New(s, fileblob.New(path+".files"), nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.eng.Close()) }()
	for _, act := range []func(context.Context) error{g.found, g.open, g.brawl, g.count} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// found fills the purses and creates a guild with MaxUsers 3.
func (g *game) found(ctx context.Context) error {
	err := g.db.Update(func(tx *bolt.Tx) error { // the game's own transaction, with the API of bbolt
		b, err := tx.CreateBucketIfNotExists([]byte(purses))
		if err != nil {
			return err
		}
		return errors.Join(
			b.Put([]byte("bob"), encode(120)), b.Put([]byte("carol"), encode(30)),
			b.Put([]byte("dave"), encode(80)), b.Put([]byte("mallory"), encode(500)),
		)
	})
	if err != nil {
		return err
	}
	guild, err := g.eng.As("alice").CreateGroup(ctx, groupkit.NewGroup{Name: "Night Watch", Public: true, MaxUsers: 3})
	g.guild = guild.ID
	g.say("alice founds %q, with room for %d. To become a member costs %d gold.", guild.Name, guild.MaxUsers, fee)
	return err
}

// open lets some users join. Some of them have too little gold or are refused.
func (g *game) open(ctx context.Context) error {
	if err := g.eng.System().AddMember(ctx, g.guild, "mallory"); err != nil {
		return err
	}
	if _, err := g.eng.As("alice").Because("picked pockets").Block(ctx, g.guild, groupkit.Forever, "mallory"); err != nil {
		return err
	}
	g.say("mallory is blocked, for she picks pockets.\n")
	for _, u := range []groupkit.UserID{"bob", "carol", "mallory", "bob"} {
		if err := g.admit(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// admit takes the fee and lets the user join: both or neither.
func (g *game) admit(ctx context.Context, u groupkit.UserID) error {
	err := g.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		if err := move(tx, string(u), chest, fee); err != nil {
			return err
		}
		_, err := tx.As(u).Because("paid the fee").Join(ctx, g.guild)
		return err // an error here also cancels the payment
	})
	var refused *groupkit.Error
	switch {
	case err == nil:
		g.say("%s pays and is admitted.", u)
	case errors.Is(err, errPoor):
		g.say("%s cannot pay: %v.", u, err)
	case errors.As(err, &refused):
		g.say("%s has paid, but is refused (%v), so the gold is back.", u, refused.Err)
	default:
		return err
	}
	return g.purse(ctx, string(u))
}

// brawl removes bob and lets dave join in his place, in one transaction.
func (g *game) brawl(ctx context.Context) error {
	g.say("\ndave challenges bob for his place.")
	err := g.eng.Atomic(ctx, func(tx *groupkit.Tx) error {
		if err := tx.As("alice").Because("lost a duel").RemoveMember(ctx, g.guild, "bob"); err != nil {
			return err
		}
		if err := move(tx, chest, "bob", fee/2); err != nil {
			return err
		}
		if err := move(tx, "dave", chest, fee); err != nil {
			return err
		}
		_, err := tx.As("dave").Join(ctx, g.guild)
		return err
	})
	if err != nil {
		return err
	}
	g.say("bob goes with half of his fee, dave pays and comes in: one transaction.")
	return nil
}

// count reads the purses with the API of bbolt, and the roles from the engine.
func (g *game) count(ctx context.Context) error {
	g.say("\nIn the end:")
	var names []string
	gold := make(map[string]uint64)
	err := g.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(purses)).ForEach(func(name, value []byte) error {
			names, gold[string(name)] = append(names, string(name)), decode(value)
			return nil
		})
	})
	if err != nil {
		return err
	}
	total := uint64(0)
	for _, name := range names {
		role, err := g.eng.System().Role(ctx, g.guild, groupkit.UserID(name))
		if err != nil {
			return err
		}
		g.say("  %-9s %3d gold, %v", name, gold[name], role)
		total += gold[name]
	}
	g.say("That is %d gold, as many as there were.", total)
	return nil
}

// purse reads one purse through the engine.
func (g *game) purse(ctx context.Context, name string) error {
	return g.eng.Bucket(ctx, purses, func(r store.Reader) error {
		value, _, err := r.Get([]byte(name))
		g.say("  %s has %d gold.", name, decode(value))
		return err
	})
}

// move moves gold from one purse to another, within the transaction.
func move(tx *groupkit.Tx, from, to string, amount uint64) error {
	b, err := tx.Bucket(purses)
	if err != nil {
		return err
	}
	payer, _, err := b.Get([]byte(from))
	if err != nil {
		return err
	}
	if decode(payer) < amount {
		return fmt.Errorf("%w (%d of %d)", errPoor, decode(payer), amount)
	}
	if err := b.Put([]byte(from), encode(decode(payer)-amount)); err != nil {
		return err
	}
	payee, _, err := b.Get([]byte(to))
	if err != nil {
		return err
	}
	return b.Put([]byte(to), encode(decode(payee)+amount))
}

func encode(gold uint64) []byte { return binary.BigEndian.AppendUint64(nil, gold) }

// decode is the inverse of encode. A value that does not exist is 0 gold.
func decode(value []byte) uint64 {
	if len(value) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

func (g *game) say(format string, args ...any) { fmt.Fprintf(g.out, format+"\n", args...) }
