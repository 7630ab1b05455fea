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

	underway *model.Encoding // of the image of this hash; nil for none
	hash     [32]byte
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

// encode takes an image on through the encoder by so many layers; another that
// was under way is given up. It returns the image's rows once they are done, and
// keeps them, those in wanted in any case. It makes room first, so that the bound
// holds while it works.
func (c *images) encode(ctx context.Context, img *pixels.Patches, layers int, wanted map[[32]byte]bool) (gpu.Tensor, error) {
	if c.underway == nil || c.hash != img.Hash {
		c.giveUp()
		c.shrink(c.p.Config.ImageBytes(img.Grid), wanted)
		e, err := c.p.StartImage(img)
		if err != nil {
			return gpu.Tensor{}, err
		}
		c.underway, c.hash = e, img.Hash
	}
	rows, err := c.underway.Step(ctx, layers)
	if err != nil || rows.Exists() {
		c.giveUp()
	}
	if err != nil || !rows.Exists() {
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

// giveUp stops encoding what is under way.
func (c *images) giveUp() {
	if c.underway != nil {
		c.underway.Close()
		c.underway = nil
	}
}

// leave gives up what is under way if it is one of these: nobody waits for it.
func (c *images) leave(list []*pixels.Patches) {
	if slices.ContainsFunc(list, func(img *pixels.Patches) bool { return img.Hash == c.hash }) {
		c.giveUp()
	}
}

// close gives all memory back.
func (c *images) close() {
	c.giveUp()
	c.most = 0
	c.shrink(0, nil)
}
