package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// An object is one object of params.json, or of another config translated to
// its keys. Its methods read a key each; they
// remember the first error, so that a whole object is read and then checked.
type object struct {
	path string // before each key in an error: "" or "vision_encoder."
	keys map[string]json.RawMessage
	err  *error // shared by the objects of a file

	called map[string]string // what the file calls a key, if it is not params.json
}

// A feature is a key of other models of Mistral's. If it is there with another
// value, Pixtral 12B's pass would give wrong answers.
type feature struct {
	key  string
	want any // the value that means Pixtral 12B; nil if the key must be absent or null
}

var textFeatures = []feature{
	{"moe", nil},
	{"sliding_window", nil},
	{"_sliding_window", nil},
	{"quantization", nil},
	{"quantization_config", nil},
	{"lora", nil},
	{"yarn", nil},
	{"rope_scaling", nil},
	{"llama_4_scaling", nil},
	{"q_lora_rank", nil},
	{"kv_lora_rank", nil},
	{"audio_encoder", nil},
	{"multimodal", nil},
}

var visionFeatures = []feature{
	{"spatial_merge_size", 1.0},
	{"add_pre_mm_projector_layer_norm", false},
	{"mm_projector_id", ""},
}

func parseObject(data []byte) (*object, error) {
	o := &object{err: new(error)}
	if err := json.Unmarshal(data, &o.keys); err != nil {
		return nil, notJSON(err)
	}
	return o, nil
}

// notJSON says where text stops being JSON, if that is what is wrong.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("byte %d: not JSON: %w", syntax.Offset, err)
	}
	return errors.New("not a JSON object")
}

// fail records the first error of the file.
func (o *object) fail(key, format string, args ...any) {
	if *o.err == nil {
		*o.err = fmt.Errorf("%s%s %s", o.path, cmp.Or(o.called[key], key), fmt.Sprintf(format, args...))
	}
}

// has reports whether the key is there and not null.
func (o *object) has(key string) bool {
	value, ok := o.keys[key]
	return ok && string(value) != "null"
}

// read decodes a key into value, which keeps what it holds if the key is absent.
func (o *object) read(key string, value any, kind string) {
	if !o.has(key) {
		return
	}
	if json.Unmarshal(o.keys[key], value) != nil {
		o.fail(key, "is %s, want %s", o.shown(key), kind)
	}
}

// need fails if one of the keys is absent.
func (o *object) need(keys ...string) {
	for _, key := range keys {
		if !o.has(key) {
			o.fail(key, "is missing")
		}
	}
}

// refuse fails if the object asks for what Pixtral 12B does not have.
func (o *object) refuse(features []feature) {
	for _, f := range features {
		if !o.has(f.key) {
			continue
		}
		var value any
		o.read(f.key, &value, "a value")
		if f.want == nil {
			o.fail(f.key, "is %s; this program reads Pixtral 12B's layout, which has none", o.shown(f.key))
		} else if value != f.want {
			o.fail(f.key, "is %s; this program reads Pixtral 12B's layout (%#v)", o.shown(f.key), f.want)
		}
	}
}

// size reads a count from 1 to limit that multiple divides.
func (o *object) size(key string, limit, multiple int) int {
	var n int
	o.read(key, &n, "a whole number")
	switch {
	case n < 1 || n > limit:
		o.fail(key, "is %d, want 1 to %d", n, limit)
	case n%multiple != 0:
		o.fail(key, "is %d, want a multiple of %d: the kernels read that many weights at once", n, multiple)
	}
	return n
}

// number reads a value from low to high.
func (o *object) number(key string, fallback, low, high float64) float64 {
	n := fallback
	o.read(key, &n, "a number")
	if !(n >= low && n <= high) {
		o.fail(key, "is %v, want %v to %v", n, low, high)
	}
	return n
}

// token reads the id of a token.
func (o *object) token(key string, fallback int32, vocab int) int32 {
	id := fallback
	o.read(key, &id, "a token's id")
	if id < 0 || int(id) >= vocab {
		o.fail(key, "is %d, which a vocab_size of %d does not have", id, vocab)
	}
	return id
}

func (o *object) boolean(key string, fallback bool) bool {
	o.read(key, &fallback, "true or false")
	return fallback
}

// object reads an object in the object; nil if there is none.
func (o *object) object(key string) *object {
	if !o.has(key) {
		return nil
	}
	inner := &object{path: o.path + key + ".", err: o.err}
	o.read(key, &inner.keys, "an object")
	return inner
}

// shown is the text of a value, cut to what fits an error.
func (o *object) shown(key string) string {
	const limit = 40
	var text bytes.Buffer
	if json.Compact(&text, o.keys[key]) != nil || text.Len() <= limit {
		return text.String()
	}
	return strings.ToValidUTF8(text.String()[:limit], "") + "…"
}
