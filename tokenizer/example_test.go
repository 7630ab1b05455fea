package tokenizer_test

import (
	"fmt"
	"path/filepath"

	"pixtral-wgpu/tokenizer"
)

func Example() {
	tekken, err := tokenizer.Open(filepath.Join("testdata", "tekken_cut.json"))
	if err != nil {
		fmt.Println(err)
		return
	}
	chat := &tokenizer.Chat{
		Model:    "pixtral",
		Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Image("cat.png"), tokenizer.Text("Who is this?"))},
	}
	// cat.png has 40×20 pixels: three patches across, two down.
	prompt, err := tekken.EncodeChat(chat, []tokenizer.Grid{{Cols: 3, Rows: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	decoder := tekken.NewDecoder()
	for _, tok := range prompt {
		if tekken.IsControl(tok) {
			fmt.Print(tekken.Name(tok))
		} else {
			fmt.Print(decoder.Next(tok))
		}
	}
	fmt.Println(decoder.Flush())
	// Output: <s>[INST][IMG][IMG][IMG][IMG_BREAK][IMG][IMG][IMG][IMG_END]Who is this?[/INST]
}
