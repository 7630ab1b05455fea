package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"pixtral-wgpu/eval"
)

// score writes a score as people do: per cent, or the rating itself.
func score(m eval.Metric, v float64) string {
	if m.Most == 1 {
		return fmt.Sprintf("%.1f", 100*v)
	}
	return fmt.Sprintf("%.2f", v)
}

func interval(m eval.Metric, v eval.Mean) string {
	return score(m, v.Low) + " – " + score(m, v.High)
}

func printResult(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "%s, %s: %s\n", r.Task.Name, plural(r.Metrics[0].Mean.N, "item"), r.Header.Model)
	if r.Header.Judge != "" {
		fmt.Fprintf(w, "judged by %s\n", r.Header.Judge)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range r.Metrics {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Metric.Name, score(s.Metric, s.Mean.Value), interval(s.Metric, s.Mean), s.Metric.About)
		if i > 0 {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
			for _, value := range slices.Sorted(maps.Keys(s.Groups[name])) {
				m := s.Groups[name][value]
				fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", value, score(s.Metric, m.Value), interval(s.Metric, m), plural(m.N, "item"))
			}
		}
	}
	for _, k := range r.Task.Known() {
		fmt.Fprintf(t, "%s\t%g\t\t%s\n", k.Who, k.Value, k.Where)
	}
	t.Flush()
	if r.Cut > 0 {
		fmt.Fprintf(w, "%s cut at the longest that the protocol allows\n", plural(r.Cut, "answer"))
	}
}

func printComparison(w io.Writer, c *eval.Comparison) {
	fmt.Fprintf(w, "A  %s\nB  %s\n%s of %s in both", c.A.Model, c.B.Model, plural(c.Pairs, "item"), c.A.Task)
	if c.OnlyA+c.OnlyB > 0 {
		fmt.Fprintf(w, ", %d only in A and %d only in B are left out", c.OnlyA, c.OnlyB)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "metric\tA\tB\tB − A\t95 % interval\tbetter\tworse")
	for _, m := range c.Changes {
		signed := func(v float64) string {
			text := score(m.Metric, v)
			switch {
			case strings.Trim(text, "-0.") == "":
				return strings.TrimPrefix(text, "-") // no change that shows
			case v > 0:
				return "+" + text
			}
			return text
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s to %s\t%d\t%d\n", m.Metric.Name, score(m.Metric, m.A.Value), score(m.Metric, m.B.Value),
			signed(m.Change.Value), signed(m.Change.Low), signed(m.Change.High), m.Better, m.Worse)
	}
	t.Flush()
	if m := c.Changes[0].Change; m.Low <= 0 && m.High >= 0 {
		fmt.Fprintln(w, "The interval holds 0: by these items the two cannot be told apart.")
	}
}

// An evalJSON is what eval --json prints.
type evalJSON struct {
	Task    string       `json:"task"`
	Model   string       `json:"model"`
	Judge   string       `json:"judge,omitempty"`
	Items   int          `json:"items"`
	Cut     int          `json:"cut"`
	Metrics []metricJSON `json:"metrics"`
}

type metricJSON struct {
	Name   string                          `json:"name"`
	Value  float64                         `json:"value"`
	Low    float64                         `json:"low"`
	High   float64                         `json:"high"`
	Groups map[string]map[string]eval.Mean `json:"groups,omitempty"`
}

func evalReport(r *eval.Result) evalJSON {
	j := evalJSON{Task: r.Task.Name, Model: r.Header.Model, Judge: r.Header.Judge, Items: r.Metrics[0].Mean.N, Cut: r.Cut}
	for _, s := range r.Metrics {
		j.Metrics = append(j.Metrics, metricJSON{s.Metric.Name, s.Mean.Value, s.Mean.Low, s.Mean.High, s.Groups})
	}
	return j
}
