package tokenizer

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseChat(t *testing.T) {
	chat, err := ParseChat([]byte(`{
		"model": "pixtral", "temperature": 0.3, "stream": true, "seed": 5, "continue_final_message": true, "tool_choice": "auto",
		"messages": [
			{"role": "developer", "content": "s"},
			{"role": "user", "name": "ann", "content": [
				{"type": "text", "text": "a"},
				{"type": "image_url", "image_url": "http://example.org/1.png"},
				{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
				{"type": "image", "image": "AAAA"}]},
			{"role": "assistant", "content": null, "tool_calls": [
				{"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
				{"function": {"name": "g", "arguments": {"y": 2.0}}},
				{"function": {"name": "h"}}]},
			{"role": "tool", "tool_call_id": "abcdefghi", "name": "f", "content": "1"},
			{"role": "assistant", "content": "b", "prefix": true}],
		"tools": [
			{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"b": 1, "a": 2}, "strict": true}},
			{"function": {"name": "g", "parameters": null}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Chat{
		Model: "pixtral", ContinueFinal: true,
		Messages: []Message{
			SystemMessage("s"),
			{Role: RoleUser, Name: "ann", Parts: []Part{Text("a"), Image("http://example.org/1.png"),
				Image("data:image/png;base64,AA=="), {Type: PartImage, Source: "AAAA"}}},
			{Role: RoleAssistant, ToolCalls: []ToolCall{{"abcdefghi", "f", `{"x": 1}`}, {"null", "g", `{"y": 2.0}`}, {"null", "h", ""}}},
			{Role: RoleTool, ToolCallID: "abcdefghi", Name: "f", Parts: []Part{Text("1")}},
			{Role: RoleAssistant, Parts: []Part{Text("b")}, Prefix: true},
		},
		Tools: []Tool{{"f", "d", []byte(`{"b": 1, "a": 2}`)}, {"g", "", nil}},
	}
	if !reflect.DeepEqual(chat, want) {
		t.Errorf("got %+v\nwant %+v", chat, want)
	}
	var sources []string
	for _, image := range chat.Images() {
		sources = append(sources, image.Source)
	}
	if got := strings.Join(sources, " "); got != "http://example.org/1.png data:image/png;base64,AA== AAAA" {
		t.Errorf("Images: %s", got)
	}
}

func TestParseChatRefuses(t *testing.T) {
	message := func(m string) string { return `{"messages": [{"role": "user", "content": "a"}, ` + m + `]}` }
	part := func(p string) string { return message(`{"role": "user", "content": [` + p + `]}`) }
	call := func(c string) string { return message(`{"role": "assistant", "tool_calls": [` + c + `]}`) }
	for _, c := range []struct{ body, want string }{
		{``, "unexpected end of JSON"},
		{`[]`, "cannot unmarshal array"},
		{`{"messages": 5}`, "cannot unmarshal number"},
		{`{"messages": []} x`, "after top-level value"},
		{message(`{"content": "b"}`), `messages[1]: role is ""`},
		{message(`{"role": "function", "content": "b"}`), `role is "function", want system, user, assistant or tool`},
		{message(`{"role": "user"}`), "messages[1]: content of a user message is missing"},
		{message(`{"role": "tool", "content": null}`), "content of a tool message is missing"},
		{message(`{"role": "system"}`), "System prompt must have content"},
		{message(`{"role": "user", "content": 5}`), "neither text nor a list"},
		{part(`"a"`), "neither text nor a list"},
		{part(`{"type": "video", "video": "b"}`), `messages[1]: content[0]: type is "video", want "text", "image" or "image_url"`},
		{part(`{"text": "b"}`), `type is ""`},
		{part(`{"type": "text", "text": "a"}, {"type": "text"}`), `content[1]: a part of type "text" needs a "text"`},
		{part(`{"type": "image", "image_url": "b"}`), `needs an "image" in base64`},
		{part(`{"type": "image_url", "image_url": null}`), `needs an "image_url"`},
		{part(`{"type": "image_url", "image_url": {"detail": "low"}}`), `needs an "image_url"`},
		{part(`{"type": "image_url"}`), `needs an "image_url"`},
		{call(`{"id": "abcdefghi"}`), "tool_calls[0]: want"},
		{call(`{"type": "search", "function": {"name": "f"}}`), "tool_calls[0]: want"},
		{call(`{"function": {"name": "f", "arguments": [1]}}`), "arguments are neither a string nor an object"},
		{`{"messages": [], "tools": [{"type": "search"}]}`, "tools[0]: want"},
	} {
		if chat, err := ParseChat([]byte(c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want an error with %q", c.body, chat, err, c.want)
		}
	}
	var invalid *ValidationError
	if _, err := ParseChat([]byte(message(`{"role": "system"}`))); !errors.As(err, &invalid) || invalid.Kind != InvalidSystemPrompt {
		t.Errorf("system prompt without content: %v", err)
	}
}

// FuzzParseChat reads hostile requests, and encodes those that can be read.
func FuzzParseChat(f *testing.F) {
	for _, body := range []string{
		`{"messages": [{"role": "user", "content": "a"}]}`,
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": ""}}]}]}`,
		`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [{"id": "abcdefghi", "function": ` +
			`{"name": "f", "arguments": "{\"x\": [1e400, -0, \"\\ud83d\"]}"}}]}, {"role": "tool", "content": "NaN", "tool_call_id": "abcdefghi"}]}`,
		`{"messages": [{"role": "user", "content": ""}], "tools": [{"function": {"name": "f", "parameters": ` +
			`{"type": ["a"], "items": [5], "dependencies": {"a": ["b", "b"]}, "multipleOf": -1}}}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, err := ParseChat(body)
		if err != nil {
			return
		}
		k := cutTekken(t)
		grids := make([]Grid, len(chat.Images()))
		for i := range grids {
			grids[i] = Grid{2, 2}
		}
		chat.Mode = Test
		tokens, err := k.EncodeChat(chat, grids)
		if err != nil {
			return
		}
		images := 0
		for _, tok := range tokens {
			if tok == k.Control.ImageEnd {
				images++
			}
		}
		if tokens[0] != k.Control.BOS || images != len(grids) {
			t.Errorf("%s: %d images, want %d: %v", body, images, len(grids), tokens)
		}
	})
}
