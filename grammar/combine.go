package grammar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A keyword of JSON Schema that is understood. of is the type that it is about,
// "" if it is about none.
type keyword struct{ name, of string }

var keywords = []keyword{
	{"type", ""}, {"enum", ""}, {"const", ""}, {"$ref", ""}, {"allOf", ""}, {"anyOf", ""}, {"oneOf", ""},
	{"properties", "object"}, {"required", "object"}, {"additionalProperties", "object"},
	{"items", "array"}, {"prefixItems", "array"}, {"minItems", "array"}, {"maxItems", "array"},
	{"minLength", "string"}, {"maxLength", "string"}, {"pattern", "string"}, {"format", "string"},
	{"minimum", "number"}, {"maximum", "number"}, {"exclusiveMinimum", "number"}, {"exclusiveMaximum", "number"},
}

// notes are keywords that forbid nothing.
var notes = []string{
	"$schema", "$id", "$comment", "$defs", "definitions", "$anchor", "title", "description", "default", "examples", "example",
	"deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "discriminator", "strict", "name",
}

func keywordOf(name string) keyword {
	for _, k := range keywords {
		if k.name == name {
			return k
		}
	}
	return keyword{}
}

func isNote(name string) bool { return slices.Contains(notes, name) || strings.HasPrefix(name, "x-") }

// checkKeywords refuses a schema with keywords that are not enforced, unless
// they forbid nothing as they stand.
func checkKeywords(s *object, path string) error {
	for _, name := range s.keys {
		v := s.values[name]
		switch {
		case keywordOf(name).name != "", isNote(name):
		case name == "uniqueItems" && v == false, name == "nullable" && v == false, name == "minProperties" && spell(v) == "0":
		default:
			return &Error{path, name, "this keyword is not supported"}
		}
	}
	return nil
}

// bare reports whether a schema is a reference and nothing else.
func bare(s *object) bool {
	return !slices.ContainsFunc(s.keys, func(key string) bool { return key != "$ref" && !isNote(key) })
}

// resolve returns what a reference points to, and its path.
func resolve(ref, root any, path string) (any, string, error) {
	text, ok := ref.(string)
	pointer, local := strings.CutPrefix(text, "#")
	if !ok || !local || pointer != "" && pointer[0] != '/' {
		return nil, "", &Error{path, "$ref", "only references within the schema, such as \"#/$defs/name\", can be followed"}
	}
	at := root
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := at.(type) {
		case *object:
			at, ok = v.get(part)
		case []any:
			var i int
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i < 0 || i >= len(v) {
				ok = false
			} else {
				at = v[i]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, "", &Error{path, "$ref", "there is nothing at " + text}
		}
	}
	return at, pointer, nil
}

const (
	mostAlternatives = 256
	mostFlattening   = 64 // references within references
)

