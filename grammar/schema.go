package grammar

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A compiler writes schemas into a program: each becomes a rule, once.
type compiler struct {
	b      *builder
	rules  map[*object]int
	shared map[string]int // rules that are in no schema, by name
	nested int

	// Of schemas that must be satisfied together; see pair.
	pairs   map[string]*object
	parts   map[*object][]*object
	refs    map[string]*object
	numbers map[*object]int
}

func newCompiler() *compiler {
	c := &compiler{b: newBuilder(), rules: map[*object]int{}, shared: map[string]int{}}
	c.document()
	return c
}

// document begins another document: references lead elsewhere then.
func (c *compiler) document() {
	c.pairs, c.parts = map[string]*object{}, map[*object][]*object{}
	c.refs, c.numbers = map[string]*object{}, map[*object]int{}
}

func (c *compiler) grammar(main int) (*Grammar, error) { return c.b.grammar(main) }

// share returns the rule of a name, and writes it if it is not there.
func (c *compiler) share(name string, write func(rule int)) int {
	rule, ok := c.shared[name]
	if !ok {
		rule = c.b.newRule()
		c.shared[name] = rule
		write(rule)
	}
	return rule
}

// space takes the white space that may stand between the parts of a value: none,
// a space, or a new line and its indentation. More would let a model write
// nothing else.
func (c *compiler) space(from state) state {
	return c.b.call(from, c.share("space", func(rule int) {
		start := c.b.start(rule)
		line := c.b.bytes(start, '\n', '\n')
		spaces, tabs := c.b.join(line), c.b.join(line)
		c.b.free(c.b.bytes(c.b.tick(spaces, &count{max: 20}), ' ', ' '), spaces)
		c.b.free(c.b.bytes(c.b.tick(tabs, &count{max: 6}), '\t', '\t'), tabs)
		c.b.finish(rule, c.b.join(start, c.b.bytes(start, ' ', ' '), spaces, tabs))
	}))
}

// rule returns the rule of a schema within a document.
func (c *compiler) rule(schema any, root any, path string) (int, error) {
	switch s := schema.(type) {
	case bool:
		if s {
			return c.any(), nil
		}
		return c.share("never", func(rule int) { c.b.finish(rule, c.b.state()) }), nil
	case *object:
		if rule, ok := c.rules[s]; ok {
			return rule, nil
		}
		rule := c.b.newRule()
		c.rules[s] = rule
		if c.nested++; c.nested > 2*mostDepth {
			return 0, &Error{path, "", "it is nested too deep"}
		}
		err := c.write(rule, s, root, path)
		c.nested--
		return rule, err
	}
	return 0, &Error{path, "", "a schema is an object, true or false"}
}

// write writes the rule of a schema.
func (c *compiler) write(rule int, s *object, root any, path string) error {
	if err := checkKeywords(s, path); err != nil {
		return err
	}
	if ref, ok := s.get("$ref"); ok && bare(s) {
		to, at, err := resolve(ref, root, path)
		if err != nil {
			return err
		}
		other, err := c.rule(to, root, at)
		c.b.finish(rule, c.b.call(c.b.start(rule), other))
		return err
	}
	alternatives, err := c.flatten(s, root, path, 0)
	if err != nil {
		return err
	}
	var ends []state
	for _, flat := range alternatives {
		end, err := c.flat(flat, root, path)
		if err != nil {
			return err
		}
		ends = append(ends, c.b.call(c.b.start(rule), end))
	}
	c.b.finish(rule, c.b.join(ends...))
	return nil
}

// flat returns the rule of a schema without references and combinations.
func (c *compiler) flat(s *object, root any, path string) (int, error) {
	rule := c.b.newRule()
	types, err := typesOf(s, path)
	if err != nil {
		return 0, err
	}
	if values, ok, err := enumeration(s, path); err != nil || ok {
		if err == nil {
			err = c.enum(rule, s, values, types, root, path)
		}
		return rule, err
	}
	var ends []state
	for _, t := range types {
		one, err := c.typed(t, s, root, path)
		if err != nil {
			return 0, err
		}
		ends = append(ends, c.b.call(c.b.start(rule), one))
	}
	c.b.finish(rule, c.b.join(ends...))
	return rule, nil
}

// typed returns the rule of the values of one type.
func (c *compiler) typed(t string, s *object, root any, path string) (int, error) {
	switch t {
	case "null":
		return c.word("null"), nil
	case "boolean":
		return c.share("boolean", func(rule int) {
			c.b.finish(rule, c.b.join(c.b.literal(c.b.start(rule), "true"), c.b.literal(c.b.start(rule), "false")))
		}), nil
	case "integer", "number":
		return c.numeric(t, s, path)
	case "string":
		return c.text(s, path)
	case "array":
		return c.array(s, root, path)
	}
	return c.object(s, root, path)
}

