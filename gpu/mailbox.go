package gpu

import (
	"fmt"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// A Mailbox brings a few words to the host while the device goes on with what
// was submitted after them.
type Mailbox struct {
	buf   *buffer
	words []uint32 // what was posted, once it is here
	index uint64   // of the submission that fills it
}

// NewMailbox makes a mailbox for so many words.
func (d *Device) NewMailbox(name string, words int) (*Mailbox, error) {
	buf, err := d.allocate(name, 4*uint64(words), wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst)
	return &Mailbox{buf: buf, words: make([]uint32, words)}, err
}

// FreeMailbox gives the memory of m back.
func (d *Device) FreeMailbox(m *Mailbox) {
	if m != nil {
		d.Free(Tensor{buf: m.buf})
	}
}

// Post records that tensors of whole words go to m, one after the other. Until
// Take has returned them, or they are given up, nothing else may be posted there.
func (r *Recorder) Post(m *Mailbox, ts ...Tensor) {
	at := uint64(0)
	for i := range ts {
		t, size := &ts[i], ts[i].Bytes()
		if r.err != nil {
			return
		}
		if size%4 != 0 || at+size > m.buf.size || size > t.buf.size {
			r.err = fmt.Errorf("gpu: post %s, %d bytes, behind %d to a mailbox of %d", t.String(), size, at, m.buf.size)
			return
		}
		if r.err = r.room(); r.err == nil {
			r.commands = append(r.commands, command{a: raw(t.buf.raw), b: raw(m.buf.raw), to: at, size: size})
		}
		at += size
	}
	r.posted, m.words = append(r.posted, m), m.words[:at/4]
}

// Take waits for what was posted to m, but for nothing that was submitted later,
// and returns it. It holds until Take is called again.
func (d *Device) Take(m *Mailbox) ([]uint32, error) {
	d.settle()
	ok := d.fetch(m.buf, m.index, m.words)
	d.pace.arrived(m.index)
	if err := d.check(nil); err != nil {
		return nil, fmt.Errorf("gpu: mail: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("gpu: a mailbox could not be mapped")
	}
	return m.words, nil
}
