package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model/pixels"
)

// DecodeBytes returns how many bytes of weights one token of an answer reads:
// the matrices of the decoder's layers and of the head.
func (p *Pixtral) DecodeBytes() (n uint64) {
	for i := range p.w.layers {
		b := &p.w.layers[i]
		if b.host != nil {
			for _, m := range b.host.matrices {
				n += m.place.DeviceBytes
			}
			continue
		}
		n += b.bytes()
	}
	return n + p.w.output.Bytes()
}

// DecodeMatrices returns those matrices, nil if some are in host memory.
func (p *Pixtral) DecodeMatrices() (list []*gpu.Matrix) {
	for i := range p.w.layers {
		b := &p.w.layers[i]
		if b.host != nil {
			return nil
		}
		list = append(list, b.matrices()...)
	}
	return append(list, p.w.output)
}

// LayerWeights returns the weights of the decoder's layers, each of which a
// token of a prompt multiplies once.
func (c *Config) LayerWeights() int {
	attention := 2*c.Heads*c.HeadDim + 2*c.KVHeads*c.HeadDim
	return c.Layers * c.Dim * (attention + 3*c.HiddenDim)
}

// CacheBytes returns how many bytes of keys and values a token behind so many
// others reads.
func (s *Session) CacheBytes(positions int) (n uint64) {
	for _, k := range s.decoder.caches[0].keys {
		n += 2 * k.Rows(positions).Bytes()
	}
	return n
}

// Encode runs an image through the encoder and the adapter, waits for the rows
// and drops them.
func (p *Pixtral) Encode(ctx context.Context, img *pixels.Patches) error {
	rows, err := p.encode(ctx, img, nil)
	if err != nil {
		return err
	}
	defer p.dev.Free(rows)
	_, err = p.dev.Floats(rows.Rows(1))
	return err
}
