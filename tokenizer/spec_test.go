package tokenizer

import (
	"slices"
	"testing"
)

// TestTextsOfSpec replays the encodings that Mistral and others have published
// for this vocabulary (spec §6.5), by hand and apart from the recorded goldens.
func TestTextsOfSpec(t *testing.T) {
	k := fullTekken(t)
	for _, c := range []struct {
		text string
		want []Token
	}{
		{"What is on this image?", []Token{7493, 1395, 1408, 1593, 3937, 1063}},
		{"What is on this image?\n\nmore", []Token{7493, 1395, 1408, 1593, 3937, 2634, 7517}},
		{"hello\n\nbbb\n\nccc", []Token{29706, 1267, 4600, 1098, 1267, 79430}},
		{"aaa", []Token{102728}},
		{"goodbye", []Token{26578, 47616}},
		{"You are an AI assistant\n\ngoodbye", []Token{4568, 1584, 1420, 26554, 27089, 1267, 26578, 47616}},
		{"SYSTEM\n\nc", []Token{101289, 58343, 1267, 1099}},
		{"[INST] SYSTEM\n\na [/INST]", []Token{1091, 3174, 3074, 1093, 126205, 1267, 1097, 1766, 1047, 3174, 3074, 1093}},
		{"\"blabla\"", []Token{1034, 2970, 113532, 1034}},
		{"Solve 2+2.", []Token{1083, 17265, 1032, 1050, 1043, 1050, 1046}},
		{"def f(", []Token{3149, 1284, 1040}},
		{"\n    return a + b", []Token{1010, 1293, 1850, 1261, 1867, 1289}},
		{"return café", []Token{3004, 35858}},
		{"Hello, world!", []Token{22177, 1044, 4304, 1033}},
		{" Hello", []Token{45383}},
		{"The quick brown fox jumps over the lazy dog.", []Token{1784, 7586, 22980, 94137, 72993, 2136, 1278, 42757, 10575, 1046}},
		{"12345", []Token{1049, 1050, 1051, 1052, 1053}},
		{"don't", []Token{21797, 2405}},
		{"HelloWorld", []Token{22177, 20249}},
		{"iPhone", []Token{1105, 16742}},
		{"https://mistral.ai/news/", []Token{3299, 2345, 39575, 2784, 125536, 79685, 1047}},
		{"  two  spaces", []Token{1032, 2295, 1032, 18971}},
		{"a\n\n\nb", []Token{1097, 4688, 1098}},
		{"\t\tif x:\n\t\t\treturn 1", []Token{1009, 3353, 2460, 1877, 1458, 3739, 1032, 1049}},
		{"日本語のテキスト", []Token{10008, 15199, 2439, 7282, 14742, 13854}},
		{"Привет, мир!", []Token{45497, 13745, 1044, 50430, 1033}},
		{"😀", []Token{1240, 1159, 1152, 1128}},
		{"👩‍👩‍👧", []Token{1240, 1159, 1145, 1169, 29568, 1240, 1159, 1145, 1169, 29568, 1240, 1159, 1145, 1167}},
		{"مرحبا", []Token{4341, 1708, 26986}},
		{"naïve café", []Token{2302, 7884, 1672, 35858}},
		{"Describe this image in one sentence.", []Token{5847, 13089, 1593, 3937, 1294, 1925, 19286, 1046}},
		{"What's in this image?", []Token{7493, 1681, 1294, 1593, 3937, 1063}},
		{"\n\n", []Token{1267}},
		{"  ", []Token{1256}},
		{"x = 3.14159", []Token{1120, 1376, 1032, 1051, 1046, 1049, 1052, 1049, 1053, 1057}},
		{"UTF-8", []Token{25008, 1045, 1056}},
		{"[INST]", []Token{1091, 3174, 3074, 1093}},
		{"[IMG]", []Token{1091, 125250, 1093}},
		{"<s>", []Token{1060, 1115, 1062}},
		{"", nil},
	} {
		if got := k.Encode(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.text, got, c.want)
		}
		if got, err := k.Decode(c.want, RaiseSpecial); err != nil || got != c.text {
			t.Errorf("%v: got %q, %v, want %q", c.want, got, err, c.text)
		}
	}
}

