package web

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// The description is JSON, has every route, and no reference in it leads nowhere.
func TestDescription(t *testing.T) {
	data, err := json.Marshal(new(Server).describe())
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	for _, r := range routes() {
		if d.Paths[strings.ReplaceAll(r.path, "...}", "}")][strings.ToLower(r.method)] == nil {
			t.Errorf("%s %s is not described", r.method, r.path)
		}
	}
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(string(data), -1) {
		if d.Components.Schemas[ref[1]] == nil {
			t.Errorf("%s is referred to, and is not there", ref[1])
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/inspect/{id}/step", "/inspect/x/step", true}, {"/inspect/{id}/step", "/inspect//step", false},
		{"/inspect/{id}", "/inspect/x/step", false}, {"/v1/models/{id...}", "/v1/models/a/b", true},
		{"/v1/models/{id...}", "/v1/models/", false}, {"/health", "/health", true},
	} {
		if matches(c.pattern, c.path) != c.want {
			t.Errorf("%s and %s: %t", c.pattern, c.path, !c.want)
		}
	}
}
