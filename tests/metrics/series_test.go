package metrics_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/stretchr/testify/require"
)

// parse returns series with a sample a minute, and the time of the last one.
func parse(t *testing.T, all map[string]series, text string) (storage.Queryable, time.Time) {
	t.Helper()
	var list []storage.Series
	var end time.Time
	for line := range strings.Lines(text) {
		lset, values, err := promQL.ParseSeriesDesc(strings.TrimSpace(line))
		require.NoError(t, err, line)
		require.Contains(t, all, lset.Get(model.MetricNameLabel))
		b := labels.NewBuilder(lset).Set("job", "guilds")
		if lset.Get("instance") == "" {
			b.Set("instance", "a")
		}
		var samples []chunks.Sample
		for minute, v := range values {
			samples = append(samples, sample{int64(minute) * time.Minute.Milliseconds(), v.Value})
		}
		list = append(list, storage.NewListSeries(b.Labels(), samples))
		end = time.Unix(int64(len(values)-1)*60, 0)
	}
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{
		SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
			var some []storage.Series
			for _, s := range list {
				if matches(s.Labels(), matchers) {
					some = append(some, s)
				}
			}
			return &seriesSet{left: some}
		},
	}}, end
}

func matches(lset labels.Labels, matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(lset.Get(m.Name)) })
}

// A seriesSet hands out series one by one.
type seriesSet struct {
	left []storage.Series
	at   storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.left) == 0 {
		return false
	}
	s.at, s.left = s.left[0], s.left[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// A sample is a number at a time in milliseconds.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
