package variables

type rule struct {
	name  string
	apply func(int) int
}

var table = map[string][]*rule{"double": {{"double", double}}}["double"]
