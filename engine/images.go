package engine

import (
	"container/list"
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
)

// images keeps the rows of encoded images by content, those used last, up to a
// bound in bytes.
type images struct {
	p      *model.Pixtral
	most   uint64 // bytes
	bytes  uint64
	byHash map[[32]byte]*list.Element
	order  *list.List // of *encoded; those used last are at the back
}

type encoded struct {
	hash [32]byte
	rows gpu.Tensor
}

func newImages(p *model.Pixtral, most uint64) *images {
	return &images{p: p, most: most, byHash: map[[32]byte]*list.Element{}, order: list.New()}
}

// find returns the rows of an image, if they are there.
func (c *images) find(hash [32]byte) (gpu.Tensor, bool) {
	el, ok := c.byHash[hash]
	if !ok {
		return gpu.Tensor{}, false
	}
	c.order.MoveToBack(el)
	return el.Value.(*encoded).rows, true
}

// encode runs an image through the encoder and keeps its rows, those in wanted
// in any case. It makes room first, so that the bound holds while it works.
func (c *images) encode(ctx context.Context, img *pixels.Patches, wanted map[[32]byte]bool) (gpu.Tensor, error) {
	c.shrink(c.p.Config.ImageBytes(img.Grid), wanted)
	rows, err := c.p.EncodeImage(ctx, img)
	if err != nil {
		return gpu.Tensor{}, err
	}
	c.bytes += rows.Bytes()
	c.byHash[img.Hash] = c.order.PushBack(&encoded{img.Hash, rows})
	return rows, nil
}

// shrink makes room for so many bytes more, as far as others than the wanted
// take it.
func (c *images) shrink(more uint64, wanted map[[32]byte]bool) {
	for el := c.order.Front(); el != nil && c.bytes+more > c.most; {
		next := el.Next()
		if i := el.Value.(*encoded); !wanted[i.hash] {
			c.bytes -= i.rows.Bytes()
			c.p.Device().Free(i.rows)
			c.order.Remove(el)
			delete(c.byHash, i.hash)
		}
		el = next
	}
}

// close gives all memory back.
func (c *images) close() {
	c.most = 0
	c.shrink(0, nil)
}
