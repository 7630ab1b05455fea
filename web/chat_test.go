package web

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// One picture, given in every way there is, is one picture: the same answer.
func TestImages(t *testing.T) {
	dir := t.TempDir()
	base, uri := picture(t, circle)
	data, err := os.ReadFile("../model/pocket/examples/" + circle)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "x.png"), data, 0o666))
	c := serve(t, shared(t), Options{MediaDir: dir, ImageHosts: []string{"pictures.example"}})
	n := newInternet(t, map[string][]string{"pictures.example": {somewhere}}, servePNG(data))
	c.server.media.fetcher.lookup, c.server.media.fetcher.dial = n.lookup, n.dial
	for name, part := range map[string]string{
		"object":   `{"type": "image_url", "image_url": {"url": "` + uri + `"}}`,
		"string":   `{"type": "image_url", "image_url": "` + uri + `"}`,
		"detail":   `{"type": "image_url", "image_url": {"url": "` + uri + `", "detail": "low"}}`,
		"image":    `{"type": "image", "image": "` + base + `"}`,
		"bare":     `{"type": "image_url", "image_url": "` + base + `"}`,
		"no kind":  `{"type": "image_url", "image_url": "data:;base64,` + base + `"}`,
		"escaped":  `{"type": "image_url", "image_url": "` + strings.ReplaceAll(uri, "/", `\/`) + `"}`,
		"fetched":  `{"type": "image_url", "image_url": {"url": "https://pictures.example/x.png?size=big"}}`,
		"file":     `{"type": "image_url", "image_url": {"url": "file://` + dir + `/x.png"}}`,
		"url-safe": `{"type": "image", "image": "` + strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(base) + `"}`,
	} {
		if name == "fetched" {
			part = strings.Replace(part, "https", "http", 1)
		}
		got := c.chat(`"temperature": 0, "messages": [{"role": "user", "content": [` + part + `, {"type": "text", "text": "What is this?"}]}]`)
		if text := *got.Choices[0].Message.Content; !strings.Contains(text, "red circle") || got.Usage.Details.ImageTokens == 0 {
			t.Errorf("%s: %q, %+v", name, text, got.Usage)
		}
	}
	if !slices.Equal(n.dials, []string{somewhere + ":80"}) {
		t.Errorf("dialled %v", n.dials)
	}
	_, other := picture(t, star)
	two := c.chat(`"temperature": 0, "max_tokens": 4, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "` + uri + `"}, {"type": "text", "text": "and"}, {"type": "image_url", "image_url": "` + other + `"}, {"type": "text", "text": "What?"}]}]`)
	if two.Usage.Details.ImageTokens <= 54 {
		t.Errorf("two pictures: %+v", two.Usage)
	}
}

