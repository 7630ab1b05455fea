package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// schemaFault checks that v is a JSON Schema of draft 7, by the meta-schema
// (json-schema.org/draft-07/schema), and returns what is wrong in the words of
// Python's jsonschema, or "". Of several faults it names the outermost.
// Not checked is that a "pattern" is a regular expression of Python's.
func schemaFault(v any) string {
	var c schemaCheck
	c.schema(v, 0)
	return c.fault
}

// A schemaCheck keeps the worst fault seen.
type schemaCheck struct {
	fault string
	depth int
	weak  bool // an alternative failed: any other fault at the same depth says more
}

func (c *schemaCheck) add(depth int, weak bool, format string, args ...any) {
	if c.fault == "" || depth < c.depth || depth == c.depth && c.weak && !weak {
		c.fault, c.depth, c.weak = fmt.Sprintf(format, args...), depth, weak
	}
}

// jsonTypes are the types that a schema can ask for.
var jsonTypes = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// is reports whether v has one of the types; if not, that is a fault.
func (c *schemaCheck) is(v any, depth int, types ...string) bool {
	for _, t := range types {
		if hasType(v, t) {
			return true
		}
	}
	c.add(depth, false, "%s is not of type '%s'", repr(v), strings.Join(types, "', '"))
	return false
}

func hasType(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case []any:
		return name == "array"
	case *object:
		return name == "object"
	case number:
		return name == "number" || name == "integer" && v.whole()
	}
	return name == "null"
}

// schema checks one schema at that depth of the whole.
func (c *schemaCheck) schema(v any, depth int) {
	o, ok := v.(*object)
	if !ok {
		c.is(v, depth, "object", "boolean")
		return
	}
	for _, key := range o.keys {
		c.keyword(key, o.values[key], depth+1)
	}
}

func (c *schemaCheck) keyword(key string, v any, depth int) {
	switch key {
	case "$id", "$schema", "$ref", "$comment", "title", "description", "pattern", "format",
		"contentMediaType", "contentEncoding":
		c.is(v, depth, "string")
	case "readOnly", "uniqueItems":
		c.is(v, depth, "boolean")
	case "examples", "enum":
		c.is(v, depth, "array")
	case "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum":
		c.is(v, depth, "number")
	case "multipleOf":
		if c.is(v, depth, "number") && v.(number).float() <= 0 {
			c.add(depth, false, "%s is less than or equal to the minimum of 0", repr(v))
		}
	case "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties":
		if c.is(v, depth, "integer") && v.(number).float() < 0 {
			c.add(depth, false, "%s is less than the minimum of 0", repr(v))
		}
	case "additionalItems", "contains", "additionalProperties", "propertyNames", "if", "then", "else", "not":
		c.schema(v, depth)
	case "allOf", "anyOf", "oneOf":
		c.schemas(v, depth)
	case "definitions", "properties", "patternProperties":
		if c.is(v, depth, "object") {
			for _, name := range v.(*object).keys {
				c.schema(v.(*object).values[name], depth+1)
			}
		}
	case "required":
		c.strings(v, depth)
	case "items":
		c.either(v, depth, (*schemaCheck).schema, (*schemaCheck).schemas)
	case "dependencies":
		if c.is(v, depth, "object") {
			for _, name := range v.(*object).keys {
				c.either(v.(*object).values[name], depth+1, (*schemaCheck).schema, (*schemaCheck).strings)
			}
		}
	case "type":
		if !typeName(v) && !typeList(v) {
			c.add(depth, true, "%s is not valid under any of the given schemas", repr(v))
		}
	}
}

// schemas checks a list of schemas, which must not be empty.
func (c *schemaCheck) schemas(v any, depth int) {
	if !c.is(v, depth, "array") {
		return
	}
	if len(v.([]any)) == 0 {
		c.add(depth, false, "[] should be non-empty")
	}
	for _, e := range v.([]any) {
		c.schema(e, depth+1)
	}
}

// strings checks a list of different strings.
func (c *schemaCheck) strings(v any, depth int) {
	if !c.is(v, depth, "array") {
		return
	}
	list := v.([]any)
	for _, e := range list {
		c.is(e, depth+1, "string")
	}
	if repeats(list) {
		c.add(depth, false, "%s has non-unique elements", repr(v))
	}
}

// either checks v against two alternatives.
func (c *schemaCheck) either(v any, depth int, checks ...func(*schemaCheck, any, int)) {
	for _, check := range checks {
		var try schemaCheck
		if check(&try, v, depth); try.fault == "" {
			return
		}
	}
	c.add(depth, true, "%s is not valid under any of the given schemas", repr(v))
}

func typeName(v any) bool {
	name, ok := v.(string)
	return ok && slices.Contains(jsonTypes, name)
}

func typeList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) > 0 && !repeats(list) && !slices.ContainsFunc(list, func(e any) bool { return !typeName(e) })
}

// repeats reports whether two values of a list are equal.
func repeats(list []any) bool {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		seen[dumps(e)] = true
	}
	return len(seen) < len(list)
}
