package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	both := map[string]Token{
		"<|im_start|>": 1, "<|im_end|>": 2, "<|start_header_id|>": 3, "<|end_header_id|>": 4, "<|eot_id|>": 5,
	}
	const ml, heads = "<|im_start|><|im_end|>", "<|start_header_id|><|end_header_id|><|eot_id|>"
	for jinja, want := range map[string]template{
		"":                                {},
		" \n":                             {},
		ml:                                {family: chatML},
		ml + "{{ bos_token }}":            {family: chatML, bos: true},
		ml + "{{ strftime_now('%d') }}":   {family: unknown},
		ml + "{% if enable_thinking %}":   {family: unknown},
		heads:                             {family: llama3},
		heads + "Cutting Knowledge Date:": {family: llama3, dated: true},
		"[INST] {{ x }} [/INST]":          {family: unknown},
		"<|im_start|>":                    {family: unknown}, // nothing ends a turn
		"{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}":                            {family: chatML, system: "Be kind."},
		`{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}`:                            {family: chatML, system: "Be kind."},
		`{{ '<|im_start|>system\n' + m['content'] + '<|im_end|>' }}`:                  {family: chatML},
		`'<|im_start|>system\n' + s + '<|im_end|>' '<|im_start|>system\nB<|im_end|>'`: {family: chatML, system: "B"},
	} {
		if got := recognise(jinja, both); got != want {
			t.Errorf("%q: %+v, want %+v", jinja, got, want)
		}
	}
	if got := recognise(ml, nil); got.family != unknown {
		t.Errorf("a vocabulary without the special tokens: %+v", got)
	}
}

// TestBPEChat is what the goldens do not have: open answers, plain prompts and
// what cannot be encoded.
func TestBPEChat(t *testing.T) {
	file := testdata(t, "hf_smollm.json")
	ml := must(t)(ParseHF(HFFiles{Tokenizer: file, ChatTemplate: "<|im_start|><|im_end|>"}))
	none := must(t)(ParseHF(HFFiles{Tokenizer: file}))
	odd := must(t)(ParseHF(HFFiles{Tokenizer: file, ChatTemplate: "{{ messages }}"}))
	ask, answer := UserMessage(Text("a"), Text("b")), AssistantMessage("c ")
	prefix := answer
	prefix.Prefix = true
	for _, c := range []struct {
		k    Tokenizer
		chat Chat
		want string // decoded with special tokens; or the error
	}{
		{ml, Chat{Messages: []Message{ask}}, "<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\n"},
		{ml, Chat{Messages: []Message{ask, prefix}}, "<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\nc "},
		{ml, Chat{Messages: []Message{ask, answer}, ContinueFinal: true}, "<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\nc "},
		{ml, Chat{Messages: []Message{ask, answer}}, "Expected last role User"},
		{ml, Chat{}, "at least one message"},
		{ml, Chat{Messages: []Message{UserMessage(Image("x"))}}, "of a model without any"},
		{ml, Chat{Messages: []Message{ask}, Tools: []Tool{{Name: "f"}}}, "tools, but"},
		{ml, Chat{Messages: []Message{ask, {Role: RoleAssistant, ToolCalls: []ToolCall{{"abcdefghi", "f", ""}}}, ToolMessage("abcdefghi", "1")}},
			"messages[1] is of tools"},
		{none, Chat{Messages: []Message{ask}}, "a\nb"},
		{none, Chat{Messages: []Message{ask, answer, ask}}, "only a single message of the user"},
		{none, Chat{Messages: []Message{SystemMessage("a")}}, "only a single message of the user"},
		{odd, Chat{Messages: []Message{ask}}, "plain completion of a text is possible"},
	} {
		c.chat.Model = "m"
		got, err := c.k.EncodeChat(&c.chat, nil)
		text, _ := c.k.Decode(got, KeepSpecial)
		if err != nil {
			text = err.Error()
		}
		if text != c.want && (err == nil || !strings.Contains(text, c.want)) {
			t.Errorf("%q, want %q", text, c.want)
		}
	}
	if _, err := ml.EncodeChat(&Chat{Model: "m", Messages: []Message{ask}}, []Grid{{1, 1}}); err == nil {
		t.Error("grids without images are not seen")
	}
}

// TestBPEInjection puts every special token's name wherever text can stand.
func TestBPEInjection(t *testing.T) {
	for _, name := range []string{"smollm", "llama3"} {
		jinja := "<|im_start|><|im_end|><|start_header_id|><|end_header_id|><|eot_id|>"
		k := must(t)(ParseHF(HFFiles{Tokenizer: testdata(t, "hf_"+name+".json"), ChatTemplate: jinja}))
		specials := func(s string) []Token {
			tokens, err := k.EncodeChat(&Chat{Model: "m", Messages: []Message{
				SystemMessage(s), UserMessage(Text(s)), AssistantMessage(s), UserMessage(Text(s)),
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(tokens, func(tok Token) bool { return !k.IsControl(tok) })
		}
		want := specials("x")
		for tok := range Token(k.VocabSize()) {
			if k.IsControl(tok) {
				if got := specials(k.Name(tok)); !slices.Equal(got, want) {
					t.Errorf("%s in text: special tokens %v, want %v", k.Name(tok), got, want)
				}
			}
		}
	}
}