// TestChatsOfSpec replays the sequences of mistral-common's own tests (spec
// §7.4). Images of one token are 4×4 pixels at Pixtral's patch size; those of
// 2×2 and 3×2 tokens stand for its tests with a patch size of 2.
func TestChatsOfSpec(t *testing.T) {
	k := fullTekken(t)
	one, two := Grid{1, 1}, Grid{2, 2}
	img := []Token{10, 10, 12, 10, 10, 13} // two
	assistant, question := AssistantMessage, func(s string) Message { return UserMessage(Text(s)) }
	pic, helpful := Image(""), SystemMessage("You are a helpful assistant.")
	call := Message{Role: RoleAssistant, ToolCalls: []ToolCall{{ID: nullID, Name: "b", Arguments: "{}"}}}
	tool1 := []Tool{{Name: "tool1", Description: "1"}}
	for _, c := range []struct {
		name  string
		chat  Chat
		grids []Grid
		want  []Token
	}{
		{"hello", Chat{Messages: []Message{question("hello")}}, nil, []Token{1, 3, 29706, 4}},
		{"turns", Chat{Messages: []Message{question("a"), assistant("b"), question("c"), assistant("d")}, ContinueFinal: true}, nil,
			[]Token{1, 3, 1097, 4, 1098, 2, 3, 1099, 4, 1100}},
		{"system in the last turn",
			Chat{Messages: []Message{SystemMessage("SYSTEM"), question("a"), assistant("b"), question("c"), assistant("d")}, ContinueFinal: true}, nil,
			[]Token{1, 3, 1097, 4, 1098, 2, 3, 101289, 58343, 1267, 1099, 4, 1100}},
		{"helpful", Chat{Messages: []Message{helpful, question("User says hello")}}, nil,
			[]Token{1, 3, 4568, 1584, 1261, 20351, 27089, 1338, 4019, 8223, 52528, 4}},
		{"helpful, turns", Chat{Messages: []Message{helpful, question("User says hello"), assistant("Assistant says hi"), question("User says how are you ?")}}, nil,
			[]Token{1, 3, 4019, 8223, 52528, 4, 102897, 8223, 14994, 2, 3, 4568, 1584, 1261, 20351, 27089, 1338, 4019, 8223, 2606, 1584, 1636, 3082, 4}},
		{"merged", Chat{Messages: []Message{question("hello"), UserMessage(Text("bbb"), Text("ccc")), assistant("aaa"), question("goodbye")}}, nil,
			[]Token{1, 3, 29706, 1267, 4600, 1098, 1267, 79430, 4, 102728, 2, 3, 26578, 47616, 4}},
		{"empty", Chat{Messages: []Message{question("")}}, nil, []Token{1, 3, 4}},
		{"text, image", Chat{Messages: []Message{UserMessage(Text("What is on this image?"), pic)}}, []Grid{one},
			[]Token{1, 3, 10, 13, 7493, 1395, 1408, 1593, 3937, 1063, 4}},
		{"image, text", Chat{Messages: []Message{UserMessage(pic, Text("What is on this image?"))}}, []Grid{one},
			[]Token{1, 3, 10, 13, 7493, 1395, 1408, 1593, 3937, 1063, 4}},
		{"text, image, text", Chat{Messages: []Message{UserMessage(Text("What is on this image?"), pic, Text("more"))}}, []Grid{one},
			[]Token{1, 3, 7493, 1395, 1408, 1593, 3937, 1063, 10, 13, 7517, 4}},
		{"image, text, text", Chat{Messages: []Message{UserMessage(pic, Text("What is on this image?"), Text("more"))}}, []Grid{one},
			[]Token{1, 3, 10, 13, 7493, 1395, 1408, 1593, 3937, 2634, 7517, 4}},
		{"64×64", Chat{Messages: []Message{UserMessage(Text("What is this image ?"), pic)}}, []Grid{{4, 4}},
			[]Token{1, 3, 10, 10, 10, 10, 12, 10, 10, 10, 10, 12, 10, 10, 10, 10, 12, 10, 10, 10, 10, 13, 7493, 1395, 1593, 3937, 3082, 4}},
		{"a, image", Chat{Messages: []Message{UserMessage(Text("a"), pic)}}, []Grid{two}, slices.Concat([]Token{1, 3}, img, []Token{1097, 4})},
		{"system, C, image", Chat{Messages: []Message{SystemMessage("A B"), UserMessage(Text("C"), pic)}}, []Grid{two},
			slices.Concat([]Token{1, 3, 1065, 1398, 1267}, img, []Token{1067, 4})},
		{"system, image, C", Chat{Messages: []Message{SystemMessage("A B"), UserMessage(pic, Text("C"))}}, []Grid{two},
			slices.Concat([]Token{1, 3, 1065, 1398, 1267}, img, []Token{1067, 4})},
		{"two turns of images",
			Chat{Messages: []Message{SystemMessage("A B"), UserMessage(pic, pic, Text("C")), assistant("D"), UserMessage(pic, Text("E"), pic)}},
			[]Grid{two, two, two, two},
			slices.Concat([]Token{1, 3}, img, img, []Token{1067, 4, 1068, 2, 3, 1065, 1398, 1267}, img, []Token{1069}, img, []Token{4})},
		{"images between", Chat{Messages: []Message{UserMessage(Text("A"), pic, Text("B"), Text("C"), pic, Text("D"), Text("E"))}}, []Grid{two, two},
			slices.Concat([]Token{1, 3, 1065}, img, []Token{1066, 1267, 1067}, img, []Token{1068, 1267, 1069, 4})},
		{"sizes", Chat{Messages: []Message{UserMessage(Text("x"), pic, pic)}}, []Grid{two, {3, 2}},
			slices.Concat([]Token{1, 3, 1120}, img, []Token{10, 10, 10, 12, 10, 10, 10, 13, 4})},
		{"tools", Chat{Messages: []Message{question("a")}, Tools: tool1}, nil,
			[]Token{1, 5, 1091, 19227, 4994, 2811, 1429, 5165, 1897, 1429, 5165, 2811, 16753, 2391, 2811, 1429, 71440, 1049, 1897, 1429, 14653, 2811,
				1429, 1049, 1897, 1429, 26204, 2811, 1445, 2821, 27028, 6, 3, 1097, 4}},
		{"call without id", Chat{Messages: []Message{question("a"), call, question("c")}}, nil,
			[]Token{1, 3, 1097, 4, 9, 1091, 19227, 2391, 2811, 1429, 1098, 1897, 1429, 61906, 2811, 1445, 2821, 1093, 2, 3, 1099, 4}},
	} {
		c.chat.Mode = Test
		if got, err := k.EncodeChat(&c.chat, c.grids); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v\nwant %v", c.name, got, err, c.want)
		}
	}
	fim := []Token{1, 16, 3004, 1261, 1867, 1289, 14, 3149, 1284, 1040}
	if got := k.EncodeFIM("def f(", "return a + b"); !slices.Equal(got, fim) {
		t.Errorf("FIM: got %v, want %v", got, fim)
	}
}

// TestToolResultOfSpec checks the result whose call is named "b", which is too
// short an id for a conversation.
func TestToolResultOfSpec(t *testing.T) {
	k := fullTekken(t)
	e := &encoder{Tekken: k}
	want := []Token{7, 19227, 5431, 2811, 1429, 1102, 1897, 1429, 19881, 3384, 2811, 1429, 1098, 46005, 8}
	if err := e.toolResult(turn{role: RoleTool, parts: []Part{Text("f")}, callID: "b"}); err != nil || !slices.Equal(e.tokens, want) {
		t.Errorf("got %v, %v, want %v", e.tokens, err, want)
	}
}
