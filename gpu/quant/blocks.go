package quant

import (
	"encoding/binary"

	"github.com/x448/float16"
)

// A Codec is one of ggml's block types as it lies in a GGUF file: a few bytes
// hold the weights of a block and the scales they share. Rows are whole blocks
// and follow each other without gaps.
type Codec struct {
	Weights, Bytes int // of one block

	// Quantize fills dst with the blocks of w, as ggml's reference does, and
	// so gives the bytes of a file made without an importance matrix. len(w) is
	// a multiple of Weights, len(dst) is len(w)/Weights*Bytes; the same holds
	// for Dequantize. w must be finite.
	Quantize func(dst []byte, w []float32)

	// Dequantize fills w with the weights of blocks, bit for bit as ggml does.
	Dequantize func(w []float32, blocks []byte)

	// Repack fills dst with one part of the device's layout of blocks, whole
	// rows of a file. Nothing is allocated, so that goroutines may each take
	// a range of rows.
	Repack func(dst []byte, part int, blocks []byte)
}

// Repack returns all parts of the device's layout of a file's blocks.
func (f Format) Repack(blocks []byte) [][]byte {
	parts := make([][]byte, len(f.BlockBytes))
	weights := len(blocks) / f.Codec.Bytes * f.Codec.Weights
	for i, size := range f.RowBytes(weights) {
		parts[i] = make([]byte, size)
		f.Codec.Repack(parts[i], i, blocks)
	}
	return parts
}

// A layout is what block formats differ in; each function takes one of ggml's
// blocks.
type layout struct {
	name           string
	block          int // weights in a block of the device
	weights, bytes int // in a block of ggml

	quantize   func(dst []byte, w []float32)
	dequantize func(w []float32, b []byte)

	parts  []part
	unpack func(w []float32, parts [][]byte) // as the shader does
}

// A part is one array of the device's layout.
type part struct {
	bytes int // for a block of ggml
	take  func(dst, b []byte)
}

// format completes l.
func (l layout) format() Format {
	f := Format{Name: l.name, Block: l.block}
	for _, p := range l.parts {
		f.BlockBytes = append(f.BlockBytes, l.block/l.weights*p.bytes)
	}
	f.Codec = &Codec{
		Weights: l.weights, Bytes: l.bytes,
		Quantize: func(dst []byte, w []float32) {
			for ; len(w) > 0; dst, w = dst[l.bytes:], w[l.weights:] {
				l.quantize(dst[:l.bytes], w[:l.weights])
			}
		},
		Dequantize: func(w []float32, blocks []byte) {
			for ; len(w) > 0; w, blocks = w[l.weights:], blocks[l.bytes:] {
				l.dequantize(w[:l.weights], blocks[:l.bytes])
			}
		},
		Repack: func(dst []byte, i int, blocks []byte) {
			p := l.parts[i]
			for ; len(blocks) > 0; dst, blocks = dst[p.bytes:], blocks[l.bytes:] {
				p.take(dst[:p.bytes], blocks[:l.bytes])
			}
		},
	}
	f.Pack = func(w []float32) [][]byte {
		blocks := make([]byte, len(w)/l.weights*l.bytes)
		f.Codec.Quantize(blocks, w)
		return f.Repack(blocks)
	}
	f.Unpack = l.unpackAll
	return f
}

func (l layout) unpackAll(parts [][]byte) []float32 {
	blocks := len(parts[0]) / l.parts[0].bytes
	w := make([]float32, blocks*l.weights)
	one := make([][]byte, len(parts))
	for b := range blocks {
		for i, p := range l.parts {
			one[i] = parts[i][b*p.bytes:][:p.bytes]
		}
		l.unpack(w[b*l.weights:][:l.weights], one)
	}
	return w
}

func half(b []byte) float32 {
	return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()
}

func putHalf(b []byte, v float32) {
	binary.LittleEndian.PutUint16(b, float16.Fromfloat32(v).Bits())
}

func word(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func putWord(b []byte, w uint32) { binary.LittleEndian.PutUint32(b, w) }

// span copies the bytes of a block from one place on.
func span(from int) func(dst, b []byte) {
	return func(dst, b []byte) { copy(dst, b[from:]) }
}
