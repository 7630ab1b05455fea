package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFloatFormats packs and unpacks rows. A format of p bits of precision is
// within 2^-p of each normal weight.
func TestFloatFormats(t *testing.T) {
	precision := map[string]float64{"f32": 0, "f16": 0x1p-11, "bf16": 0x1p-8}
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range Formats {
		if f.Codec != nil {
			continue // TestBlockFormats
		}
		bound, known := precision[f.Name]
		if !known {
			t.Errorf("%s: this test does not state its precision", f.Name)
		}
		for _, row := range []int{f.Block, 3 * f.Block, 5120} { // one block, an odd number of them, Pixtral's rows
			w := make([]float32, 2*row)
			for i := range w {
				w[i] = float32(random.NormFloat64() * 0.02)
			}
			parts := f.Pack(w)
			for i, size := range f.RowBytes(row) {
				if len(parts[i]) != 2*size {
					t.Errorf("%s: part %d of two rows of %d is %d bytes, want %d", f.Name, i, row, len(parts[i]), 2*size)
				}
			}
			back := f.Unpack(parts)
			if len(back) != len(w) {
				t.Fatalf("%s: %d weights come back as %d", f.Name, len(w), len(back))
			}
			for i, v := range w {
				// Below 2^-14 binary16 has steps of 2^-24.
				if d := math.Abs(float64(back[i] - v)); d > bound*math.Abs(float64(v)) && (f.Name != "f16" || d > 0x1p-25) {
					t.Errorf("%s: %v comes back as %v", f.Name, v, back[i])
				}
			}
			if again := f.Pack(back); !slices.EqualFunc(again, parts, bytes.Equal) {
				t.Errorf("%s: packing what was unpacked gives other bytes", f.Name)
			}
		}
		if f.Block%8 != 0 {
			t.Errorf("%s: blocks of %d; the kernels read eight weights at a time", f.Name, f.Block)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, f := range Formats {
		if got, err := Lookup(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("lookup %s: %s, %v", f.Name, got.Name, err)
		}
	}
	if _, err := Lookup("q3"); err == nil || !strings.Contains(err.Error(), `"q3" is unknown; there are f32, f16, bf16`) {
		t.Errorf("lookup q3: %v", err)
	}
}

func TestLayout(t *testing.T) {
	w := []float32{1, -2}
	for _, c := range []struct {
		f    Format
		want []byte
	}{
		{F32, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}},
		{F16, []byte{0, 0x3c, 0, 0xc0}},
		{BF16, []byte{0x80, 0x3f, 0, 0xc0}},
	} {
		if got := c.f.Pack(w); len(got) != 1 || !bytes.Equal(got[0], c.want) {
			t.Errorf("%s: %v packs to % x, want % x", c.f.Name, w, got, c.want)
		}
	}
}

// TestEveryHalf unpacks all 65,536 patterns of each half format, compares them
// with the definition of the format, and packs them again.
func TestEveryHalf(t *testing.T) {
	for _, c := range []struct {
		f                Format
		exponents, quiet uint16  // the exponent's bits; the first bit of a NaN's payload
		steps, bias      float64 // between powers of two; of the exponent
	}{
		{F16, 0x7c00, 0x0200, 1 << 10, 15},
		{BF16, 0x7f80, 0x0040, 1 << 7, 127},
	} {
		var file []byte
		for p := range 1 << 16 {
			file = binary.LittleEndian.AppendUint16(file, uint16(p))
		}
		w := c.f.Unpack([][]byte{file})
		again := c.f.Pack(w)[0]
		for p := range 1 << 16 {
			bits := uint16(p)
			back := binary.LittleEndian.Uint16(again[2*p:])
			if bits&c.exponents == c.exponents && bits&^(c.exponents|0x8000) != 0 {
				if v := w[p]; v == v || back != bits|c.quiet {
					t.Errorf("%s: NaN %04x is %v and packs to %04x", c.f.Name, bits, v, back)
				}
				continue
			}
			want := value(bits, c.exponents, c.steps, c.bias)
			if math.Float64bits(float64(w[p])) != math.Float64bits(want) {
				t.Errorf("%s: %04x is %v, want %v", c.f.Name, bits, w[p], want)
			}
			if back != bits {
				t.Errorf("%s: %04x packs to %04x", c.f.Name, bits, back)
			}
		}
	}
}

// value is the number that IEEE 754 says a pattern stands for.
func value(bits, exponents uint16, steps, bias float64) float64 {
	fraction := float64(bits&^(exponents|0x8000)) / steps
	exponent := float64(bits&exponents) / steps
	v := math.Ldexp(1+fraction, int(exponent-bias))
	switch {
	case bits&exponents == 0:
		v = math.Ldexp(fraction, int(1-bias))
	case bits&exponents == exponents:
		v = math.Inf(1)
	}
	if bits&0x8000 != 0 {
		v = math.Copysign(v, -1)
	}
	return v
}

// TestRounding takes the midpoint between every two neighbours of a format: it
// goes to the even one, and what is a hair off goes to the nearer.
func TestRounding(t *testing.T) {
	for _, c := range []struct {
		f      Format
		finite uint16 // the greatest finite pattern
	}{{F16, 0x7bff}, {BF16, 0x7f7f}} {
		pack := func(v float32) uint16 { return binary.LittleEndian.Uint16(c.f.Pack([]float32{v})[0]) }
		unpack := func(h uint16) float32 {
			return c.f.Unpack([][]byte{binary.LittleEndian.AppendUint16(nil, h)})[0]
		}
		for low := range c.finite {
			middle := float32((float64(unpack(low)) + float64(unpack(low+1))) / 2)
			even := low + low&1
			below, above := math.Nextafter32(middle, 0), math.Nextafter32(middle, math.MaxFloat32)
			if pack(middle) != even || pack(-middle) != even|0x8000 || pack(below) != low || pack(above) != low+1 {
				t.Fatalf("%s: around %v, the middle of %04x and the next: %04x %04x %04x",
					c.f.Name, middle, low, pack(below), pack(middle), pack(above))
			}
		}
		if over := pack(math.MaxFloat32); over != c.finite+1 {
			t.Errorf("%s: the greatest float32 packs to %04x, want infinity", c.f.Name, over)
		}
	}
}
