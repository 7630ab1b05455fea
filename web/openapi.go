package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// openAPI answers GET /openapi.json.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, s.describe())
	return nil
}

// describe makes the OpenAPI description out of the routes and of the types
// that their bodies are read into.
func (s *Server) describe() any {
	d := description{schemas: map[string]any{}}
	paths := map[string]map[string]any{}
	for _, r := range routes() {
		path := strings.ReplaceAll(r.path, "...}", "}")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(r.method)] = d.operation(r, path)
	}
	return map[string]any{
		"openapi":    "3.1.0",
		"info":       map[string]any{"title": "pixtral-wgpu", "version": s.o.Version, "description": "The API of OpenAI and Mistral, and what looks into answers. Lists of numbers of /inspect are little-endian 32-bit floats in base64."},
		"paths":      paths,
		"components": map[string]any{"schemas": d.schemas, "securitySchemes": map[string]any{"key": map[string]any{"type": "http", "scheme": "bearer"}}},
	}
}

// A description gathers the schemas of types by name.
type description struct{ schemas map[string]any }

func (d description) operation(r route, path string) map[string]any {
	ok := map[string]any{"description": "done"}
	if r.out != nil {
		ok["content"] = d.content(r.out)
	}
	op := map[string]any{"summary": r.summary, "responses": map[string]any{
		"200": ok, "default": map[string]any{"description": "what is wrong, and what to do", "content": d.content(wireError{})},
	}}
	if r.in != nil {
		op["requestBody"] = map[string]any{"required": true, "content": d.content(r.in)}
	}
	var parameters []any
	if strings.Contains(path, "{id}") {
		parameters = append(parameters, map[string]any{"name": "id", "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, name := range queries[r.path] {
		parameters = append(parameters, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string"}})
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if !r.open {
		op["security"] = []any{map[string]any{"key": []string{}}, map[string]any{}}
	}
	return op
}

// queries are the parameters of routes that read any.
var queries = map[string][]string{
	"/inspect/{id}/attention": {"positions", "layers", "heads"},
	"/inspect/{id}/rollout":   {"positions", "image"},
	"/inspect/{id}/patch":     {"image", "patch", "layers", "heads"},
	"/inspect/{id}/lens":      {"position", "top", "image", "layer"},
}

func (d description) content(v any) map[string]any {
	return map[string]any{"application/json": map[string]any{"schema": d.schema(reflect.TypeOf(v))}}
}

var (
	rawJSON = reflect.TypeFor[json.RawMessage]()
	decodes = reflect.TypeFor[json.Unmarshaler]()
	encodes = reflect.TypeFor[json.Marshaler]()
)

// schema describes a type; structs go by name.
func (d description) schema(t reflect.Type) map[string]any {
	if t.Kind() == reflect.Pointer {
		return d.schema(t.Elem())
	}
	switch {
	case t == reflect.TypeFor[floats]():
		return map[string]any{"type": "string", "contentEncoding": "base64", "description": "little-endian 32-bit floats"}
	case t == rawJSON, t.Implements(encodes), reflect.PointerTo(t).Implements(decodes), t.Kind() == reflect.Interface:
		return map[string]any{} // it has several forms
	}
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		if t.Name() == "" {
			return d.object(t)
		}
		if _, known := d.schemas[t.Name()]; !known {
			d.schemas[t.Name()] = nil // it may hold itself
			d.schemas[t.Name()] = d.object(t)
		}
		return map[string]any{"$ref": "#/components/schemas/" + t.Name()}
	}
	return map[string]any{"type": "integer"}
}

func (d description) object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var required []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		p := d.schema(f.Type)
		if text := f.Tag.Get("jsonschema_description"); text != "" {
			p["description"] = text
		}
		for rule := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			key, value, _ := strings.Cut(rule, "=")
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				p[key] = n
			} else if key == "required" {
				required = append(required, name)
			} else if key == "enum" {
				list, _ := p["enum"].([]string)
				p["enum"] = append(list, value)
			}
		}
		properties[name] = p
	}
	out := map[string]any{"type": "object", "properties": properties}
	if required != nil {
		out["required"] = required
	}
	return out
}
