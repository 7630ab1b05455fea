package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// An inspection over HTTP: opened, looked into, gone; and what is asked wrongly
// is told why.
func TestInspectAPI(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := gpu.Open(gpu.Options{})
	must(err)
	defer d.Close()
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	must(err)
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	must(err)
	e, err := engine.New(p, engine.Options{Context: 1024, Slots: 2})
	must(err)
	s, err := New(e, Options{Context: 1024})
	must(err)
	defer s.Close()
	ask := func(method, path, body string, status int, into any) {
		t.Helper()
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != status {
			t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, shorten(w.Body.String()))
		}
		if into != nil {
			must(json.Unmarshal(w.Body.Bytes(), into))
		}
	}
	data, err := os.ReadFile("../model/pocket/examples/red-circle.png")
	must(err)
	uri := "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
	messages := `"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "` + uri + `"}, {"type": "text", "text": "What is this?"}]}]`

	var seen sight
	ask("POST", "/inspect/image", `{"image": "`+uri+`"}`, http.StatusOK, &seen)
	if seen.Cols != 8 || seen.Rows != 6 || seen.Tokens != 54 || !strings.HasPrefix(seen.Picture, "data:image/png") {
		t.Errorf("the picture is seen as %d by %d patches, %d tokens", seen.Cols, seen.Rows, seen.Tokens)
	}
	var i inspection
	ask("POST", "/inspect", `{`+messages+`, "temperature": 0, "steps": 16}`, http.StatusOK, &i)
	if len(i.Answer) == 0 || i.FinishReason == nil || i.Images[0].First != 2 {
		t.Errorf("%+v", i)
	}
	var rows struct {
		Rows []struct {
			Shape [3]int
			Data  []byte
		}
	}
	ask("GET", "/inspect/"+i.ID+"/attention?heads=each", "", http.StatusOK, &rows)
	if len(rows.Rows) != len(i.Answer)+1 {
		t.Errorf("%d rows for an answer of %d tokens", len(rows.Rows), len(i.Answer))
	}
	for _, r := range rows.Rows {
		if len(r.Data) != 4*r.Shape[0]*r.Shape[1]*r.Shape[2] {
			t.Errorf("%d bytes for %v floats", len(r.Data), r.Shape)
		}
	}
	for path, status := range map[string]int{
		"/attention?positions=99999": 400, "/attention?positions=5-3": 400, "/attention?heads=all": 400, "/attention?layers=-1": 400,
		"/patch?image=3": 400, "/patch?patch=x": 400, "/lens?position=-3": 400, "/lens?top=500&position=1": 400, "/rollout?positions=0": 400,
		"/rollout": 200, "/stats": 200, "/lens?position=5": 200, "/lens?image=0&layer=0": 200, "/nothing": 404,
	} {
		ask("GET", "/inspect/"+i.ID+path, "", status, nil)
	}
	ask("POST", "/inspect", `{`+messages+`, "steps": 9999}`, 400, nil)
	ask("POST", "/inspect", `{`+messages+`, "answer": "A", "answer_tokens": [1]}`, 400, nil)
	ask("POST", "/inspect", `{`+messages+`, "answer_tokens": [99999]}`, 400, nil)
	ask("POST", "/inspect/"+i.ID+"/step", `{"token": 99999}`, 400, nil)
	ask("POST", "/inspect/"+i.ID+"/hide", `{"image": 0, "width": 0, "height": 5}`, 400, nil)
	ask("DELETE", "/inspect/"+i.ID, "", http.StatusNoContent, nil)
	ask("GET", "/inspect/"+i.ID, "", http.StatusNotFound, nil)
}
