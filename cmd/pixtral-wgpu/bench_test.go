package main

import (
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/bench"
)

func TestBench(t *testing.T) {
	var r bench.Report
	okJSON(t, &r, "", "bench", "--json", "--samples", "1", "--ctx", "16", "--prompt", "20", "--side", "32", "load", "decode", "prefill", "vision", "ttft")
	groups := ""
	for _, row := range r.Rows {
		if row.Group != "ceilings" {
			groups += " " + row.Group
			if row.Ceiling <= 0 || row.Median <= 0 {
				t.Errorf("%+v", row)
			}
		}
	}
	if groups != " load decode decode prefill vision ttft" || r.Model != "pocket as it is" || r.ReadRate <= 0 || r.KV != "f16" {
		t.Errorf("groups%s of %+v", groups, r)
	}
}

// Tables are no wider than a terminal, and a text model has no rows of images.
func TestBenchTables(t *testing.T) {
	out := ok(t, "", "bench", "--samples", "1", "--ctx", "16", "decode", "--arch", "pocket", "--quant", "q4_0,f16", "--kv", "q8_0").out
	for _, want := range []string{"\nceilings ", "GFLOP/s", "\ndecode: random pocket q4_0 ", "\ndecode: random pocket f16 ", "  a token behind 16 ", " tok/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := len([]rune(line)); n > 81 {
			t.Errorf("%d columns: %s", n-1, line)
		}
	}
	out = ok(t, "", "bench", "--markdown", "--samples", "1", "--prompt", "16", "prefill", "vision", "ttft", "-m", "../../model/testdata/formats/llama_gguf").out
	if !strings.Contains(out, "\n| prefill, tied-f16 as it is | 16 tokens | ") || strings.Contains(out, "| vision") || !strings.Contains(out, "\n|---|---|--:|") {
		t.Error(out)
	}
}

func TestBenchTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.json")
	r := ok(t, "", "bench", "--trace", path)
	if r.out != "" || !strings.Contains(r.err, "the trace is in "+path) {
		t.Errorf("%s%s", r.out, r.err)
	}
	var trace struct {
		TraceEvents     []map[string]any
		DisplayTimeUnit string
	}
	if parseJSON(t, read(t, path), &trace); len(trace.TraceEvents) < 100 {
		t.Errorf("%d events", len(trace.TraceEvents))
	}
}