func (c *compiler) word(text string) int {
	return c.share("word "+text, func(rule int) { c.b.finish(rule, c.b.literal(c.b.start(rule), text)) })
}

// any returns the rule of all values.
func (c *compiler) any() int {
	return c.share("any", func(rule int) {
		var ends []state
		for _, t := range allTypes {
			one, err := c.typed(t, newObject(), nil, "")
			if err == nil { // an empty schema has no faults
				ends = append(ends, c.b.call(c.b.start(rule), one))
			}
		}
		c.b.finish(rule, c.b.join(ends...))
	})
}

// anyObject returns the rule of all objects.
func (c *compiler) anyObject() int {
	return c.share("object", func(rule int) {
		start := c.space(c.b.bytes(c.b.start(rule), '{', '{'))
		key := c.b.join(start)
		end := c.b.call(c.colon(c.b.call(key, c.plainString())), c.any())
		c.b.free(c.space(c.b.bytes(end, ',', ',')), key)
		c.b.finish(rule, c.b.bytes(c.b.join(start, c.space(end)), '}', '}'))
	})
}

func (c *compiler) colon(from state) state { return c.space(c.b.bytes(from, ':', ':')) }

func (c *compiler) plainString() int {
	return c.share("string", func(rule int) { c.b.str(rule, 0, -1) })
}

// allTypes are those of JSON Schema but integer, which is a part of number.
var allTypes = []string{"object", "array", "string", "number", "boolean", "null"}

