package main

import "groupkit"

// hotOptions hold all memberships of the application in the cache.
func hotOptions(a *app) *groupkit.Options {
	o := kitOptions()
	o.CacheBytes = max(64<<20, 256*a.memberships)
	return o
}
