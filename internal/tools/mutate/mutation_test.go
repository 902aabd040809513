package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	all, err := parse("a remark\n\n# sum is wrong\nfile a.go\n- return a + b\n+ return a - b\ntest ./x TestSum\n")
	require.NoError(t, err)
	require.Equal(t, []mutation{{
		name: "sum is wrong", file: "a.go", old: "return a + b\n", new: "return a - b\n", pkg: "./x", tests: "TestSum",
	}}, all)

	for name, text := range map[string]string{
		"no file":     "# m\n- a\ntest . X\n",
		"no old text": "# m\nfile a.go\n+ a\ntest . X\n",
		"no tests":    "# m\nfile a.go\n- a\ntest .\n",
		"nonsense":    "# m\nfile a.go\n- a\ntest . X\nwhat\n",
		"two names":   "# m\nfile a.go\n- a\ntest . X\n# m\nfile a.go\n- b\ntest . X\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(text)
			require.Error(t, err)
		})
	}
}

func TestMutation_apply(t *testing.T) {
	t.Parallel()
	const source = "if a {\n\treturn 1\n}\nif b {\n\treturn 2\n}\n"
	m := mutation{file: "a.go", old: "if a {\nreturn 1\n", new: "if !a {\nreturn 1\n"}
	out, err := m.apply(source)
	require.NoError(t, err)
	require.Equal(t, "if !a {\nreturn 1\n}\nif b {\n\treturn 2\n}\n", out)

	m = mutation{file: "a.go", old: "return 2\n"}
	out, err = m.apply(source)
	require.NoError(t, err)
	require.Equal(t, "if a {\n\treturn 1\n}\nif b {\n}\n", out)

	_, err = (&mutation{file: "a.go", old: "}\n"}).apply(source)
	require.ErrorContains(t, err, "lines 3 and 6")
	_, err = (&mutation{file: "a.go", old: "return 3\n"}).apply(source)
	require.ErrorContains(t, err, "does not occur")
}

const sum = `package sum

import "strings"

type number struct{ n int }

const zero = 0

var weights = [...]int{
	1,
	1,
}

var start = strings.Count("", "x")

func (x *number) add(all ...int) {
	for _, n := range all {
		x.n += n
	}
}

func ignored(int) int { return zero }

// Sum adds two numbers.
func Sum(a, b int) (n int) {
	x := number{start}
	x.add(weights[0]*a, weights[1]*b)
	n = x.n
	return n + ignored(a)
}
`

const sumTest = `package sum

import "testing"

func TestSum(t *testing.T) {
	if Sum(1, 2) != 3 {
		t.Fatal()
	}
}

func TestNothing(t *testing.T) {}
`

// A module whose one function has a test, and the results of mutations of it.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	for name, text := range map[string]string{
		"go.mod": "module sum\n\ngo 1.26.0\n", "sum.go": sum, "sum_test.go": sumTest,
		"wrong/sum.go": sum, "wrong/sum_test.go": sumTest + "\nfunc TestWrong(t *testing.T) { t.Fatal() }\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	list := func(blocks ...string) error {
		require.NoError(t, os.WriteFile("list", []byte(strings.Join(blocks, "\n")), 0o600))
		return run("list", "", false)
	}
	result := func(to string) string { return "# " + to + "\nfile sum.go\n- n = x.n\n+ " + to + "\n" }
	variable := func(a, b string) string {
		return "# variable " + a + b + "\nfile sum.go\n- 1,\n- 1,\n+ " + a + ",\n+ " + b + ",\ntest . TestSum"
	}
	const method = "# method\nfile sum.go\n- x.n += n\n+ x.n -= n\ntest . TestSum"

	require.NoError(t, list(
		result("n = x.n + 1")+"test . TestSum", result("n = x.n + 2")+"test . TestSum|TestNothing", method,
		variable("2", "1"), variable("1", "2"), variable("2", "2"),
		"# constant\nfile sum.go\n- const zero = 0\n+ const zero = 1\ntest . TestSum",
		"# call\nfile sum.go\n- var start = strings.Count(\"\", \"x\")\n+ var start = strings.Count(\"x\", \"x\")\ntest . TestSum",
		"# parameter\nfile sum.go\n- func ignored(int) int { return zero }\n+ func ignored(int) int { return 1 }\ntest . TestSum"))

	require.ErrorContains(t, list(result("n = x.n + 1")+"test . TestNothing"), "1 of 1 not caught", "the tests do not catch it")
	require.ErrorContains(t, list(variable("2", "1"), variable("1", "1"), variable("1", "2")), "1 of 3 not caught", "nothing is broken")
	require.ErrorContains(t, list(result("n = 0 + x.n")+"test . TestSum", method), "1 of 2 not caught", "nothing is broken")
	require.ErrorContains(t, list(result("n = x.n + 1")+"test . TestOther"), "1 of 1 not caught", "there is no such test")
	require.ErrorContains(t, list(result("n = x.n +")+"test . TestSum"), "does not compile")
	require.ErrorContains(t, list(result("n = unknown")+"test . TestSum"), "does not compile")
	require.ErrorContains(t, list(result("n = x.n + 1")+"test ./wrong TestWrong"), "fail without a mutation")
	require.ErrorContains(t, run("list", "another", false), "none matches")
}
