package tokenizer

import (
	"fmt"
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

// schemaFault checks that v is a JSON Schema of draft 7 and returns what is
// wrong, in the words of jsonschema, or "". Not checked is that a "pattern" is
// a regular expression of Python's.
func schemaFault(v any) string {
	o, ok := v.(*object)
	if !ok {
		return typeFault(v, "object", "boolean")
	}
	for _, key := range keywords {
		if v, ok := o.values[key]; ok {
			if fault := keywordFault(key, v); fault != "" {
				return fault
			}
		}
	}
	return ""
}

func keywordFault(key string, v any) string {
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
			return repr(v) + " is less than or equal to the minimum of 0"
		}
		return typeFault(v, "number")
	case "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties":
		if n, ok := v.(number); ok && n.whole() && n.float() < 0 {
			return repr(v) + " is less than the minimum of 0"
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
		return membersFault(v, func(v any) string { return anyFault(v, schemaFault, stringsFault) })
	case "type":
		return anyFault(v, typeNameFault, typeListFault)
	}
	return schemaFault(v)
}

// typeFault checks that v has one of the types.
func typeFault(v any, types ...string) string {
	for _, t := range types {
		if hasType(v, t) {
			return ""
		}
	}
	return fmt.Sprintf("%s is not of type '%s'", repr(v), strings.Join(types, "', '"))
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
func membersFault(v any, check func(any) string) string {
	if fault := typeFault(v, "object"); fault != "" {
		return fault
	}
	for _, name := range v.(*object).keys {
		if fault := check(v.(*object).values[name]); fault != "" {
			return fault
		}
	}
	return ""
}

// elementsFault checks each element of a list.
func elementsFault(v any, check func(any) string) string {
	if fault := typeFault(v, "array"); fault != "" {
		return fault
	}
	for _, e := range v.([]any) {
		if fault := check(e); fault != "" {
			return fault
		}
	}
	return ""
}

// anyFault checks v against alternatives, one of which is enough.
func anyFault(v any, checks ...func(any) string) string {
	for _, check := range checks {
		if check(v) == "" {
			return ""
		}
	}
	return repr(v) + " is not valid under any of the given schemas"
}

// schemasFault checks a list of schemas.
func schemasFault(v any) string {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return "[] should be non-empty"
	}
	return elementsFault(v, schemaFault)
}

// stringsFault checks a list of different strings.
func stringsFault(v any) string {
	fault := elementsFault(v, func(v any) string { return typeFault(v, "string") })
	if fault == "" && repeats(v.([]any)) {
		fault = repr(v) + " has non-unique elements"
	}
	return fault
}

// typeNameFault checks the name of a type that a schema can ask for.
func typeNameFault(v any) string {
	name, ok := v.(string)
	if ok && slices.Contains([]string{"array", "boolean", "integer", "null", "number", "object", "string"}, name) {
		return ""
	}
	return repr(v) + " is not a type"
}

// typeListFault checks a list of different names of types.
func typeListFault(v any) string {
	fault := elementsFault(v, typeNameFault)
	if list, ok := v.([]any); ok && (len(list) == 0 || repeats(list)) {
		fault = "empty, or a type stands there twice"
	}
	return fault
}

// repeats reports whether two values of a list are equal.
func repeats(list []any) bool {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		seen[dumps(e)] = true
	}
	return len(seen) < len(list)
}
