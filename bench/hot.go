package main

import "groupkit"

// hotOptions hold all memberships of the application in the cache.
func hotOptions(*app) *groupkit.Options { return kitOptions() }
