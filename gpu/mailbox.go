package gpu

import (
	"fmt"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// A Mailbox brings a few words to the host while the device goes on with what
// was submitted after them.
type Mailbox struct {
	buf   *buffer
	index uint64 // of the submission that fills it
}

// NewMailbox makes a mailbox for so many words.
func (d *Device) NewMailbox(name string, words int) (*Mailbox, error) {
	buf, err := d.allocate(name, 4*uint64(words), wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst)
	return &Mailbox{buf: buf}, err
}

// FreeMailbox gives the memory of m back.
func (d *Device) FreeMailbox(m *Mailbox) {
	if m != nil {
		d.Free(Tensor{buf: m.buf})
	}
}

// Post records that t, of whole words, goes to m. Until Take has returned it
// nothing else may be posted there.
func (r *Recorder) Post(m *Mailbox, t Tensor) {
	if r.err != nil {
		return
	}
	size := t.Bytes()
	if size%4 != 0 || size > m.buf.size || size > t.buf.size {
		r.err = fmt.Errorf("gpu: post %s, %d bytes, to a mailbox of %d", t.String(), size, m.buf.size)
		return
	}
	if r.err = r.room(); r.err == nil {
		r.commands = append(r.commands, command{a: raw(t.buf.raw), b: raw(m.buf.raw), size: size})
		r.posted = append(r.posted, m)
	}
}

// Take waits for what was posted to m and copies it, but for nothing that was
// submitted later.
func (d *Device) Take(m *Mailbox, words []uint32) error {
	d.settle()
	if 4*uint64(len(words)) > m.buf.size {
		return fmt.Errorf("gpu: take %d words of a mailbox of %d bytes", len(words), m.buf.size)
	}
	ok := d.fetch(m.buf, m.index, words)
	d.pace.arrived(m.index)
	if err := d.check(nil); err != nil {
		return fmt.Errorf("gpu: mail: %w", err)
	}
	if !ok {
		return fmt.Errorf("gpu: a mailbox could not be mapped")
	}
	return nil
}
