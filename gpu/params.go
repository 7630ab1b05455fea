package gpu

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	"pixtral-wgpu/shaders"
)

const (
	paramSlot = 256  // WebGPU's largest minUniformBufferOffsetAlignment
	maxParams = 1024 // slots

	// FixedBytes is what an open device takes before it has any tensor.
	FixedBytes = paramSlot * maxParams
)

// A paramKey is the words of a Params.
type paramKey [8]uint32

// A paramStore holds the Params of dispatches on the device, equal ones once:
// in steady decoding nothing new comes, and nothing is written.
type paramStore struct {
	buf     *buffer
	slots   map[paramKey]uint32
	data    []byte // of all slots in use
	written int    // bytes of data that are on the device
}

func newParamStore(buf *buffer) paramStore {
	return paramStore{buf: buf, slots: map[paramKey]uint32{}, data: make([]byte, 0, paramSlot*maxParams)}
}

// full reports whether the next Params may find no slot.
func (s *paramStore) full() bool { return len(s.data) == cap(s.data) }

// clear forgets all Params. Those of submissions on their way are safe: the
// queue writes in order.
func (s *paramStore) clear() {
	clear(s.slots)
	s.data, s.written = s.data[:0], 0
}

// offset returns where the Params lie, taking a slot for those that are new.
func (s *paramStore) offset(key paramKey) uint32 {
	at, ok := s.slots[key]
	if !ok {
		at = uint32(len(s.data))
		s.slots[key] = at
		s.data = s.data[:len(s.data)+paramSlot]
		*(*paramKey)(unsafe.Pointer(&s.data[at])) = key
	}
	return at
}

// write puts what is new onto the device.
func (s *paramStore) write(d *Device) {
	if s.written < len(s.data) {
		d.write(s.buf, uint64(s.written), s.data[s.written:])
		s.written = len(s.data)
	}
}

// keyOf returns the words of a Params struct, which checkParams has seen.
func keyOf(p any) (key paramKey) {
	data := (*[2]unsafe.Pointer)(unsafe.Pointer(&p))[1] // what the interface points to
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&key)), unsafe.Sizeof(key)), unsafe.Slice((*byte)(data), reflect.TypeOf(p).Size()))
	return key
}

var wgslType = map[reflect.Kind]string{reflect.Uint32: "u32", reflect.Int32: "i32", reflect.Float32: "f32"}

// checkParams reports how the Go struct p differs from the Params of the
// module. It runs once per kernel and type, so the two cannot drift apart unseen.
func checkParams(m *shaders.Module, p reflect.Type) error {
	if p == nil || p.Kind() != reflect.Struct || p.NumField() != len(m.Params) || p.NumField() > len(paramKey{}) {
		return fmt.Errorf("params: %v in Go has not the %d fields of the WGSL", p, len(m.Params))
	}
	for i, w := range m.Params {
		g := p.Field(i)
		if !strings.EqualFold(g.Name, strings.ReplaceAll(w.Name, "_", "")) || wgslType[g.Type.Kind()] != w.Type {
			return fmt.Errorf("params: field %d is %s %v in Go, %s: %s in WGSL", i, g.Name, g.Type, w.Name, w.Type)
		}
	}
	return nil
}
