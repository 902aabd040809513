package main

import "groupkit"

// hotOptions hold all memberships of the application in the cache. Those take 12 to 24
// bytes each; a quarter of the room is for the refusals, of which six in a hundred
// memberships have one of up to 384 bytes, and is to be three times what those take.
func hotOptions(a *app) *groupkit.Options {
	o := kitOptions()
	o.CacheBytes = max(64<<20, 256*a.memberships)
	return o
}
