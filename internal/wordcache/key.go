package wordcache

import "hash/maphash"

// A Key is a group, or a user in a group: the hashes of both ids, two times 64 bits, under
// seeds that belong to one Cache. It does not hold on to the ids.
//
// A bucket does not keep the key but a tag of 58 bits, which does not depend on where the
// entry stands. A key that is looked up and not there is compared with 14 entries at most,
// so it is taken for another one with a probability of 14/2^58: once in 2·10^16 keys.
// Without the seeds, such a key cannot be searched for.
type Key struct{ group, user uint64 }

// Key is the key of a group.
func (c *Cache) Key(group string) Key {
	return Key{maphash.String(c.groupSeed, group), 0}
}

// UserKey is the key of a user in the group.
func (c *Cache) UserKey(group Key, user string) Key {
	return Key{group.group, maphash.String(c.userSeed, user) | 1}
}

func (k Key) isGroup() bool { return k.user == 0 }

// position and tag follow from both hashes, each in its own way. One factor is even: so two
// keys that have the same position and the same tag, to the last bit, are the same.
func (k Key) position() uint64 { return k.group + k.user*0x9e3779b97f4a7c15 }

func (k Key) tag() uint64 {
	return (k.user+k.group*0xd6e8feb86659fd94)&^(1<<StateBits-1) | Known
}
