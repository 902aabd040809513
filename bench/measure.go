package main

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

// shuffle puts things into an order that is the same in every run.
func shuffle[T any](things []T) {
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(things), func(i, j int) { things[i], things[j] = things[j], things[i] })
}

// A lap is what one side gave in one round.
type lap struct {
	figure float64 // by the unit of the workload
	extra  float64 // a second figure: a percentile, or allocations
}

// A side is one of those that are compared.
type side struct {
	name string
	run  func() (lap, error)
}

// A series is what one side gave in all rounds.
type series []lap

func (s series) figures() []float64 {
	return collect(s, func(l lap) float64 { return l.figure })
}

func (s series) extras() []float64 {
	return collect(s, func(l lap) float64 { return l.extra })
}

func collect(s series, fn func(lap) float64) []float64 {
	out := make([]float64, len(s))
	for i, l := range s {
		out[i] = fn(l)
	}
	return out
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// ratio is the median of the ratios of the rounds.
func ratio(subject, rival []float64) float64 {
	ratios := make([]float64, len(subject))
	for i := range ratios {
		ratios[i] = subject[i] / rival[i]
	}
	return median(ratios)
}

// percentile is the value that the share p of all stays at or below.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[min(int(p*float64(len(s))), len(s)-1)]
}

// reading calls fn over and over, for about d or most times, and gives the nanoseconds
// of one call, and its allocations.
func reading(d time.Duration, most int, fn func(i int) error) (lap, error) {
	const stretch = 64
	before := mallocs()
	start := time.Now()
	done := 0
	for done < most && time.Since(start) < d {
		for range min(stretch, most-done) {
			if err := fn(done); err != nil {
				return lap{}, err
			}
			done++
		}
	}
	took := time.Since(start)
	return lap{float64(took) / float64(done), float64(mallocs()-before) / float64(done)}, nil
}

// readingBy is reading by several goroutines: the nanoseconds that one call takes the
// goroutine that makes it.
func readingBy(goroutines int, d time.Duration, most int, fn func(goroutine, i int) error) (lap, error) {
	laps := make([]lap, goroutines)
	err := together(goroutines, func(g int) (err error) {
		laps[g], err = reading(d, most, func(i int) error { return fn(g, i) })
		return err
	})
	var sum lap
	for _, l := range laps {
		sum.figure += l.figure / float64(goroutines)
		sum.extra += l.extra / float64(goroutines*goroutines) // each has counted those of all
	}
	return sum, err
}

// writing has callers call fn over and over for about d, and gives the calls per second
// of all together and the 99th percentile of their durations, in milliseconds.
func writing(callers int, d time.Duration, fn func(caller int) error) (lap, error) {
	took := make([][]time.Duration, callers)
	start := time.Now()
	err := together(callers, func(caller int) error {
		for time.Since(start) < d {
			began := time.Now()
			if err := fn(caller); err != nil {
				return err
			}
			took[caller] = append(took[caller], time.Since(began))
		}
		return nil
	})
	elapsed := time.Since(start)
	all := slices.Concat(took...)
	return lap{float64(len(all)) / elapsed.Seconds(), milliseconds(percentile(all, 0.99))}, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// together runs fn on so many goroutines and waits for all; the first error counts.
func together(n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// mallocs is how many objects have been allocated so far.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
