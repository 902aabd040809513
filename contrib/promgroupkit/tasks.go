package promgroupkit

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"groupkit"
)

// taskBuckets are the upper bounds in seconds for the durations of background work, from 1 ms to an hour.
var taskBuckets = []float64{1e-3, 0.01, 0.1, 1, 10, 60, 600, 3600}

// knownTasks are the kinds of background work that hooks are told of. Their counters are 0 from the
// beginning: Prometheus sees no increase in a counter that begins at 1.
var knownTasks = []groupkit.Task{
	groupkit.TaskResume, groupkit.TaskCare, groupkit.TaskSweep, groupkit.TaskRetention, groupkit.TaskContents,
	groupkit.TaskCount, groupkit.TaskFollow, groupkit.TaskLoad,
}

// operatorErrors are the errors that whoever runs the program has to look into. Callers cause all others.
var operatorErrors = []error{groupkit.ErrStorage, groupkit.ErrCorrupt, groupkit.ErrUnknownOutcome, groupkit.ErrClock}

// Values of the label result.
const (
	resultOK       = "ok"
	resultFailed   = "failed"
	resultCanceled = "canceled" // by Close
)

// tasks are the metrics of what Hooks.Task is told.
type tasks struct {
	total     *prometheus.CounterVec
	durations *prometheus.HistogramVec
}

func newTasks(labels prometheus.Labels) tasks {
	return tasks{
		total: newCounters(labels, "groupkit_tasks_total",
			"Pieces of background work that have ended, by kind and result. What has failed is tried again; the log has the errors.", "task", "result"),
		durations: newHistograms(labels, "groupkit_task_duration_seconds",
			"How long pieces of background work took, by kind.", taskBuckets, "task"),
	}
}

func (t *tasks) all() []prometheus.Collector {
	return []prometheus.Collector{t.total, t.durations}
}

func (t *tasks) describe(descs chan<- *prometheus.Desc) {
	for _, m := range t.all() {
		m.Describe(descs)
	}
}

func (t *tasks) collect(metrics chan<- prometheus.Metric) {
	for _, m := range t.all() {
		m.Collect(metrics)
	}
}

// begin makes the counters of all known tasks, with 0.
func (t *tasks) begin() {
	for _, task := range knownTasks {
		t.total.WithLabelValues(string(task), resultOK)
		t.total.WithLabelValues(string(task), resultFailed)
	}
}

func (t *tasks) count(info groupkit.TaskInfo) {
	t.total.WithLabelValues(string(info.Task), resultOf(info.Err)).Inc()
	t.durations.WithLabelValues(string(info.Task)).Observe(info.Duration.Seconds())
}

func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, context.Canceled):
		return resultCanceled
	}
	return resultFailed
}

// hookTask returns a hook that counts background work and then calls next, if there is one.
func (c *Collector) hookTask(next func(groupkit.TaskInfo)) func(groupkit.TaskInfo) {
	return func(info groupkit.TaskInfo) {
		c.tasks.count(info)
		c.countFailure(info.Code)
		if next != nil {
			next(info)
		}
	}
}

// newFailures returns the counters of the errors for the operator, which calls and background work have in common.
func newFailures(labels prometheus.Labels) *prometheus.CounterVec {
	return newCounters(labels, "groupkit_failures_total",
		"Calls and pieces of background work that failed with an error that the operator has to look into, by its code.", "code")
}

// beginFailures makes the counters of all these errors, with 0.
func beginFailures(failures *prometheus.CounterVec) {
	for _, err := range operatorErrors {
		failures.WithLabelValues(groupkit.Code(err))
	}
}

func (c *Collector) countFailure(code string) {
	for _, err := range operatorErrors {
		if code != "" && code == groupkit.Code(err) {
			c.failures.WithLabelValues(code).Inc()
		}
	}
}
