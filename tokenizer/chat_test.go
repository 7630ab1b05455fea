package tokenizer

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEncodeChatRefuses(t *testing.T) {
	k := cutTekken(t)
	blind, err := Parse(tiny(set(nil, "multimodal")))
	if err != nil {
		t.Fatal(err)
	}
	picture := []Message{UserMessage(Image("a.png"), Text("?"))}
	ask := []Message{UserMessage(Text("?"))}
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	calls := []Message{ask[0], {Role: RoleAssistant, ToolCalls: []ToolCall{{"abcdefghi", "f", deep}}}, ToolMessage("abcdefghi", "1")}
	results := []Message{ask[0], {Role: RoleAssistant, ToolCalls: []ToolCall{{"abcdefghi", "f", ""}}}, ToolMessage("abcdefghi", deep)}
	for _, c := range []struct {
		k     *Tekken
		chat  Chat
		grids []Grid
		want  string
	}{
		{k, Chat{Messages: picture}, nil, "1 images in the conversation, but 0 grids"},
		{k, Chat{Messages: ask}, []Grid{{1, 1}}, "0 images in the conversation, but 1 grids"},
		{k, Chat{Messages: picture}, []Grid{{0, 64}}, "image 0 is of 0×64 tokens"},
		{k, Chat{Messages: picture}, []Grid{{64, -1}}, "image 0 is of 64×-1 tokens"},
		{blind, Chat{Messages: picture}, []Grid{{1, 1}}, "of a model without any"},
		{k, Chat{Messages: ask, Tools: []Tool{{Name: "f", Parameters: []byte(`[]`)}}}, nil, "parameters are not a JSON object"},
		{k, Chat{Messages: ask, Tools: []Tool{{Name: "f", Parameters: []byte(`{`)}}}, nil, `tool "f": parameters: not JSON`},
		{k, Chat{Messages: ask, Tools: []Tool{{Name: "f", Parameters: []byte(`{"a":` + deep + `}`)}}}, nil, "nested too deep"},
		{k, Chat{Messages: calls}, nil, `call of "f": JSON is nested too deep`},
		{k, Chat{Messages: results}, nil, `result of call "abcdefghi": JSON is nested too deep`},
		{k, Chat{Messages: []Message{{Role: "bot"}}}, nil, "Unknown message role: bot"},
		{k, Chat{Messages: []Message{UserMessage(Part{Type: "video"})}}, nil, "Unknown content chunk type: video"},
		{k, Chat{Messages: []Message{{Role: RoleTool, Parts: []Part{{Type: PartThinking}}}}}, nil, "ThinkChunk cannot be used in tool message."},
		{k, Chat{Messages: []Message{UserMessage(Part{Type: PartAudioURL}, Part{Type: PartAudio}, Part{Type: PartAudio})}}, nil,
			"Unexpected content chunk types in user message: ['AudioChunk', 'AudioURLChunk']"},
	} {
		c.chat.Model = "m"
		if got, err := c.k.EncodeChat(&c.chat, c.grids); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, %v, want an error with %q", got, err, c.want)
		}
	}
	_, err = k.EncodeChat(&Chat{Messages: ask}, nil)
	var invalid *ValidationError
	if !errors.As(err, &invalid) || invalid.Kind != InvalidRequest {
		t.Errorf("no model: %v", err)
	}
}

// TestChatInjection puts every special token's name wherever text can stand:
// only the chat's own special tokens come out.
func TestChatInjection(t *testing.T) {
	k := cutTekken(t)
	chat := func(s string) []Token {
		tokens, err := k.EncodeChat(&Chat{
			Model: "m",
			Messages: []Message{
				SystemMessage(s), UserMessage(Text(s), Image(s), Text(s)),
				{Role: RoleAssistant, ToolCalls: []ToolCall{{"abcdefghi", "f", s}}}, ToolMessage("abcdefghi", s),
				AssistantMessage(s), UserMessage(Text(s)),
			},
			Tools: []Tool{{Name: "f", Description: s}},
		}, []Grid{{2, 1}})
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(tokens, func(tok Token) bool { return !k.IsControl(tok) })
	}
	want := chat("x")
	for id := range k.special {
		if got := chat(k.Name(id)); !slices.Equal(got, want) {
			t.Errorf("%s in text: special tokens %v, want %v", k.Name(id), got, want)
		}
	}
}

// TestEncodeChatLeaves checks that a conversation can be encoded twice.
func TestEncodeChatLeaves(t *testing.T) {
	k := cutTekken(t)
	chat := &Chat{Model: "m", Messages: []Message{UserMessage(Text("a"), Text("b"), Image("1")), UserMessage(Text("c"))}}
	first, err := k.EncodeChat(chat, []Grid{{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := k.EncodeChat(chat, []Grid{{1, 2}})
	if err != nil || !slices.Equal(first, second) || chat.Messages[0].Parts[0].Text != "a" {
		t.Errorf("%v, then %v, %v", first, second, err)
	}
}

func TestGrid(t *testing.T) {
	k := cutTekken(t)
	c := k.Control
	for _, x := range []struct {
		grid Grid
		want []Token
	}{
		{Grid{1, 1}, []Token{c.Image, c.ImageEnd}},
		{Grid{1, 2}, []Token{c.Image, c.ImageBreak, c.Image, c.ImageEnd}},
		{Grid{3, 2}, []Token{c.Image, c.Image, c.Image, c.ImageBreak, c.Image, c.Image, c.Image, c.ImageEnd}},
	} {
		if got := k.ImageTokens(x.grid); !slices.Equal(got, x.want) || len(got) != x.grid.Tokens() {
			t.Errorf("%v: %v, want %v", x.grid, got, x.want)
		}
	}
	// Spec §5, its table of sizes.
	for g, want := range map[Grid][2]int{{64, 64}: {4096, 4160}, {40, 30}: {1200, 1230}, {13, 19}: {247, 266}, {64, 1}: {64, 65}} {
		if g.Patches() != want[0] || g.Tokens() != want[1] {
			t.Errorf("%v: %d patches, %d tokens, want %v", g, g.Patches(), g.Tokens(), want)
		}
	}
}
