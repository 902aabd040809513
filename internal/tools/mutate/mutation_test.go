package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	t.Parallel()
	all, err := parse("a remark\n\n# sum is wrong\nfile a.go\n- return a + b\n+ return a - b\ntest ./x TestSum\n")
	require.NoError(t, err)
	require.Equal(t, []mutation{{"sum is wrong", "a.go", "return a + b\n", "return a - b\n", "./x", "TestSum"}}, all)

	for name, text := range map[string]string{
		"no file":     "# m\n- a\ntest . X\n",
		"no old text": "# m\nfile a.go\n+ a\ntest . X\n",
		"no tests":    "# m\nfile a.go\n- a\ntest .\n",
		"nonsense":    "# m\nfile a.go\n- a\ntest . X\nwhat\n",
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

// A module whose one function has a test, and what becomes of mutations of it.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	for name, text := range map[string]string{
		"go.mod":      "module sum\n\ngo 1.26.0\n",
		"sum.go":      "package sum\n\nfunc Sum(a, b int) int {\n\treturn a + b\n}\n",
		"sum_test.go": "package sum\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc TestNothing(t *testing.T) {}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	try := func(test, replacement string) error {
		list := "# m\nfile sum.go\n- return a + b\n+ " + replacement + "\ntest . " + test + "\n"
		require.NoError(t, os.WriteFile("list", []byte(list), 0o600))
		return run("list", "", false)
	}
	require.NoError(t, try("TestSum", "return a - b"))
	require.Error(t, try("TestNothing", "return a - b"), "the tests do not catch it")
	require.Error(t, try("TestSum", "return b + a"), "nothing is broken")
	require.Error(t, try("TestSum", "return a +"), "it does not compile")
	require.Error(t, try("TestOther", "return a - b"), "there is no such test")
	require.Error(t, run("list", "another", false), "no mutation has the name")
}