// The whole of an answer, field by field; a stream of it says the same.
func TestChat(t *testing.T) {
	c := serve(t, shared(t), Options{})
	_, uri := picture(t, circle)
	ask := about(uri, "What is this?")
	got := c.chat(ask)
	first := got.Choices[0]
	if got.Object != "chat.completion" || !strings.HasPrefix(got.ID, "chatcmpl-") || got.Created == 0 || got.Model != "pocket" || len(got.Choices) != 1 ||
		first.Index != 0 || first.FinishReason != "stop" || first.Message.Role != "assistant" || first.LogProbs != nil || first.Message.ToolCalls != nil {
		t.Errorf("%+v", got)
	}
	text := *first.Message.Content
	if !strings.Contains(text, "red circle") || got.Usage.PromptTokens < 54 || got.Usage.CompletionTokens < 2 || got.Usage.TotalTokens != got.Usage.PromptTokens+got.Usage.CompletionTokens {
		t.Errorf("%q, %+v", text, got.Usage)
	}
	chunks := c.stream(ask)
	streamed, end := joined(chunks, 0)
	last := chunks[len(chunks)-1]
	if streamed != text || end != "stop" || last.Usage == nil || last.Usage.CompletionTokens != got.Usage.CompletionTokens {
		t.Errorf("streamed %q, %q, want %q; %+v", streamed, end, text, last.Usage)
	}
	for i, chunk := range chunks {
		if chunk.Object != "chat.completion.chunk" || chunk.ID != chunks[0].ID || len(chunk.Choices) != 1 || (chunk.Choices[0].Delta.Role == "assistant") != (i == 0) || (chunk.Usage != nil) != (i == len(chunks)-1) {
			t.Errorf("chunk %d: %+v", i, chunk)
		}
	}
	chunks = c.stream(ask + `, "stream_options": {"include_usage": true}`)
	last = chunks[len(chunks)-1]
	if len(last.Choices) != 0 || last.Usage == nil || last.Usage.CompletionTokens != got.Usage.CompletionTokens || chunks[len(chunks)-2].Usage != nil {
		t.Errorf("with include_usage the last chunk is %+v", last)
	}
	for name, body := range map[string]string{
		"system": `"temperature": 0, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]`, "developer": `"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "max_tokens": 2`,
		"turns": `"max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": [{"type": "text", "text": "And"}]}]`,
		"null":  hello + `, "max_tokens": 2, "temperature": null, "tools": null, "stop": null, "response_format": null, "seed": null, "stream": null, "logit_bias": null, "n": null, "tool_choice": null`,
		"vLLM":  hello + `, "max_tokens": 2, "min_p": 0.1, "top_k": 5, "repetition_penalty": 1.1, "skip_special_tokens": true, "add_generation_prompt": true`,
		"user":  hello + `, "max_tokens": 2, "user": "me", "metadata": {"a": "b"}, "store": false, "service_tier": "auto", "parallel_tool_calls": true`,
	} {
		if got := c.chat(body); got.Usage.CompletionTokens == 0 && got.Choices[0].FinishReason != "stop" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	a := c.get("POST", "/v1/chat/completions", `{`+hello+`, "max_tokens": 1, "new_thing": 1}`, 200, nil)
	if a.header.Get("X-Ignored-Fields") != "new_thing" || !strings.HasPrefix(a.header.Get("X-Request-Id"), "req-") {
		t.Errorf("headers %v", a.header)
	}
}

// Each parameter does what it is for.
func TestSampling(t *testing.T) {
	c := serve(t, shared(t), Options{})
	_, uri := picture(t, circle)
	greedy := about(uri, "What is this?")
	free := hello + `, "temperature": 2`
	text := func(got chatCompletion) string { return *got.Choices[0].Message.Content }
	plain := text(c.chat(greedy)) // "A red circle."

	for _, field := range []string{"max_tokens", "max_completion_tokens"} {
		if got := c.chat(greedy + `, "` + field + `": 2`); got.Choices[0].FinishReason != "length" || got.Usage.CompletionTokens != 2 || !strings.HasPrefix(plain, text(got)) {
			t.Errorf("%s: %+v, %q", field, got.Usage, text(got))
		}
	}
	if got := c.chat(greedy + `, "stop": "circle"`); text(got) != plain[:strings.Index(plain, "circle")] || got.Choices[0].FinishReason != "stop" {
		t.Errorf("stop: %q", text(got))
	}
	if got := c.chat(greedy + `, "stop": ["nowhere", "red"]`); text(got) != plain[:strings.Index(plain, "red")] {
		t.Errorf("stop: %q", text(got))
	}
	if streamed, _ := joined(c.stream(greedy+`, "stop": ["d circ"]`), 0); streamed != plain[:strings.Index(plain, "d circ")] {
		t.Errorf("stop across tokens: %q", streamed)
	}
	same := func(a, b string) bool { return text(c.chat(a)) == text(c.chat(b)) }
	likeliest := text(c.chat(hello + `, "temperature": 0`))
	for name, fields := range map[string]string{"top_k": `"top_k": 1`, "top_p": `"top_p": 0`, "min_p": `"min_p": 1`} {
		if got := text(c.chat(free + `, ` + fields)); got != likeliest {
			t.Errorf("%s: %q, want %q", name, got, likeliest)
		}
	}
	if !same(free+`, "seed": 7`, free+`, "seed": 7`) || !same(free+`, "seed": 7`, free+`, "random_seed": 7`) {
		t.Error("a seed does not repeat an answer")
	}
	seen := map[string]bool{}
	for seed := range 6 {
		seen[text(c.chat(fmt.Sprintf(`%s, "seed": %d, "max_tokens": 12`, free, seed)))] = true
	}
	if len(seen) < 3 {
		t.Errorf("six seeds give %d answers", len(seen))
	}

	n := c.chat(free + `, "n": 3, "seed": 1, "max_tokens": 12`)
	if len(n.Choices) != 3 || n.Choices[2].Index != 2 || n.Usage.CompletionTokens < 6 {
		t.Errorf("n: %+v", n)
	}
	for i, choice := range n.Choices { // the seed grows by one for each
		if alone := text(c.chat(fmt.Sprintf(`%s, "seed": %d, "max_tokens": 12`, free, 1+i))); alone != *choice.Message.Content {
			t.Errorf("choice %d is %q, alone %q", i, *choice.Message.Content, alone)
		}
	}
	chunks := c.stream(free + `, "n": 3, "seed": 1, "max_tokens": 12`)
	for i, choice := range n.Choices {
		if streamed, end := joined(chunks, i); streamed != *choice.Message.Content || end != choice.FinishReason {
			t.Errorf("choice %d streams %q, %q", i, streamed, end)
		}
	}

	var tokens tokenized
	c.get("POST", "/tokenize", fmt.Sprintf(`{"prompt": %q, "add_special_tokens": false, "return_token_strs": true}`, plain), 200, &tokens)
	if got := text(c.chat(fmt.Sprintf(`%s, "logit_bias": {"%d": -100}`, greedy, tokens.Tokens[0]))); strings.HasPrefix(got, tokens.TokenStrs[0]) {
		t.Errorf("a token with a bias of -100 comes first: %q", got)
	}
	if got := c.chat(fmt.Sprintf(`%s, "logit_bias": {"%d": 100}, "max_tokens": 4`, greedy, tokens.Tokens[1])); text(got) != strings.Repeat(tokens.TokenStrs[1], 4) {
		t.Errorf("a token with a bias of 100: %q", text(got))
	}
	different := func(got chatCompletion) int { // tokens
		list := slices.Sorted(slices.Values(got.Choices[0].TokenIDs))
		return len(slices.Compact(list))
	}
	endless := hello + `, "temperature": 0, "ignore_eos": true, "max_tokens": 60, "return_token_ids": true` // it repeats itself
	for _, penalty := range []string{`"frequency_penalty": 2`, `"presence_penalty": 2`, `"repetition_penalty": 10`} {
		if with, without := c.chat(endless+`, `+penalty), c.chat(endless); different(with) <= different(without) {
			t.Errorf("%s: %q, without %q", penalty, text(with), text(without))
		}
	}
	if got := c.chat(greedy + `, "min_tokens": 30, "max_tokens": 30`); got.Usage.CompletionTokens != 30 {
		t.Errorf("min_tokens: %+v", got.Usage)
	}
	if got := c.chat(greedy + `, "ignore_eos": true, "max_tokens": 40`); got.Usage.CompletionTokens != 40 || got.Choices[0].FinishReason != "length" {
		t.Errorf("ignore_eos: %+v", got.Usage)
	}
	if got := c.chat(greedy + `, "return_token_ids": true`); !slices.Equal(got.Choices[0].TokenIDs, tokens.Tokens) {
		t.Errorf("token_ids: %v, want %v", got.Choices[0].TokenIDs, tokens.Tokens)
	}
}

// Log-probabilities are those of the model's own distribution, whole or streamed.
func TestLogProbs(t *testing.T) {
	c := serve(t, shared(t), Options{})
	_, uri := picture(t, circle)
	ask := about(uri, "What is this?")
	got := c.chat(ask + `, "logprobs": true, "top_logprobs": 5`)
	list, text := got.Choices[0].LogProbs.Content, ""
	for i, p := range list {
		text += p.Token
		if p.LogProb > 0 || len(p.Top) != 5 || p.Top[0].Token != p.Token || p.Top[0].LogProb != p.LogProb || string(bytesOf(p.Bytes)) != p.Token {
			t.Errorf("token %d: %+v", i, p)
		}
		sum := 0.0
		for j, top := range p.Top {
			sum += math.Exp(float64(top.LogProb))
			if j > 0 && top.LogProb > p.Top[j-1].LogProb {
				t.Errorf("token %d: the top is not in order: %+v", i, p.Top)
			}
		}
		if sum > 1.0001 {
			t.Errorf("token %d: probabilities of %g", i, sum)
		}
	}
	if text != *got.Choices[0].Message.Content || len(list) != got.Usage.CompletionTokens && len(list) != got.Usage.CompletionTokens-1 {
		t.Errorf("tokens %q of %q", text, *got.Choices[0].Message.Content)
	}
	var streamed []tokenLogProb
	for _, chunk := range c.stream(ask + `, "logprobs": true, "top_logprobs": 5`) {
		for _, choice := range chunk.Choices {
			if choice.LogProbs != nil {
				streamed = append(streamed, choice.LogProbs.Content...)
			}
		}
	}
	a, _ := json.Marshal(list)
	b, _ := json.Marshal(streamed)
	if string(a) != string(b) {
		t.Errorf("streamed %s, whole %s", b, a)
	}
	if got := c.chat(ask + `, "logprobs": true`); len(got.Choices[0].LogProbs.Content[0].Top) != 0 {
		t.Errorf("no top is asked for: %+v", got.Choices[0].LogProbs.Content[0])
	}
}

func bytesOf(list []int) (b []byte) {
	for _, v := range list {
		b = append(b, byte(v))
	}
	return b
}

// Mistral's prefix is what the answer begins with; vLLM's names do the same.
func TestPrefix(t *testing.T) {
	c := serve(t, shared(t), Options{})
	_, uri := picture(t, circle)
	ask := about(uri, "What is this?")
	begun := strings.TrimSuffix(ask, "]") + `, {"role": "assistant", "content": "A blue", "prefix": true}]`
	got := c.chat(begun)
	if text := *got.Choices[0].Message.Content; !strings.HasPrefix(text, "A blue ") || strings.Contains(text, "A blue A") {
		t.Errorf("%q", text)
	}
	if streamed, _ := joined(c.stream(begun), 0); streamed != *got.Choices[0].Message.Content {
		t.Errorf("streamed %q", streamed)
	}
	begun = strings.Replace(begun, `, "prefix": true`, "", 1) + `, "continue_final_message": true, "add_generation_prompt": false`
	whole := *got.Choices[0].Message.Content
	if text := *c.chat(begun).Choices[0].Message.Content; "A blue"+text != whole {
		t.Errorf("continue_final_message: %q after A blue, want %q", text, whole)
	}
	if text := *c.chat(begun + `, "echo": true`).Choices[0].Message.Content; text != whole {
		t.Errorf("echo: %q, want %q", text, whole)
	}
	// The safety prompt is a system prompt before what there is.
	var plain, safe, spelt tokenized
	c.get("POST", "/tokenize", `{`+hello+`}`, 200, &plain)
	got = c.chat(hello + `, "max_tokens": 1, "safe_prompt": true`)
	c.get("POST", "/tokenize", fmt.Sprintf(`{"messages": [{"role": "system", "content": %q}, {"role": "user", "content": "Hi"}]}`, safePrompt), 200, &spelt)
	if got.Usage.PromptTokens != spelt.Count || spelt.Count <= plain.Count {
		t.Errorf("a safe prompt of %d tokens, spelt out %d, without %d (%v)", got.Usage.PromptTokens, spelt.Count, plain.Count, safe)
	}
}
