package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An object is a JSON object whose keys keep their order: properties are written
// in the order of the schema. Other values are those of encoding/json, numbers
// as json.Number.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) get(key string) (any, bool) {
	v, ok := o.values[key]
	return v, ok
}

func (o *object) set(key string, v any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

func newObject() *object { return &object{values: map[string]any{}} }

const (
	mostSchemaBytes = 1 << 20
	mostDepth       = 128
)

// parse reads one JSON value.
func parse(data []byte) (any, error) {
	if len(data) > mostSchemaBytes {
		return nil, fmt.Errorf("it is longer than %d bytes", mostSchemaBytes)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more after its end")
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > mostDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", mostDepth)
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		o := newObject()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), v)
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return tok, nil
}

// spell writes a value as JSON without spaces.
func spell(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		return v.String()
	case string:
		return quoteJSON(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = spell(e)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	o := v.(*object)
	parts := make([]string, len(o.keys))
	for i, key := range o.keys {
		parts[i] = quoteJSON(key) + ":" + spell(o.values[key])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// typeOf names the type of a value in JSON Schema's words.
func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		if n, ok := ratOf(v); ok && n.IsInt() {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
