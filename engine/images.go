package engine

import (
	"container/list"
	"context"
	"slices"

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

	encoder  *model.Encoder
	underway *model.Encoding // of these; nil for none
	coming   []*pixels.Patches
}

type encoded struct {
	hash [32]byte
	rows gpu.Tensor
}

func newImages(p *model.Pixtral, most uint64) *images {
	return &images{p: p, most: most, byHash: map[[32]byte]*list.Element{}, order: list.New(), encoder: p.NewEncoder()}
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

// encode takes images on through the encoder, side by side, by so many layers; others
// that were under way are given up. It returns them once their rows are there, and
// keeps these, those in wanted in any case. It makes room first, so that the bound
// holds while it works.
func (c *images) encode(ctx context.Context, list []*pixels.Patches, layers int, wanted map[[32]byte]bool) (done []*pixels.Patches, err error) {
	if !slices.Equal(c.coming, list) {
		c.giveUp()
		bytes := uint64(0)
		for _, img := range list {
			bytes += c.p.Config.ImageBytes(img.Grid)
		}
		c.shrink(bytes, wanted)
		if c.underway, err = c.encoder.Start(list...); err != nil {
			return nil, err
		}
		c.coming = list
	}
	rows, err := c.underway.Step(ctx, layers)
	if err != nil || rows != nil {
		c.giveUp()
	}
	for i, t := range rows {
		c.bytes += t.Bytes()
		c.byHash[list[i].Hash] = c.order.PushBack(&encoded{list[i].Hash, t})
		done = append(done, list[i])
	}
	return done, err
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

// giveUp stops encoding what is under way.
func (c *images) giveUp() {
	if c.underway != nil {
		c.underway.Close()
	}
	c.underway, c.coming = nil, nil
}

// under returns the images that are under way if the one of a hash is among them.
func (c *images) under(hash [32]byte) []*pixels.Patches {
	if slices.ContainsFunc(c.coming, func(img *pixels.Patches) bool { return img.Hash == hash }) {
		return c.coming
	}
	return nil
}

// rest gives back the room that encoding takes, if nothing is under way.
func (c *images) rest() {
	if c.underway == nil {
		c.encoder.Close()
	}
}

// close gives all memory back.
func (c *images) close() {
	c.giveUp()
	c.rest()
	c.most = 0
	c.shrink(0, nil)
}
