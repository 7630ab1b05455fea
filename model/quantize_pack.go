package model

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"pixtral-wgpu/gpu/quant"
)

// A packer turns rows of files into parts on the device's layout, with all cores.
// It keeps one stretch of rows, which the next call overwrites.
type packer struct {
	ctx   context.Context
	parts [][]byte
}

// taskBytes is how much of a file a core takes at a time: enough to make taking
// cheap, little enough for the cores to end together and to stop at once.
const taskBytes = 128 << 10

// pack returns the parts of rows from..to of t in format f. Rows whose layout in
// the file is the device's are not copied.
func (p *packer) pack(t Tensor, f quant.Format, from, to int) ([][]byte, error) {
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	if t.Format.Name == f.Name && f.Codec == nil {
		rows, err := t.Rows(from, to)
		return [][]byte{rows}, err
	}
	sizes := f.RowBytes(t.Cols())
	p.room(sizes, to-from)
	step := max(1, taskBytes/t.RowBytes())
	next := atomic.Int64{}
	next.Store(int64(from))
	var failed error
	var once sync.Once
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (to-from+step-1)/step) {
		group.Go(func() {
			for {
				last := int(next.Add(int64(step)))
				if last-step >= to {
					return
				}
				if err := p.task(t, f, sizes, from, last-step, min(last, to)); err != nil {
					next.Store(int64(to)) // the others stop too
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	group.Wait()
	return p.parts, failed
}

// room makes the parts as large as so many rows.
func (p *packer) room(sizes []int, rows int) {
	for len(p.parts) < len(sizes) {
		p.parts = append(p.parts, nil)
	}
	p.parts = p.parts[:len(sizes)]
	for i, size := range sizes {
		if cap(p.parts[i]) < rows*size {
			p.parts[i] = make([]byte, rows*size)
		}
		p.parts[i] = p.parts[i][:rows*size]
	}
}

// task packs rows at..until into their place in the parts, which begin with row from.
func (p *packer) task(t Tensor, f quant.Format, sizes []int, from, at, until int) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	rows, err := convert(t, f, at, until)
	if err != nil {
		return err
	}
	for i, size := range sizes {
		dst := p.parts[i][(at-from)*size : (until-from)*size]
		if f.Codec != nil {
			f.Codec.Repack(dst, i, rows)
		} else {
			copy(dst, rows)
		}
	}
	return nil
}

// convert returns rows of t as a file in format f has them.
func convert(t Tensor, f quant.Format, from, to int) ([]byte, error) {
	if t.Format.Name == f.Name {
		return t.Rows(from, to)
	}
	w, err := t.Floats(from, to)
	if err != nil {
		return nil, err
	}
	if f.Codec == nil {
		return f.Pack(w)[0], nil
	}
	rows := make([]byte, fileBytes(f, len(w)))
	f.Codec.Quantize(rows, w)
	return rows, nil
}
