package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// The test binary is also the child process of a workload.
func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		beChild(task, os.Stdin, os.Stdout)
		return
	}
	os.Exit(m.Run())
}

// Every workload runs through at a size at which its figures mean nothing.
func TestWorkloads(t *testing.T) {
	r := newRun(tinyConfig, t.TempDir(), progress(t))
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	for _, w := range workloads {
		before := len(r.rows)
		if err := w.run(r); err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		if len(r.rows) == before && (r.server != nil || !strings.HasPrefix(w.name, "shared-")) {
			t.Errorf("%s has no rows", w.name)
		}
		r.clean()
	}
	if r.noServer != nil {
		t.Logf("without PostgreSQL: %v", r.noServer)
	}
	var table, markdown, chart strings.Builder
	for _, err := range []error{
		writeTable(&table, r.rows), writeMarkdown(&markdown, []string{"a machine"}, r.rows), writeChart(&chart, r.rows),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{table.String(), markdown.String(), chart.String()} {
		if !strings.Contains(text, "durable join, 1 caller") {
			t.Errorf("no joins in\n%s", text)
		}
	}
	if got := len(panels(r.rows)); got != len(charted) {
		t.Errorf("the chart shows %d works, not %d", got, len(charted))
	}
	t.Log("\n" + table.String())
}

// progress writes to the log of the test.
type testLog struct{ *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func progress(t *testing.T) io.Writer { return testLog{t} }

func TestCommand(t *testing.T) {
	if err := command([]string{"-only", "nothing"}, io.Discard, io.Discard); err == nil {
		t.Error("an unknown workload is no error")
	}
}
