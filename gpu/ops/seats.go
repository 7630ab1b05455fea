package ops

import "pixtral-wgpu/gpu"

// Page is how many positions of a cache lie together. A sequence's keys and
// values lie in pages anywhere in it.
const Page = 32

// A Seat says where a row of a pass belongs.
type Seat struct {
	Angle uint32 // row of the table that turns it
	Seen  uint32 // keys of its sequence that it sees, from the first on
	Pages uint32 // where the list of its sequence's pages begins
	Place uint32 // row of the cache that its own key and value go to
}

// Seats are those of the rows of a pass, on the device.
type Seats struct {
	Rows  gpu.Tensor // [n, 4] u32: a Seat each
	Pages gpu.Tensor // u32: numbers of pages, those of a sequence one after the other
}

// A Stretch is a run of rows of a pass whose keys lie in one cache.
type Stretch struct {
	From, To int  // rows From to To-1
	Keys     int  // the most that one of them sees
	Each     bool // rows of many sequences; else of one, each seeing at least as much as the one before
}

// seated reports whether s has seats for n rows.
func (s Seats) seated(n int) bool {
	return s.Rows.Type == gpu.U32 && s.Pages.Type == gpu.U32 && s.Rows.Len() == 4*n && s.Pages.Len() > 0
}

// InOrder returns the seats of n rows behind first others of one sequence, whose
// pages lie in the cache in order: each sees the keys up to its own, or, where
// all is true, all of them.
func InOrder(first, n int, all bool) (rows []Seat, pages []uint32) {
	for i := range n {
		at := uint32(first + i)
		seat := Seat{Angle: at, Seen: at + 1, Place: at}
		if all {
			seat.Seen = uint32(first + n)
		}
		rows = append(rows, seat)
	}
	for page := range ceil(first+n, Page) {
		pages = append(pages, uint32(page))
	}
	return rows, pages
}

// Words returns seats as the device reads them.
func Words(rows []Seat) []uint32 {
	words := make([]uint32, 0, 4*len(rows))
	for _, s := range rows {
		words = append(words, s.Angle, s.Seen, s.Pages, s.Place)
	}
	return words
}
