// Package promgroupkit gives the numbers of a [groupkit.Engine] to Prometheus.
//
// A [Collector] has two sources: the hooks of the engine, which are told of every call and of background work, and
// [groupkit.Engine.Stats], which it reads at each scrape. Neither reads the store.
//
//	metrics := promgroupkit.New(promgroupkit.Options{})
//	prometheus.MustRegister(metrics)
//
//	opts.Hooks = metrics.Hooks(opts.Hooks) // before opening
//	eng, err := groupkit.Open("guilds.db", &opts)
//	…
//	metrics.Observe(eng) // after opening
//
// The names of all metrics begin with groupkit_. docs/operations.md says under "Monitor" what each one
// means. No label has the name of a group or of a user: the number of series does not grow with the data.
//
//   - op is a [groupkit.Op], such as "add member".
//   - code is the [groupkit.Code] of the error, such as "group_full". It is "ok" for a call that
//     succeeded. Errors that are not from the engine are "canceled", "deadline_exceeded" or "other".
//   - task is a [groupkit.Task], such as "sweep"; its result is "ok", "failed", or "canceled" by Close.
//   - work is what background work is about: "content", "deletion", "load", "pseudonym" or "upload".
//
// Counters begin at 0 when an engine is opened, or when the Collector is made, as those of a process that was started
// again. Prometheus expects that.
//
// [Dashboard] is a dashboard for Grafana, and [Alerts] are rules for Prometheus. They are also the files dashboard.json and
// alerts.yaml beside the code. Both tell processes apart by the labels job and instance, which Prometheus adds, and databases by the label
// app, which [Options.Labels] can add.
package promgroupkit
