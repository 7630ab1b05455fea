package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pixtral-wgpu/bench"
)

// row prints a row as it is measured, unless all of it is printed at the end.
func (b *bencher) row(r bench.Row) {
	if b.json || b.markdown {
		return
	}
	if b.group == "" {
		fmt.Fprintf(b.out, "%v\n%s, wgpu-native %s\n", b.report.Device, b.report.Device.Driver, b.report.Native)
	}
	title := r.Group
	if r.Model != "" {
		title += ": " + r.Model
	}
	if title != b.group {
		b.group = title
		fmt.Fprintf(b.out, "\n%-37s %9s %6s %3s %13s %s\n", title, "median", "spread", "of", "rate", "of best")
	}
	fmt.Fprintf(b.out, "  %-35s %9s %6s %3d %13s %7s\n", r.Name, duration(r.Median), spread(r), r.Samples, rate(r), ceiling(r))
	if r.Note != "" {
		fmt.Fprintf(b.out, "  (%s)\n", r.Note)
	}
}

// duration prints a time with three digits.
func duration(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.3g µs", d.Seconds()*1e6)
}

// spread is half of what lies between the tenths, as a part of the median.
func spread(r bench.Row) string {
	if r.Samples < 2 || r.Median == 0 {
		return "-"
	}
	return fmt.Sprintf("±%.0f%%", 50*float64(r.High-r.Low)/float64(r.Median))
}

func rate(r bench.Row) string {
	if r.Rate >= 1000 {
		return fmt.Sprintf("%.0f %s", r.Rate, r.Unit)
	}
	return fmt.Sprintf("%.3g %s", r.Rate, r.Unit)
}

func ceiling(r bench.Row) string {
	if r.Ceiling == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", r.Ceiling)
}

// writeMarkdown prints a report for a document.
func writeMarkdown(w io.Writer, r *bench.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %s, wgpu-native %s, %s", r.Device, r.Device.Driver, r.Native, r.Time.Format(time.DateOnly))
	if r.Model != "" {
		fmt.Fprintf(&b, "; keys and values %s", r.KV)
	}
	b.WriteString("\n\n| | | median | spread | samples | rate | of ceiling |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, row := range r.Rows {
		group := row.Group
		if row.Model != "" {
			group += ", " + row.Model
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %s | %s |\n",
			group, row.Name, duration(row.Median), spread(row), row.Samples, rate(row), ceiling(row))
	}
	for _, row := range r.Rows {
		if row.Note != "" {
			fmt.Fprintf(&b, "\n%s: %s.\n", row.Group, row.Note)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
