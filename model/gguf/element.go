package gguf

import "encoding/binary"

// An Element is what a value of the metadata can be.
type Element interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | float32 | bool | string | uint64 | int64 | float64
}

// Of returns a value to be written.
func Of[T Element](x T) Value {
	v := ListOf([]T{x})
	v.list = false
	return v
}

// ListOf returns a list to be written.
func ListOf[T Element](list []T) Value {
	v := Value{kind: kindOf(*new(T)), list: true, n: len(list), raw: []byte{}}
	for _, x := range list {
		if s, ok := any(x).(string); ok {
			v.raw = append(binary.LittleEndian.AppendUint64(v.raw, uint64(len(s))), s...)
		} else {
			v.raw, _ = binary.Append(v.raw, binary.LittleEndian, x) // every Element but string has a size
		}
	}
	return v
}

func kindOf(x any) Kind {
	switch x.(type) {
	case uint8:
		return Uint8
	case int8:
		return Int8
	case uint16:
		return Uint16
	case int16:
		return Int16
	case uint32:
		return Uint32
	case int32:
		return Int32
	case float32:
		return Float32
	case bool:
		return Bool
	case string:
		return String
	case uint64:
		return Uint64
	case int64:
		return Int64
	}
	return Float64
}
