package promgroupkit

import _ "embed"

//go:embed dashboard.json
var dashboard string

//go:embed alerts.yaml
var alerts string

// Dashboard returns the dashboard for Grafana, as JSON: the file dashboard.json of this package, for programs that provision
// Grafana.
func Dashboard() string { return dashboard }

// Alerts returns the alerting rules for Prometheus, as YAML: the file alerts.yaml of this package.
func Alerts() string { return alerts }
