package main

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
)

// What info plans and what the device's ledger says after a run agree.
func TestInfo(t *testing.T) {
	var p planned
	okJSON(t, &p, "", "info", "--json", "--ctx", "500")
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if p.Model != "pocket" || p.Plan.Context != 500 || p.Plan.KV != "f16" || p.Device != d.Info.String() || p.Weights < 1e6 || p.Bytes < 2e6 {
		t.Errorf("%+v", p)
	}
	weights, sum := 0, uint64(0)
	for _, part := range p.Parts {
		weights += part.Weights
		sum += part.Bytes
	}
	if weights != p.Weights || sum != p.Plan.Weights {
		t.Errorf("the parts have %d weights of %d, %d bytes of %d", weights, p.Weights, sum, p.Plan.Weights)
	}
	if total := p.Plan.Weights + p.Plan.Cache + p.Plan.Text + p.Plan.Image; total != p.Plan.Total {
		t.Errorf("the parts are %d, all is %d", total, p.Plan.Total)
	}
	if p.Fits != nil && (!*p.Fits || p.Auto == nil || p.Auto.Quant != "" || p.Largest == 0) {
		t.Errorf("pocket does not fit: %+v", p)
	}
	large := largest(t)
	for _, flags := range []string{"--ctx 500", "--quant q4_0 --kv q8_0 --ctx 4000", "--quant q8_0 --ctx 500 --gpu-layers 2"} {
		args := strings.Fields(flags)
		okJSON(t, &p, "", append([]string{"info", "--json"}, args...)...)
		used := askJSON(t, "", append(args, "--max-tokens", "1", large, "What is this?")...).Memory
		off := float64(used.Peak)/float64(p.Plan.Total) - 1
		if used.Planned != p.Plan.Total || math.Abs(off) > 0.03 {
			t.Errorf("%s: info says %d bytes, run planned %d and took %d, %.1f %% off", flags, p.Plan.Total, used.Planned, used.Peak, 100*off)
		}
	}
}

// largest writes a picture of the most pixels that the embedded model sees.
func largest(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 256, 256))); err != nil {
		t.Fatal(err)
	}
	return file(t, "large.png", b.String())
}

// Pixtral 12B without its weights: the arithmetic of people's choices.
func TestInfoArch(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "margin   none: 13.58 GiB too much|auto     q6_k with a context of 9200: 11.99 GiB|head               bf16     1 tensor   1.25 GiB"},
		{"--quant q4_k", "layers             q4_k  280 tensors|margin   2.865 GiB|context  up to 26800 tokens"},
		{"--quant auto", "layers             q6_k  280 tensors|margin   10.78 MiB"},
		{"--memory 5GiB", "auto     q4_k with a context of 8192 and "},
		{"--memory 24GiB", "auto     q8_0 with a context of 32768: 18.65 GiB"},
		{"--memory 3GiB --quant auto", "auto     q4_k with a context of 4400 and 40 layers in host memory: 2.986 GiB|context  up to 4400 tokens"},
		{"--quant q4_k --gpu-layers 10 --memory 6GiB", "context  up to 14700 tokens"},
		{"--memory 1GiB", "auto     nothing fits|context  none fits"},
		{"--quant auto --memory 5GiB", "in host memory             30 layers  -4.142 GiB"},
		{"--quant q4_k --memory 9.6GB", "auto     q4_k with a context of 6900: 8.939 GiB"},
	} {
		out := ok(t, "", append([]string{"info", "--arch", "pixtral-12b", "--memory", "12GiB"}, strings.Fields(test.args)...)...).out
		for _, want := range strings.Split(test.want, "|") {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", test.args, want, out)
			}
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(line)); n > 81 {
				t.Errorf("%d columns: %s", n-1, line)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]uint64{"8GiB": 8 << 30, "8GB": 8e9, "1.5 GiB": 3 << 29, "100": 100} {
		var b bytesValue
		if err := b.Set(s); err != nil || uint64(b) != want {
			t.Errorf("%q is %d (%v), want %d", s, b, err, want)
		}
	}
	for _, s := range []string{"", "0", "-1", "8 apples", "NaN", "1e400GB"} {
		var b bytesValue
		if b.Set(s) == nil {
			t.Errorf("%q is taken as %d", s, b)
		}
	}
}
