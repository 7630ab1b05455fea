package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"
)

// readBody reads the JSON of a request, within the limits of size and time.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return nil, &apiError{Status: http.StatusUnsupportedMediaType, Type: invalidRequest,
			Message: "The body must be JSON and say so: send the header \"Content-Type: application/json\"."}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, &apiError{Status: http.StatusUnsupportedMediaType, Type: invalidRequest, Message: "The body may not be compressed."}
	}
	if r.ContentLength > s.o.MaxBodyBytes {
		return nil, s.tooLarge()
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(s.o.BodyTimeout)) // not every ResponseWriter can
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.MaxBodyBytes))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, s.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, &apiError{Status: http.StatusRequestTimeout, Type: timedOut, Message: fmt.Sprintf("The body did not arrive within %v.", s.o.BodyTimeout)}
	case err != nil:
		return nil, bad("", "The body ended too early.")
	}
	// The connection is watched from now on for the client's going away.
	_ = rc.SetReadDeadline(time.Time{})
	return body, nil
}

func (s *Server) tooLarge() error {
	return &apiError{Status: http.StatusRequestEntityTooLarge, Type: invalidRequest, Code: "body_too_large",
		Message: fmt.Sprintf("The body is larger than the %d MB this server takes; send smaller images (it makes them smaller anyway).", s.o.MaxBodyBytes>>20)}
}

// decode reads the body of a request into v, and returns it with the names of
// the fields that v does not have.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, v any) (body []byte, unknown []string, err error) {
	if body, err = s.readBody(w, r); err != nil {
		return nil, nil, err
	}
	if err := unmarshal(body, v); err != nil {
		return nil, nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, nil, badJSON(err)
	}
	known := fieldsOf(reflect.TypeOf(v).Elem())
	for name := range all {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	return body, unknown, nil
}

// unmarshal is json.Unmarshal whose errors name the field.
func unmarshal(body []byte, v any) error {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return bad("", "The body is not a JSON object.")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return badJSON(err)
	}
	return nil
}

func badJSON(err error) error {
	var kind *json.UnmarshalTypeError
	var api *apiError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &kind) && kind.Field != "":
		return bad(fieldOf(kind), "%s.", mistyped(kind))
	}
	return bad("", "The body is not valid JSON: %s.", strings.TrimPrefix(err.Error(), "json: "))
}

// fieldOf names a field as the request does: encoding/json also names the struct
// that lends it.
func fieldOf(kind *json.UnmarshalTypeError) string {
	return strings.TrimPrefix(kind.Field, reflect.TypeFor[sampling]().Name()+".")
}

// mistyped says which field is of the wrong type, and what it must be.
func mistyped(kind *json.UnmarshalTypeError) string {
	if kind.Field == "" {
		return article(kind.Value) + " is where there must be " + wanted(kind.Type)
	}
	return fmt.Sprintf("%s is %s; it must be %s", quote(fieldOf(kind)), article(kind.Value), wanted(kind.Type))
}

// article names a JSON value that came.
func article(value string) string {
	word, _, _ := strings.Cut(value, " ")
	switch word {
	case "object", "array":
		return "an " + word
	case "bool":
		return "true or false"
	}
	if rest, ok := strings.CutPrefix(value, "number "); ok {
		return shorten(rest)
	}
	return "a " + word
}

// wanted names the JSON that a Go type takes.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Float64, reflect.Float32:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// fieldsOf returns the names that a struct's fields have in JSON.
func fieldsOf(t reflect.Type) map[string]bool {
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names[name] = true
		}
	}
	return names
}
