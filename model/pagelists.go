package model

import (
	"slices"

	"pixtral-wgpu/gpu"
)

// pageLists are the lists of pages of all sequences on the device. What changed
// since the last pass is written before the next.
type pageLists struct {
	tensor gpu.Tensor // [sequences, each] u32
	each   int        // the most pages of a sequence
	pages  []uint32   // what the tensor holds, or will
	dirty  [][2]int   // from and to, in pages
}

func newPageLists(a *arena, sequences, each int) pageLists {
	l := pageLists{tensor: a.typed("pages", gpu.U32, sequences, each), each: each}
	if a.dev != nil {
		l.pages = make([]uint32, sequences*each) // the tensor is zeroed too
	}
	return l
}

func (l *pageLists) sequences() int { return l.tensor.Shape[0] }

// set makes pages the list of a sequence and returns where it begins.
func (l *pageLists) set(sequence int, pages []uint32) uint32 {
	start := sequence * l.each
	held := l.pages[start : start+len(pages)]
	first := 0
	for first < len(pages) && held[first] == pages[first] {
		first++
	}
	if first < len(pages) {
		copy(held[first:], pages[first:])
		l.dirty = append(l.dirty, [2]int{start + first, start + len(pages)})
	}
	return uint32(start)
}

// flush writes what changed.
func (l *pageLists) flush(dev *gpu.Device) error {
	for i, d := range l.dirty {
		if err := dev.Write(l.tensor, uint64(4*d[0]), words(nil, l.pages[d[0]:d[1]])); err != nil {
			l.dirty = slices.Delete(l.dirty, 0, i)
			return err
		}
	}
	l.dirty = l.dirty[:0]
	return nil
}
