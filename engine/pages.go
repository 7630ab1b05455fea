package engine

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"

	"pixtral-wgpu/model"
)

// A key names what a page holds by its content: the tokens and the image
// patches of all positions up to its end.
type key [32]byte

// next returns the key of the page of places that follows the page k.
func (k key) next(places []model.Place) key {
	h := sha256.New()
	h.Write(k[:])
	var b [8]byte
	for _, p := range places {
		binary.LittleEndian.PutUint32(b[:], uint32(p.Token))
		binary.LittleEndian.PutUint32(b[4:], uint32(p.Patch))
		h.Write(b[:])
		h.Write(p.Image[:])
	}
	return key(h.Sum(nil))
}

// pages is who has which page of a cache of the pool. A page that nobody holds
// keeps what it was named for until it is wanted for something else, those
// unused for longest first.
type pages struct {
	list  []page
	free  []uint32
	named map[key]uint32
	idle  *list.List // of page numbers, named and held by nobody; the first goes first
}

type page struct {
	holders int
	key     key
	named   bool
	stepped bool // holds, or rests on, tokens that were evaluated as parts of answers
	idle    *list.Element
}

func newPages(n int) *pages {
	p := &pages{list: make([]page, n), named: map[key]uint32{}, idle: list.New()}
	for i := n - 1; i >= 0; i-- {
		p.free = append(p.free, uint32(i))
	}
	return p
}

// available returns how many pages may be taken.
func (p *pages) available() int { return len(p.free) + p.idle.Len() }

// held returns how many pages somebody holds.
func (p *pages) held() int { return len(p.list) - p.available() }

// take returns a page for whatever its taker wants.
func (p *pages) take() (uint32, bool) {
	var n uint32
	switch {
	case len(p.free) > 0:
		n, p.free = p.free[len(p.free)-1], p.free[:len(p.free)-1]
	case p.idle.Len() > 0:
		n = p.idle.Remove(p.idle.Front()).(uint32)
		delete(p.named, p.list[n].key)
	default:
		return 0, false
	}
	p.list[n] = page{holders: 1}
	return n, true
}

// find returns the page that holds what k names. With exact, one that rests on
// tokens of answers does not count.
func (p *pages) find(k key, exact bool) (uint32, bool) {
	n, ok := p.named[k]
	return n, ok && !(exact && p.list[n].stepped)
}

// hold makes one more the holder of a page that was found.
func (p *pages) hold(n uint32) {
	g := &p.list[n]
	if g.holders++; g.idle != nil {
		p.idle.Remove(g.idle)
		g.idle = nil
	}
}

// drop takes pages back from a holder, those of the beginning last: they are of
// use to more.
func (p *pages) drop(numbers []uint32) {
	for i := len(numbers) - 1; i >= 0; i-- {
		n := numbers[i]
		g := &p.list[n]
		if g.holders--; g.holders > 0 {
			continue
		}
		if g.named {
			g.idle = p.idle.PushBack(n)
		} else {
			p.free = append(p.free, n)
		}
	}
}

// name says what a held page holds, so that it is found. Where two hold the
// same, the one that rests on no answer is found.
func (p *pages) name(n uint32, k key, stepped bool) {
	g := &p.list[n]
	if other, ok := p.named[k]; ok {
		if other == n || stepped || !p.list[other].stepped {
			return
		}
		p.unname(other)
	}
	g.key, g.named, g.stepped = k, true, stepped
	p.named[k] = n
}

// unname makes a page be found no more.
func (p *pages) unname(n uint32) {
	g := &p.list[n]
	delete(p.named, g.key)
	g.named = false
	if g.idle != nil {
		p.idle.Remove(g.idle)
		g.idle = nil
		p.free = append(p.free, n)
	}
}
