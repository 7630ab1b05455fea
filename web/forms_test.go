package web

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

const weather = `"tools": [
	{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {"type": "object", "properties": {
		"city": {"type": "string", "maxLength": 8}, "unit": {"enum": ["C", "F"]}}, "required": ["city", "unit"], "additionalProperties": false}}},
	{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}, "additionalProperties": false}}}]`

// Calls of tools are of the tools, by name and by schema, whole or streamed, and
// their results go back in.
func TestTools(t *testing.T) {
	c := serve(t, shared(t), Options{})
	var arguments struct{ City, Unit string }
	must := func(call toolCall) {
		t.Helper()
		arguments.City, arguments.Unit = "", ""
		d := json.NewDecoder(strings.NewReader(call.Function.Arguments))
		d.DisallowUnknownFields()
		if err := d.Decode(&arguments); err != nil || call.Function.Name != "get_weather" || call.Type != "function" || !callID.MatchString(call.ID) || arguments.Unit != "C" && arguments.Unit != "F" {
			t.Errorf("%+v: %v", call, err)
		}
	}
	forced := hello + `, "temperature": 1, "seed": 3, "max_tokens": 300, ` + weather + `, "parallel_tool_calls": false, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}`
	got := c.chat(forced)
	choice := got.Choices[0]
	if choice.FinishReason != "tool_calls" || choice.Message.Content != nil || len(choice.Message.ToolCalls) != 1 {
		t.Fatalf("%+v", choice)
	}
	call := choice.Message.ToolCalls[0]
	must(call)
	var streamed []toolCall
	chunks := c.stream(forced)
	for _, chunk := range chunks {
		for _, d := range chunk.Choices {
			streamed = append(streamed, d.Delta.ToolCalls...)
		}
	}
	if _, end := joined(chunks, 0); end != "tool_calls" || len(streamed) != 1 || streamed[0].Function != call.Function {
		t.Errorf("streamed %+v, want %+v; %s", streamed, call, end)
	}
	for _, choice := range []string{`"any"`, `"required"`} {
		got := c.chat(hello + `, "temperature": 0, "max_tokens": 300, ` + weather + `, "parallel_tool_calls": false, "tool_choice": ` + choice)
		if calls := got.Choices[0].Message.ToolCalls; len(calls) != 1 || calls[0].Function.Name != "get_weather" && calls[0].Function.Name != "now" {
			t.Errorf("%s: %+v", choice, got.Choices[0])
		}
	}
	if got := c.chat(hello + `, "max_tokens": 20, "tool_choice": "none", ` + weather); got.Choices[0].Message.ToolCalls != nil || got.Choices[0].Message.Content == nil {
		t.Errorf("none: %+v", got.Choices[0])
	}
	if got := c.chat(hello + `, "max_tokens": 20, "tool_choice": "auto", ` + weather); got.Choices[0].FinishReason == "" {
		t.Errorf("auto: %+v", got.Choices[0])
	}
	cut := c.chat(forced + `, "max_completion_tokens": 12`)
	if cut.Choices[0].FinishReason != "length" {
		t.Errorf("cut short: %+v", cut.Choices[0])
	}
	for _, id := range []string{call.ID, "call_0123456789abcdefghijklmn"} { // ours, and OpenAI's longer ones
		back := `"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "` + id + `", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"unit\": \"C\"}"}}]},
			{"role": "tool", "tool_call_id": "` + id + `", "name": "get_weather", "content": "22"}], "max_tokens": 4, ` + weather
		if got := c.chat(back); got.Usage.CompletionTokens == 0 && got.Choices[0].FinishReason != "stop" {
			t.Errorf("a result: %+v", got)
		}
	}
}

// An answer has the form that was asked for, however unlikely the model finds it.
func TestForms(t *testing.T) {
	c := serve(t, shared(t), Options{})
	ask := func(form string) string {
		t.Helper()
		got := c.chat(hello + `, "temperature": 1, "seed": 5, "max_tokens": 400, ` + form)
		if got.Choices[0].FinishReason != "stop" {
			t.Errorf("%s: %s", form, got.Choices[0].FinishReason)
		}
		return *got.Choices[0].Message.Content
	}
	schema := `{"type": "object", "properties": {"shape": {"enum": ["circle", "square"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}, "tags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}}, "required": ["shape", "count", "tags"], "additionalProperties": false}`
	for _, form := range []string{`"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": ` + schema + `}}`, `"guided_json": ` + schema} {
		var v struct {
			Shape string
			Count *int
			Tags  []bool
		}
		text := ask(form)
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil || v.Shape != "circle" && v.Shape != "square" || v.Count == nil || *v.Count < 0 || *v.Count > 9 || v.Tags == nil || len(v.Tags) > 2 {
			t.Errorf("%s: %v", text, err)
		}
	}
	// Any object: it may be long, so that only its beginning is sure to be there.
	got := c.chat(hello + `, "temperature": 0, "max_tokens": 60, "response_format": {"type": "json_object"}`)
	text := strings.TrimSpace(*got.Choices[0].Message.Content)
	var any map[string]any
	if !strings.HasPrefix(text, "{") || got.Choices[0].FinishReason == "stop" && json.Unmarshal([]byte(text), &any) != nil {
		t.Errorf("an object: %q", text)
	}
	if text := ask(`"guided_regex": "[a-c]{3}-[0-9]{2}"`); !regexp.MustCompile(`^[a-c]{3}-[0-9]{2}$`).MatchString(text) {
		t.Errorf("an expression: %q", text)
	}
	if text := ask(`"guided_choice": ["yes", "no", "perhaps"]`); text != "yes" && text != "no" && text != "perhaps" {
		t.Errorf("a choice: %q", text)
	}
	if got := c.chat(hello + `, "max_tokens": 3, "response_format": {"type": "text"}`); got.Usage.CompletionTokens == 0 {
		t.Errorf("text: %+v", got)
	}
	// What the client begins must be a beginning of the form.
	begun := `{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well", "prefix": true}], "response_format": {"type": "json_object"}}`
	if e := c.wrong("POST", "/v1/chat/completions", begun, 400); !strings.Contains(e.Message, "begins with") {
		t.Errorf("%+v", e)
	}
}
