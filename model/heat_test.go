package model_test

import (
	"os"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// While the embedded model chooses the word "red", it looks at the red circle:
// what its heads give to the picture lies on the patches that the circle
// touches.
func TestHeatOfRed(t *testing.T) {
	// The circle of red-circle.png, 128 by 96 pixels: left, top, right, bottom.
	const left, top, right, bottom = 28, 20, 89, 81
	p := load(t, open(t, gpu.Options{}), openPocket(t))
	data, err := os.ReadFile("pocket/examples/red-circle.png")
	check(t, err)
	picture, err := pixels.Decode(data, pixels.Options{})
	check(t, err)
	img, err := pixels.Preprocess(picture, p.Config.VisionEncoder.PatchSize, p.Config.VisionEncoder.ImageSize)
	check(t, err)
	for _, question := range []string{"What is this?", "What colour is the circle?"} {
		chat := &tokenizer.Chat{Model: p.Name, Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Image("it"), tokenizer.Text(question))}}
		prompt, err := p.EncodeChat(chat, []*pixels.Patches{img})
		check(t, err)
		s, err := p.NewSession(model.SessionOptions{})
		check(t, err)
		defer s.Close()
		reply, err := s.Reply(t.Context(), model.Request{Prompt: prompt}, nil)
		check(t, err)
		word := -1
		for i, tok := range reply.Tokens {
			if strings.TrimSpace(string(p.Tokenizer.Bytes(tok))) == "red" {
				word = i
			}
		}
		if word < 0 {
			t.Fatalf("%q is answered with %q", question, reply.Text)
		}
		v, err := s.Visit(t.Context(), len(prompt.Tokens)+word-1, model.Look{Heads: ops.MeanHead})
		check(t, err)
		on, all := make([]float32, len(v.Layers)), make([]float32, len(v.Layers))
		patch := 0
		for position, tok := range prompt.Tokens {
			if int32(tok) != p.Config.VisionEncoder.ImageTokenID {
				continue
			}
			x, y := patch%img.Grid.Cols*img.Patch, patch/img.Grid.Cols*img.Patch
			patch++
			for layer := range v.Layers {
				heat := v.Row(layer, 0)[position]
				if all[layer] += heat; x < right && x+img.Patch > left && y < bottom && y+img.Patch > top {
					on[layer] += heat
				}
			}
		}
		best := 0
		for layer := range on {
			t.Logf("%q, layer %d: %.1f %% of the heat of \"red\" on the picture lies on the circle", reply.Text, layer, 100*on[layer]/all[layer])
			if on[layer]*all[best] > on[best]*all[layer] {
				best = layer
			}
		}
		if on[best] < 0.8*all[best] {
			t.Errorf("%q: in no layer more than %.1f %% of the heat of \"red\" lies on the circle", reply.Text, 100*on[best]/all[best])
		}
	}
}
