package model

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"pixtral-wgpu/gpu/quant"
)

// Pixtral12B returns the sizes of Pixtral-12B-2409 (spec §1).
func Pixtral12B() *Config {
	return &Config{
		Dim: 5120, Layers: 40, HeadDim: 128, HiddenDim: 14336, Heads: 32, KVHeads: 8,
		NormEps: 1e-5, VocabSize: 131072, RopeTheta: 1e9,
		VisionEncoder: &VisionEncoder{
			HiddenSize: 1024, Channels: 3, ImageSize: 1024, PatchSize: 16, RopeTheta: 1e4,
			IntermediateSize: 4096, Layers: 24, Heads: 16,
			ImageTokenID: 10, ImageBreakTokenID: 12, ImageEndTokenID: 13, AdapterBias: true,
		},
	}
}

// Synthetic returns a checkpoint of any sizes whose weights are made as they are
// read, without a file: the same for a seed, random enough for measurements and
// of a scale that keeps activations lively. It lies in bf16, or in the formats
// that Placements gives a quantisation of that name.
func Synthetic(c *Config, quantName string, seed uint64) *Checkpoint {
	return &Checkpoint{Name: "synthetic", Config: c, Source: newSynthetic(c, quantName, seed)}
}

// synthetic is a Source of weights out of nowhere. Rows come from a tile of
// random rows, one for each width and format, at an offset of the tensor's own.
type synthetic struct {
	shapes map[string][]int
	quant  string
	seed   uint64

	mu    sync.Mutex
	tiles map[tileKey][]byte
}

type tileKey struct {
	format string
	cols   int
}

const tileRows = 61 // a prime: neighbouring tensors of one shape repeat at other rows

func newSynthetic(c *Config, quantName string, seed uint64) *synthetic {
	s := &synthetic{shapes: map[string][]int{}, quant: quantName, seed: seed, tiles: map[tileKey][]byte{}}
	for _, spec := range c.Tensors() {
		s.shapes[spec.Name] = spec.Shape
	}
	return s
}

func (s *synthetic) Names() []string { return slices.Sorted(maps.Keys(s.shapes)) }

func (s *synthetic) Close() error { return nil }

func (s *synthetic) Tensor(name string) (Tensor, bool) {
	shape, ok := s.shapes[name]
	if !ok {
		return Tensor{}, false
	}
	t := Tensor{Name: name, Origin: "synthetic " + name, Shape: shape, Format: quant.BF16}
	if asked, err := quant.Lookup(s.quant); err == nil && len(shape) > 1 {
		t.Format, _ = chooseFormat(t, asked)
	}
	if len(shape) == 1 {
		t.Format = quant.F32
		t.Rows = func(from, to int) ([]byte, error) {
			return quant.F32.Pack(slices.Repeat([]float32{1}, to-from))[0], nil
		}
		return t, true
	}
	h := fnv.New64a()
	fmt.Fprint(h, s.seed, name)
	offset := int(h.Sum64() % tileRows)
	t.Rows = func(from, to int) ([]byte, error) { return s.rows(t, from+offset, to+offset), nil }
	return t, true
}

// rows returns rows from..to of an endless matrix of a tensor's width and format.
func (s *synthetic) rows(t Tensor, from, to int) []byte {
	tile, size := s.tile(t), t.RowBytes()
	out := make([]byte, 0, (to-from)*size)
	for from < to {
		first := from % tileRows
		n := min(to-from, tileRows-first)
		out = append(out, tile[first*size:(first+n)*size]...)
		from += n
	}
	return out
}

func (s *synthetic) tile(t Tensor) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := tileKey{format: t.Format.Name, cols: t.Cols()}
	if tile, ok := s.tiles[key]; ok {
		return tile
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(t.Cols())))
	scale := math.Sqrt(3 / float64(t.Cols())) // of variance 1/cols
	w := make([]float32, tileRows*t.Cols())
	for i := range w {
		w[i] = float32(scale * (2*rng.Float64() - 1))
	}
	tile := make([]byte, fileBytes(t.Format, len(w)))
	if t.Format.Codec != nil {
		t.Format.Codec.Quantize(tile, w)
	} else {
		tile = t.Format.Pack(w)[0]
	}
	s.tiles[key] = tile
	return tile
}
