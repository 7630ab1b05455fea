package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// A Place is what a position of a sequence holds: a token, and for an image
// token which patch of which image.
type Place struct {
	Token tokenizer.Token
	Image [32]byte // the image's hash, zero for text
	Patch int
}

// Places spells out which patch each image token of a prompt stands for.
func (c *Config) Places(prompt Prompt) []Place {
	list := make([]Place, len(prompt.Tokens))
	image, patch := 0, 0
	v := c.VisionEncoder
	for i, tok := range prompt.Tokens {
		list[i].Token = tok
		if v == nil || int32(tok) != v.ImageTokenID {
			continue
		}
		img := prompt.Images[image]
		list[i].Image, list[i].Patch = img.Hash, patch
		if patch++; patch == img.Grid.Patches() {
			image, patch = image+1, 0
		}
	}
	return list
}

// A Piece is a run of positions of one sequence, to be evaluated in a pass.
type Piece struct {
	Sequence int      // its number in the pool
	Cache    int      // which of the pool's caches it lies in
	Pages    []uint32 // of that cache, from the sequence's position 0 on, to the piece's end at least
	First    int      // position of the first of Places
	Places   []Place
	Want     int                     // logits of so many of its last positions
	Images   map[[32]byte]gpu.Tensor // rows of the images in Places, by content: [patches, dim]
}

// A batch is the rows of a pass as the host lays them out.
type batch struct {
	tokens []uint32
	seats  []ops.Seat
	spans  []span
	runs   []run
	wanted []int // rows
	each   bool

	box  *gpu.Mailbox // gets the tokens that follow those wanted; nil for none
	lots []ops.Lot    // how the first of these are drawn; the others are the likeliest
	fed  []int        // by row: of the tokens that the device picked last, which is its; -1 for none
}

// A span is a stretch of image rows in a pass: row from+i of rows belongs to
// the i-th of the rows at.
type span struct {
	image [32]byte
	rows  gpu.Tensor // [patches, dim]: the image as the adapter gave it
	from  int
	at    []uint32
}

// lay lays pieces out, until it is called again. each says that they are evaluated
// row by row, as tokens of answers are; else they are parts of prompts.
func (d *decoder) lay(pieces []Piece, each bool) (*batch, error) {
	b := &d.batch
	*b = batch{tokens: b.tokens[:0], seats: b.seats[:0], spans: b.spans[:0], runs: b.runs[:0], wanted: b.wanted[:0], each: each, lots: b.lots[:0], fed: b.fed[:0]}
	for i := range pieces {
		if err := d.check(&pieces[i]); err != nil {
			return nil, err
		}
		d.add(b, &pieces[i])
	}
	if n := len(b.tokens); n == 0 || n > d.tokens.Len() {
		return nil, fmt.Errorf("model: a pass of %d rows; it may have %d", n, d.tokens.Len())
	}
	if n := len(b.wanted); n > d.tail.Shape[0] && len(pieces) > 1 {
		return nil, fmt.Errorf("model: logits of %d rows are wanted; there is room for %d", n, d.tail.Shape[0])
	}
	return b, nil
}

// check reports a piece that does not fit the pool.
func (d *decoder) check(p *Piece) error {
	end := p.First + len(p.Places)
	switch {
	case p.Sequence < 0 || p.Sequence >= d.lists.sequences(),
		p.Cache < 0 || p.Cache >= len(d.caches),
		p.First < 0 || len(p.Places) == 0 || end > d.pass.table.Shape[0] || pagesFor(end) > len(p.Pages) || len(p.Pages) > d.lists.each,
		p.Want < 0 || p.Want > len(p.Places):
		return fmt.Errorf("model: a piece of %d positions from %d on with %d pages, sequence %d, does not fit the pool",
			len(p.Places), p.First, len(p.Pages), p.Sequence)
	}
	for _, page := range p.Pages {
		if int(page) >= d.caches[p.Cache].pages() {
			return fmt.Errorf("model: there is no page %d", page)
		}
	}
	return nil
}

// add puts the rows of a piece behind those of a batch.
func (d *decoder) add(b *batch, p *Piece) {
	list := d.lists.set(p.Sequence, p.Pages)
	from := len(b.tokens)
	for i, place := range p.Places {
		at := p.First + i
		b.seats = append(b.seats, ops.Seat{
			Angle: uint32(at), Seen: uint32(at) + 1, Pages: list,
			Place: p.Pages[at/ops.Page]*ops.Page + uint32(at%ops.Page),
		})
		if place.Image != ([32]byte{}) {
			b.image(p, place)
		}
		b.tokens = append(b.tokens, uint32(place.Token))
	}
	to := len(b.tokens)
	for row := to - p.Want; row < to; row++ {
		b.wanted = append(b.wanted, row)
	}
	r := run{ops.Stretch{From: from, To: to, Keys: p.First + len(p.Places), Each: b.each}, d.caches[p.Cache]}
	if n := len(b.runs); b.each && n > 0 && b.runs[n-1].cache == r.cache {
		last := &b.runs[n-1]
		last.To, last.Keys = to, max(last.Keys, r.Keys)
		return
	}
	b.runs = append(b.runs, r)
}

// image puts a row of an image into the row that comes next.
func (b *batch) image(p *Piece, place Place) {
	n := len(b.spans)
	if n == 0 || b.spans[n-1].image != place.Image || b.spans[n-1].from+len(b.spans[n-1].at) != place.Patch {
		b.spans = append(b.spans, span{image: place.Image, rows: p.Images[place.Image], from: place.Patch})
		n++
	}
	s := &b.spans[n-1]
	s.at = append(s.at, uint32(len(b.tokens)))
}
