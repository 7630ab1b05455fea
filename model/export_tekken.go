package model

import (
	"cmp"
	"slices"

	"pixtral-wgpu/tokenizer"
)

// Token types of GGUF; gguf-py, constants.py, TokenType.
const (
	ggufNormalToken  = 1
	ggufControlToken = 3
)

// putTekken puts a Tekken vocabulary in the spelling of GPT-2's; spec §10.3.
func putTekken(m *metadata, t *tokenizer.Tekken) {
	n := t.VocabSize()
	tokens, kinds := make([]string, n), make([]int32, n)
	ranks := make(map[string]int, n)
	for i := range n {
		id := tokenizer.Token(i)
		if t.IsControl(id) {
			tokens[i], kinds[i] = t.Name(id), ggufControlToken
			continue
		}
		text := string(t.Bytes(id))
		tokens[i], kinds[i] = spell(text), ggufNormalToken
		ranks[text] = i
	}
	put(m, "tokenizer.ggml.model", "gpt2")
	put(m, "tokenizer.ggml.pre", "tekken")
	putList(m, "tokenizer.ggml.tokens", tokens)
	putList(m, "tokenizer.ggml.token_type", kinds)
	putList(m, "tokenizer.ggml.merges", merges(t, ranks))
	put(m, "tokenizer.ggml.bos_token_id", uint32(t.Control.BOS))
	put(m, "tokenizer.ggml.eos_token_id", uint32(t.Control.EOS))
	put(m, "tokenizer.ggml.unknown_token_id", uint32(t.Control.Unknown))
	put(m, "tokenizer.ggml.padding_token_id", uint32(t.Control.Pad))
	put(m, "tokenizer.ggml.add_bos_token", true)
	put(m, "tokenizer.ggml.add_eos_token", false)
	put(m, "tokenizer.ggml.add_space_prefix", false)
	put(m, "tokenizer.chat_template", chatTemplate)
}

// merges lists, token by token, every cut of it into two tokens, those of low
// ranks first. With them merging by order gives what merging by rank gives;
// gguf-py, vocab.py, MistralVocab, extract_vocab_merges_from_model.
func merges(t *tokenizer.Tekken, ranks map[string]int) []string {
	var list []string
	for i := range t.VocabSize() {
		text := string(t.Bytes(tokenizer.Token(i)))
		type cut struct{ left, right int }
		var cuts []cut
		for at := 1; at < len(text); at++ {
			left, ok := ranks[text[:at]]
			right, both := ranks[text[at:]]
			if ok && both {
				cuts = append(cuts, cut{left, right})
			}
		}
		slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right)) })
		for _, c := range cuts {
			list = append(list, spell(string(t.Bytes(tokenizer.Token(c.left))))+" "+spell(string(t.Bytes(tokenizer.Token(c.right)))))
		}
	}
	return list
}

// spell writes each byte as one character, as GPT-2's vocabulary does: printable
// ones of Latin-1 as themselves, the others from U+0100 on, in order; OpenAI's
// GPT-2, encoder.py, bytes_to_unicode.
func spell(text string) string {
	out := make([]rune, len(text))
	for i, b := range []byte(text) {
		out[i] = spelling[b]
	}
	return string(out)
}

var spelling = func() (table [256]rune) {
	next := rune(0x100)
	for b := range rune(256) {
		table[b] = b
		if printable := '!' <= b && b <= '~' || '¡' <= b && b <= '¬' || '®' <= b && b <= 'ÿ'; !printable {
			table[b] = next
			next++
		}
	}
	return table
}()

// chatTemplate is the conversation of mistral-common's v3-tekken (spec §7.3) in
// the template language of Hugging Face. llama.cpp's built-in templates know it
// by "[INST]" in double quotes and the names of the tools' tokens.
const chatTemplate = `{%- set ns = namespace(system="", last=-1) -%}
{%- for m in messages -%}
  {%- if m.role == "system" and m.content -%}
    {%- set ns.system = ns.system + m.content + "\n\n" -%}
  {%- elif m.role == "user" -%}
    {%- set ns.last = loop.index0 -%}
  {%- endif -%}
{%- endfor -%}
{{- bos_token -}}
{%- for m in messages -%}
  {%- if m.role == "user" -%}
    {%- if tools and loop.index0 == ns.last -%}
      {{- "[AVAILABLE_TOOLS]" + tools | tojson + "[/AVAILABLE_TOOLS]" -}}
    {%- endif -%}
    {{- "[INST]" -}}
    {%- if loop.index0 == ns.last -%}{{- ns.system -}}{%- endif -%}
    {%- if m.content is string -%}
      {{- m.content -}}
    {%- else -%}
      {%- for part in m.content -%}
        {%- if part.type == "text" -%}{{- part.text -}}{%- else -%}{{- "[IMG]" -}}{%- endif -%}
      {%- endfor -%}
    {%- endif -%}
    {{- "[/INST]" -}}
  {%- elif m.role == "assistant" and m.tool_calls -%}
    {{- "[TOOL_CALLS][" -}}
    {%- for call in m.tool_calls -%}
      {{- '{"name": ' + call.function.name | tojson + ', "arguments": ' -}}
      {{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson -}}
      {{- ', "id": ' + call.id | tojson + "}" -}}
      {%- if not loop.last -%}{{- ", " -}}{%- endif -%}
    {%- endfor -%}
    {{- "]" + eos_token -}}
  {%- elif m.role == "assistant" -%}
    {{- m.content + eos_token -}}
  {%- elif m.role == "tool" -%}
    {{- '[TOOL_RESULTS]{"content": ' + m.content | tojson + ', "call_id": ' + m.tool_call_id | tojson + "}[/TOOL_RESULTS]" -}}
  {%- endif -%}
{%- endfor -%}
`
