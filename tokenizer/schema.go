package tokenizer

import (
	"slices"
	"strings"
)

// keywords are the properties of the meta-schema of draft 7, in its order
// (json-schema.org/draft-07/schema). Python's jsonschema checks them in that
// order and reports the first fault; of several members of an object it takes
// any, so there the first is as good.
var keywords = []string{
	"$id", "$schema", "$ref", "$comment", "title", "description", "readOnly", "examples", "multipleOf",
	"maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern",
	"additionalItems", "items", "maxItems", "minItems", "uniqueItems", "contains", "maxProperties",
	"minProperties", "required", "additionalProperties", "definitions", "properties", "patternProperties",
	"dependencies", "propertyNames", "enum", "type", "format", "contentMediaType", "contentEncoding",
	"if", "then", "else", "allOf", "anyOf", "oneOf", "not",
}

// A fault is a value in a schema and what is wrong with it, in the words of
// jsonschema. It is only put together for the one that is reported.
type fault struct {
	value any
	says  string
}

func (f *fault) String() string { return repr(f.value) + " " + f.says }

// schemaFault checks that v is a JSON Schema of draft 7; nil if it is. Not
// checked is that a "pattern" is a regular expression of Python's.
func schemaFault(v any) *fault {
	o, ok := v.(*object)
	if !ok {
		return typeFault(v, "object", "boolean")
	}
	for _, key := range keywords {
		if v, ok := o.values[key]; ok {
			if f := keywordFault(key, v); f != nil {
				return f
			}
		}
	}
	return nil
}

func keywordFault(key string, v any) *fault {
	switch key {
	case "$id", "$schema", "$ref", "$comment", "title", "description", "pattern", "format",
		"contentMediaType", "contentEncoding":
		return typeFault(v, "string")
	case "readOnly", "uniqueItems":
		return typeFault(v, "boolean")
	case "examples", "enum":
		return typeFault(v, "array")
	case "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum":
		return typeFault(v, "number")
	case "multipleOf":
		if n, ok := v.(number); ok && n.float() <= 0 {
			return &fault{v, "is less than or equal to the minimum of 0"}
		}
		return typeFault(v, "number")
	case "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties":
		if n, ok := v.(number); ok && n.whole() && n.float() < 0 {
			return &fault{v, "is less than the minimum of 0"}
		}
		return typeFault(v, "integer")
	case "allOf", "anyOf", "oneOf":
		return schemasFault(v)
	case "definitions", "properties", "patternProperties":
		return membersFault(v, schemaFault)
	case "required":
		return stringsFault(v)
	case "items":
		return anyFault(v, schemaFault, schemasFault)
	case "dependencies":
		return membersFault(v, func(v any) *fault { return anyFault(v, schemaFault, stringsFault) })
	case "type":
		return anyFault(v, typeNameFault, typeListFault)
	}
	return schemaFault(v)
}

// typeFault checks that v has one of the types.
func typeFault(v any, types ...string) *fault {
	for _, t := range types {
		if hasType(v, t) {
			return nil
		}
	}
	return &fault{v, "is not of type '" + strings.Join(types, "', '") + "'"}
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

// membersFault checks each member of an object.
func membersFault(v any, check func(any) *fault) *fault {
	if f := typeFault(v, "object"); f != nil {
		return f
	}
	for _, name := range v.(*object).keys {
		if f := check(v.(*object).values[name]); f != nil {
			return f
		}
	}
	return nil
}

// elementsFault checks each element of a list.
func elementsFault(v any, check func(any) *fault) *fault {
	if f := typeFault(v, "array"); f != nil {
		return f
	}
	for _, e := range v.([]any) {
		if f := check(e); f != nil {
			return f
		}
	}
	return nil
}

// anyFault checks v against alternatives, one of which is enough.
func anyFault(v any, checks ...func(any) *fault) *fault {
	for _, check := range checks {
		if check(v) == nil {
			return nil
		}
	}
	return &fault{v, "is not valid under any of the given schemas"}
}

// schemasFault checks a list of schemas.
func schemasFault(v any) *fault {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return &fault{v, "should be non-empty"}
	}
	return elementsFault(v, schemaFault)
}

// stringsFault checks a list of different strings.
func stringsFault(v any) *fault {
	f := elementsFault(v, func(v any) *fault { return typeFault(v, "string") })
	if f == nil && repeats(v.([]any)) {
		f = &fault{v, "has non-unique elements"}
	}
	return f
}

// typeNameFault checks the name of a type that a schema can ask for.
func typeNameFault(v any) *fault {
	name, ok := v.(string)
	if ok && slices.Contains([]string{"array", "boolean", "integer", "null", "number", "object", "string"}, name) {
		return nil
	}
	return &fault{v, "is not a type"}
}

// typeListFault checks a list of different names of types.
func typeListFault(v any) *fault {
	f := elementsFault(v, typeNameFault)
	if list, ok := v.([]any); ok && (len(list) == 0 || repeats(list)) {
		f = &fault{v, "is empty or repeats a type"}
	}
	return f
}

// repeats reports whether two values of a list are equal.
func repeats(list []any) bool {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		seen[dumps(e)] = true
	}
	return len(seen) < len(list)
}