// flatten returns the alternatives of a schema: schemas without references and
// combinations, one of which a value must satisfy.
func (c *compiler) flatten(schema, root any, path string, depth int) ([]*object, error) {
	if depth > mostFlattening {
		return nil, &Error{path, "$ref", "it refers to itself with nothing in between"}
	}
	s, ok := schema.(*object)
	switch {
	case schema == true:
		return []*object{newObject()}, nil
	case schema == false:
		return nil, nil
	case !ok:
		return nil, &Error{path, "", "a schema is an object, true or false"}
	}
	if err := checkKeywords(s, path); err != nil {
		return nil, err
	}
	base := newObject()
	for _, key := range s.keys {
		switch k := keywordOf(key); k.name {
		case "", "$ref", "allOf", "anyOf", "oneOf":
		default:
			base.set(key, s.values[key])
		}
	}
	result := []*object{base}
	if ref, ok := s.get("$ref"); ok {
		to, at, err := resolve(ref, root, path)
		if err != nil {
			return nil, err
		}
		others, err := c.flatten(to, root, at, depth+1)
		if err != nil {
			return nil, err
		}
		if result, err = c.product(result, others, path); err != nil {
			return nil, err
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		list, isList := v.([]any)
		if !isList || len(list) == 0 {
			return nil, &Error{path, key, "it must be a list with schemas in it"}
		}
		branches := make([][]*object, len(list))
		for i, branch := range list {
			var err error
			if branches[i], err = c.flatten(branch, root, path+"/"+key+"/"+itoa(i), depth+1); err != nil {
				return nil, err
			}
		}
		var err error
		if key == "oneOf" {
			err = c.exclusive(result, branches, root, path) // which joins them with the rest, too
			result = slices.Concat(branches...)
		} else if key == "anyOf" {
			result, err = c.product(result, slices.Concat(branches...), path)
		} else {
			for i := 0; i < len(branches) && err == nil; i++ {
				result, err = c.product(result, branches[i], path)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// product returns each of one list together with each of the other.
func (c *compiler) product(a, b []*object, path string) (all []*object, err error) {
	if len(a)*len(b) > mostAlternatives {
		return nil, &Error{path, "anyOf", fmt.Sprintf("it has more than %d alternatives", mostAlternatives)}
	}
	for _, x := range a {
		for _, y := range b {
			both, err := c.merge(x, y, path)
			if err != nil {
				return nil, err
			}
			all = append(all, both)
		}
	}
	return all, nil
}

// merge returns the schema of what satisfies two that are flat.
func (c *compiler) merge(a, b *object, path string) (*object, error) {
	both := newObject()
	for _, key := range a.keys {
		both.set(key, a.values[key])
	}
	for _, key := range b.keys {
		y := b.values[key]
		x, ok := a.get(key)
		if !ok || alike(x, y) {
			both.set(key, y)
			continue
		}
		v, err := c.mergeKeyword(key, x, y, path)
		if err != nil {
			return nil, err
		}
		both.set(key, v)
	}
	c.mergeProperties(both, a, b)
	c.mergeItems(both, a, b)
	return both, nil
}

// mergeItems joins the items of two lists, one by one where either has
// prefixItems.
func (c *compiler) mergeItems(both, a, b *object) {
	pa, inA := a.values["prefixItems"].([]any)
	pb, inB := b.values["prefixItems"].([]any)
	if !inA && !inB {
		return
	}
	at := func(s *object, prefix []any, i int) any {
		if i < len(prefix) {
			return prefix[i]
		}
		if items, ok := s.get("items"); ok {
			return items
		}
		return true
	}
	joined := make([]any, max(len(pa), len(pb)))
	for i := range joined {
		joined[i] = c.pair(at(a, pa, i), at(b, pb, i))
	}
	both.set("prefixItems", joined)
}

// alike reports whether two values of a keyword are the same. Schemas are looked
// at no closer: they may hold themselves.
func alike(x, y any) bool {
	_, isObject := x.(*object)
	_, isObject2 := y.(*object)
	if isObject || isObject2 {
		return x == y
	}
	return spell(x) == spell(y)
}

func (c *compiler) mergeKeyword(key string, x, y any, path string) (any, error) {
	switch key {
	case "type":
		return intersectTypes(x, y, path)
	case "enum":
		list, _ := x.([]any)
		others, _ := y.([]any)
		return append([]any{}, slices.DeleteFunc(slices.Clone(list), func(v any) bool {
			return !slices.ContainsFunc(others, func(o any) bool { return spell(o) == spell(v) })
		})...), nil
	case "required":
		list, _ := x.([]any)
		others, _ := y.([]any)
		return slices.Concat(list, others), nil
	case "properties", "additionalProperties", "prefixItems":
		return x, nil // mergeProperties and mergeItems do it
	case "items":
		return c.pair(x, y), nil
	case "minimum", "exclusiveMinimum", "minLength", "minItems", "maximum", "exclusiveMaximum", "maxLength", "maxItems":
		n, isNumber := x.(json.Number)
		m, isNumber2 := y.(json.Number)
		p, ok := ratOf(n)
		q, ok2 := ratOf(m)
		if isNumber && isNumber2 && ok && ok2 {
			if strings.Contains(strings.ToLower(key), "min") == (p.Cmp(q) > 0) {
				return n, nil
			}
			return m, nil
		}
	}
	return nil, &Error{path, key, "it stands in two schemas that must both be satisfied, which cannot be enforced"}
}

// mergeProperties joins the properties of two objects. What one of them does not
// name is its additionalProperties to it.
func (c *compiler) mergeProperties(both, a, b *object) {
	pa, pb := propertyObject(a), propertyObject(b)
	if pa == nil && pb == nil && !(has(a, "additionalProperties") && has(b, "additionalProperties")) {
		return
	}
	joined := newObject()
	for _, one := range []struct {
		own, other *object
		rest       *object
	}{{pa, pb, b}, {pb, pa, a}} {
		if one.own == nil {
			continue
		}
		for _, name := range one.own.keys {
			x := one.own.values[name]
			if joined.values[name] != nil {
				continue
			}
			if one.other != nil && has(one.other, name) {
				x = c.pair(x, one.other.values[name])
			} else if extra, ok := one.rest.get("additionalProperties"); ok {
				x = c.pair(x, extra)
			}
			joined.set(name, x)
		}
	}
	if len(joined.keys) > 0 {
		both.set("properties", joined)
	}
	x, inA := a.get("additionalProperties")
	y, inB := b.get("additionalProperties")
	if inA && inB {
		both.set("additionalProperties", c.pair(x, y))
	}
}

func has(o *object, key string) bool { _, ok := o.get(key); return ok }

func propertyObject(s *object) *object {
	v, _ := s.get("properties")
	o, _ := v.(*object)
	return o
}

// pair returns the schema of what satisfies both: the same one for the same
// schemas, however they came together, so that recursive ones come to an end.
func (c *compiler) pair(x, y any) any {
	switch {
	case x == false || y == false:
		return false
	case x == true:
		return y
	case y == true:
		return x
	}
	var leaves []*object
	for _, v := range []any{x, y} {
		o, ok := v.(*object)
		if !ok {
			return &object{keys: []string{"allOf"}, values: map[string]any{"allOf": []any{x, y}}} // no schema: whoever reads it says so
		}
		if parts, ok := c.parts[o]; ok {
			leaves = append(leaves, parts...)
		} else {
			leaves = append(leaves, c.leaf(o))
		}
	}
	slices.SortFunc(leaves, func(a, b *object) int { return c.number(a) - c.number(b) })
	if leaves = slices.Compact(leaves); len(leaves) == 1 {
		return leaves[0]
	}
	key, list := "", make([]any, len(leaves))
	for i, leaf := range leaves {
		key += itoa(c.number(leaf)) + " "
		list[i] = leaf
	}
	if c.pairs[key] == nil {
		o := newObject()
		o.set("allOf", list)
		c.pairs[key], c.parts[o] = o, leaves
	}
	return c.pairs[key]
}

// leaf returns the schema itself, or the first that is the same reference.
func (c *compiler) leaf(o *object) *object {
	ref, ok := o.values["$ref"].(string)
	if !ok || !bare(o) {
		return o
	}
	if c.refs[ref] == nil {
		c.refs[ref] = o
	}
	return c.refs[ref]
}

// number numbers schemas as they come.
func (c *compiler) number(o *object) int {
	n, ok := c.numbers[o]
	if !ok {
		n = len(c.numbers)
		c.numbers[o] = n
	}
	return n
}

func intersectTypes(x, y any, path string) (any, error) {
	a, err := typesOf(&object{keys: []string{"type"}, values: map[string]any{"type": x}}, path)
	if err != nil {
		return nil, err
	}
	b, err := typesOf(&object{keys: []string{"type"}, values: map[string]any{"type": y}}, path)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, t := range a {
		switch {
		case slices.Contains(b, t):
			list = append(list, t)
		case t == "integer" && slices.Contains(b, "number"), t == "number" && slices.Contains(b, "integer"):
			list = append(list, "integer")
		}
	}
	return list, nil
}