// typesOf returns the types that a schema allows: those it names, else those
// that its keywords are about, else all.
func typesOf(s *object, path string) ([]string, error) {
	v, ok := s.get("type")
	if !ok {
		return impliedTypes(s), nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var types []string
	for _, t := range list {
		name, _ := t.(string)
		if !slices.Contains(allTypes, name) && name != "integer" {
			return nil, &Error{path, "type", "it is none of JSON's types: " + spell(t)}
		}
		types = append(types, name)
	}
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	return merged(types), nil
}

func impliedTypes(s *object) (types []string) {
	if slices.ContainsFunc([]string{"enum", "const"}, func(key string) bool { _, ok := s.get(key); return ok }) {
		return append([]string{}, allTypes...)
	}
	for _, k := range keywords {
		if _, ok := s.get(k.name); ok && k.of != "" && !slices.Contains(types, k.of) {
			types = append(types, k.of)
		}
	}
	if types == nil {
		return append([]string{}, allTypes...)
	}
	return types
}

// enumeration returns the values that a schema lists.
func enumeration(s *object, path string) (values []any, ok bool, err error) {
	if v, found := s.get("enum"); found {
		list, isList := v.([]any)
		if !isList || len(list) == 0 {
			return nil, false, &Error{path, "enum", "it must be a list with something in it"}
		}
		values, ok = list, true
	}
	if v, found := s.get("const"); found {
		if !ok {
			return []any{v}, true, nil
		}
		values = slices.DeleteFunc(slices.Clone(values), func(e any) bool { return spell(e) != spell(v) })
	}
	return values, ok, nil
}

// enum writes the rule of the listed values that the rest of the schema allows.
func (c *compiler) enum(rule int, s *object, values []any, types []string, root any, path string) error {
	rest := newObject()
	for _, key := range s.keys {
		if key != "enum" && key != "const" && key != "type" && keywordOf(key).of != "" {
			rest.set(key, s.values[key])
		}
	}
	var ends []state
	for _, v := range values {
		t := typeOf(v)
		if !slices.Contains(types, t) && !(t == "integer" && slices.Contains(types, "number")) {
			continue
		}
		if len(rest.keys) > 0 {
			fits, err := fits(rest, t, v, root, path)
			if err != nil {
				return err
			}
			if !fits {
				continue
			}
		}
		ends = append(ends, c.b.literal(c.b.start(rule), spell(v)))
	}
	c.b.finish(rule, c.b.join(ends...))
	return nil
}

// fits reports whether a value is one of a schema's: by the schema's own program.
func fits(s *object, t string, v any, root any, path string) (bool, error) {
	if !slices.ContainsFunc(s.keys, func(key string) bool { return keywordOf(key).of == baseType(t) }) {
		return true, nil
	}
	if t == "object" || t == "array" {
		return false, &Error{path, "enum", "objects and lists cannot be listed beside keywords about their insides"}
	}
	c := newCompiler()
	main, err := c.typed(t, s, root, path)
	if err != nil {
		return false, err
	}
	g, err := c.grammar(main)
	if err != nil {
		return false, nil // it allows nothing
	}
	return g.Matches(spell(v)), nil
}

func baseType(t string) string {
	if t == "integer" {
		return "number"
	}
	return t
}

// numeric returns the rule of numbers.
func (c *compiler) numeric(t string, s *object, path string) (int, error) {
	var lo, hi bound
	for _, k := range []struct {
		name      string
		to        *bound
		sign      int
		exclusive bool
	}{{"minimum", &lo, 1, false}, {"exclusiveMinimum", &lo, 1, true}, {"maximum", &hi, -1, false}, {"exclusiveMaximum", &hi, -1, true}} {
		v, ok := s.get(k.name)
		if !ok {
			continue
		}
		n, isNumber := v.(json.Number)
		if !isNumber {
			return 0, &Error{path, k.name, "it must be a number"}
		}
		value, ok := ratOf(n)
		if !ok {
			return 0, &Error{path, k.name, "the number is too large or too small to be enforced"}
		}
		*k.to = k.to.tighter(bound{value, k.exclusive}, k.sign)
	}
	if lo.value == nil && hi.value == nil {
		return c.share(t, func(rule int) { c.b.number(rule, t == "integer") }), nil
	}
	rule := c.b.newRule()
	c.b.bounded(rule, t == "integer", lo, hi)
	return rule, nil
}

// text returns the rule of strings.
func (c *compiler) text(s *object, path string) (int, error) {
	min, max, err := bounds(s, "minLength", "maxLength", path)
	if err != nil {
		return 0, err
	}
	expression, hasPattern := "", false
	if v, ok := s.get("pattern"); ok {
		if expression, hasPattern = v.(string); !hasPattern {
			return 0, &Error{path, "pattern", "it must be a string"}
		}
	}
	if v, ok := s.get("format"); ok {
		name, _ := v.(string)
		if format, known := formats[name]; known {
			if hasPattern {
				return 0, &Error{path, "format", "it cannot be enforced together with a pattern"}
			}
			expression, hasPattern = format, true
		}
	}
	switch {
	case !hasPattern && min == 0 && max < 0:
		return c.plainString(), nil
	case !hasPattern:
		rule := c.b.newRule()
		c.b.str(rule, min, max)
		return rule, nil
	}
	return c.patterned(expression, min, max, path)
}

// patterned returns the rule of strings of an expression and a length.
func (c *compiler) patterned(expression string, min, max int, path string) (int, error) {
	rule := c.b.newRule()
	start := c.b.bytes(c.b.start(rule), '"', '"')
	p := &pattern{b: c.b, spell: inJSON}
	if min > 0 || max >= 0 {
		p.count = &lengths{min: min, max: max}
	}
	end, err := p.search(start, expression)
	if err != nil {
		return 0, &Error{path, "pattern", err.Error()}
	}
	if p.count != nil {
		ok, err := p.count.settle(c.b, start, end)
		if err != nil {
			return 0, &Error{path, "pattern", err.Error()}
		}
		if !ok {
			end = c.b.state() // nothing leads there
		}
	}
	if p.count != nil {
		end = c.b.atLeast(end, &count{min: min})
	}
	c.b.finish(rule, c.b.bytes(end, '"', '"'))
	return rule, nil
}

// Days and times of RFC 3339, leap days and leap seconds left out.
const (
	date  = `[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))`
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
)

// formats are those that are enforced, as expressions; others are notes to the
// reader, as the standard has it.
var formats = map[string]string{
	"date":      `^` + date + `$`,
	"time":      `^` + clock + `$`,
	"date-time": `^` + date + `T` + clock + `$`,
	"uuid":      `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	"ipv4":      `^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$`,
	"email":     `^[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}@([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,16}$`,
}

// bounds returns two keywords that count; max is -1 if there is none.
func bounds(s *object, least, most, path string) (min, max int, err error) {
	max = -1
	for _, k := range []struct {
		name string
		to   *int
	}{{least, &min}, {most, &max}} {
		if v, ok := s.get(k.name); ok {
			if *k.to, err = natural(v, k.name, path); err != nil {
				return 0, 0, err
			}
		}
	}
	return min, max, nil
}

func natural(v any, keyword, path string) (int, error) {
	n, ok := v.(json.Number)
	f, err := strconv.ParseFloat(n.String(), 64)
	if !ok || err != nil || f < 0 || f != math.Trunc(f) || f > 1<<30 {
		return 0, &Error{path, keyword, fmt.Sprintf("it must be a whole number from 0 to %d", 1<<30)}
	}
	return int(f), nil
}
