package gpu

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"

	"pixtral-wgpu/shaders"
)

var wgslType = map[reflect.Kind]string{reflect.Uint32: "u32", reflect.Int32: "i32", reflect.Float32: "f32"}

// checkParams reports how the Go struct p differs from the Params of the
// module. It runs once per kernel, so the two cannot drift apart unseen.
func checkParams(m *shaders.Module, p any) error {
	t := reflect.TypeOf(p)
	if t == nil || t.Kind() != reflect.Struct || t.NumField() != len(m.Params) {
		return fmt.Errorf("params: %v in Go has not the %d fields of the WGSL", t, len(m.Params))
	}
	for i, w := range m.Params {
		g := t.Field(i)
		if !strings.EqualFold(g.Name, strings.ReplaceAll(w.Name, "_", "")) || wgslType[g.Type.Kind()] != w.Type {
			return fmt.Errorf("params: field %d is %s %v in Go, %s: %s in WGSL", i, g.Name, g.Type, w.Name, w.Type)
		}
	}
	return nil
}

// appendParams appends the words of p and pads to a whole slot.
func appendParams(b []byte, p any) ([]byte, error) {
	n := len(b)
	b, err := binary.Append(b, binary.LittleEndian, p)
	return append(b, make([]byte, paramSlot-(len(b)-n))...), err
}
