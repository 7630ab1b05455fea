package model_test

import (
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/tokenizer"
)

// small returns a decoder whose sizes every format of weights takes.
func small(name string) *model.Checkpoint {
	c := &model.Config{
		Dim: 256, Layers: 2, HeadDim: 64, HiddenDim: 512, Heads: 4, KVHeads: 2,
		NormEps: 1e-5, VocabSize: 320, RopeTheta: 1e6,
	}
	return model.Synthetic(c, name, 7)
}

// The pass that somebody watches, by a kernel for each value, and the one that
// nobody does give the same: for every type of weights and of the cache, for a
// row, a few, many, and rows of several sequences, in one cache or in two.
func TestWatchedAndNot(t *testing.T) {
	d, gpuLike := open(t, gpu.Options{}), asGPU(t, "linear_vec")
	for _, f := range quant.Formats {
		t.Run(f.Name, func(t *testing.T) {
			p, q := load(t, d, small(f.Name)), load(t, gpuLike, small(f.Name))
			for _, kv := range []string{"f16", "q8_0", "f32"} {
				if kv != "f16" && f.Name != "bf16" {
					continue
				}
				alike(t, kv+", batch, as a GPU", batch(t, q, kv, nil), batch(t, q, kv, watch))
				session := model.SessionOptions{Context: 128, KV: kv, Chunk: 48}
				alike(t, kv, ask(t, p, session, nil, ids(70)), ask(t, p, session, watch, ids(70)))
				alike(t, kv+", batch", batch(t, p, kv, nil), batch(t, p, kv, watch))
			}
		})
	}
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	p := load(t, d, c)
	img, err := pixels.FromPixels(make([]float32, 3*64*48), 48, 64, p.Config.VisionEncoder.PatchSize)
	check(t, err)
	img.Pixels[100] = 2
	prompt, err := p.EncodeChat(&tokenizer.Chat{Model: "pocket", Messages: []tokenizer.Message{
		tokenizer.UserMessage(tokenizer.Image(""), tokenizer.Text("What is this?")),
	}}, []*pixels.Patches{img})
	check(t, err)
	alike(t, "pocket", ask(t, p, model.SessionOptions{Context: 256}, nil, prompt), ask(t, p, model.SessionOptions{Context: 256}, watch, prompt))
	alike(t, "pocket, batch", batch(t, p, "f16", nil), batch(t, p, "f16", watch))
}

func watch(*gpu.Recorder, string, gpu.Tensor) {}

// asGPU opens the adapter, and has it compute tokens of answers by a kernel that is
// a GPU's.
func asGPU(t *testing.T, kernel string) *gpu.Device {
	t.Helper()
	d := open(t, gpu.Options{})
	for _, f := range quant.Formats {
		d.Prefer(gpu.Use{Op: ops.Each, Format: f.Name}, gpu.Way{Kernel: kernel, Lanes: 8, Rows: 4})
	}
	return d
}

// ids returns n tokens.
func ids(n int) (prompt model.Prompt) {
	for i := range n {
		prompt.Tokens = append(prompt.Tokens, tokenizer.Token(20+(i*i*7)%300))
	}
	return prompt
}

// alike fails unless two lists of logits are the same but for rounding.
func alike(t *testing.T, name string, a, b [][]float32) {
	t.Helper()
	for i := range a {
		if off := reference.Distance(a[i], b[i]); !(off < 2e-6) {
			t.Errorf("%s: logits %d are %.1e apart", name, i, off)
		}
	}
}

// ask returns the logits behind a prompt and two tokens of an answer.
func ask(t *testing.T, p *model.Pixtral, o model.SessionOptions, tap gpu.Tap, prompt model.Prompt) (list [][]float32) {
	t.Helper()
	s, err := p.NewSession(o)
	check(t, err)
	defer s.Close()
	s.Tap = tap
	check(t, s.Sync(t.Context(), prompt))
	for i := range 3 {
		logits, err := s.Logits()
		check(t, err)
		list = append(list, logits)
		check(t, s.Step(t.Context(), tokenizer.Token(30+i)))
	}
	return list
}

// batch returns the logits of three sequences that lie in two caches, behind
// prompts and a token each.
func batch(t *testing.T, p *model.Pixtral, kv string, tap gpu.Tap) [][]float32 {
	t.Helper()
	typ := map[string]gpu.Type{"f16": gpu.F16, "q8_0": gpu.Q8, "f32": gpu.F32}[kv]
	page := typ.Bytes(model.Page * p.Config.KVHeads * p.Config.HeadDim)
	pool, err := p.NewPool(model.PoolOptions{Context: 64, Sequences: 3, KV: kv, CacheBytes: 4 * page})
	check(t, err)
	defer pool.Close()
	pool.Tap = tap
	tokens := ids(40).Tokens
	pieces := []model.Piece{{Pages: []uint32{1, 0}}, {Pages: []uint32{2}}, {Pages: []uint32{1}, Cache: 1}}
	for i := range pieces {
		pieces[i].Sequence, pieces[i].Want = i, 1
		for _, tok := range tokens[:[]int{40, 3, 9}[i]] {
			pieces[i].Places = append(pieces[i].Places, model.Place{Token: tok})
		}
	}
	check(t, pool.Read(t.Context(), pieces))
	list, err := pool.Logits(3)
	check(t, err)
	for i := range pieces {
		pieces[i].First, pieces[i].Places = len(pieces[i].Places), pieces[i].Places[:1]
	}
	check(t, pool.Step(t.Context(), pieces))
	more, err := pool.Logits(3)
	check(t, err)
	return append(list, more...)
}

// A pass that is played again gives what one that is recorded anew does, to the
// bit, while the context grows from one part to two and sequences come and go.
func TestTaped(t *testing.T) {
	p := load(t, asGPU(t, "linear_vec"), small("q8_0"))
	s, err := p.NewSession(model.SessionOptions{Context: 256})
	check(t, err)
	defer s.Close()
	fresh, err := p.NewSession(model.SessionOptions{Context: 256})
	check(t, err)
	defer fresh.Close()
	fresh.Clock, err = p.Device().NewClock() // what is measured is recorded anew
	check(t, err)
	defer fresh.Clock.Free(p.Device())
	check(t, s.Sync(t.Context(), ids(120)))
	check(t, fresh.Sync(t.Context(), ids(120)))
	for i := range 20 {
		tok := tokenizer.Token(20 + i)
		check(t, s.Step(t.Context(), tok))
		check(t, fresh.Step(t.Context(), tok))
		a, err := s.Logits()
		check(t, err)
		b, err := fresh.Logits()
		check(t, err)
		if !slices.Equal(a, b) {
			t.Fatalf("token %d: %.1e apart", i, reference.Distance(a, b))
		}
	}

	pool, err := p.NewPool(model.PoolOptions{Context: 64, Sequences: 3, KV: "f16"})
	check(t, err)
	defer pool.Close()
	pieces := make([]model.Piece, 3)
	for i := range pieces {
		pieces[i] = model.Piece{Sequence: i, Pages: []uint32{uint32(2 * i), uint32(2*i + 1)}, Places: []model.Place{{Token: tokenizer.Token(40 + i)}}, Want: 1}
	}
	for step, list := range [][]model.Piece{pieces, pieces, pieces[:2], pieces[:2], pieces[1:], pieces[1:], pieces} {
		check(t, pool.Step(t.Context(), list))
		a, err := pool.Logits(len(list))
		check(t, err)
		pool.Clock = fresh.Clock
		check(t, pool.Step(t.Context(), list))
		b, err := pool.Logits(len(list))
		check(t, err)
		pool.Clock = nil
		for i := range a {
			if !slices.Equal(a[i], b[i]) {
				t.Errorf("step %d, sequence %d: %.1e apart", step, list[i].Sequence, reference.Distance(a[i], b[i]))
			}
		}
		for i := range pieces {
			pieces[i].First++
			pieces[i].Places = []model.Place{{Token: tokenizer.Token(50 + 7*step + i)}}
		}
	}
}

// A token of an answer takes five dispatches a layer on a GPU, nine by integers,
// seven on a software adapter, and one more where the context is so long that attention
// is split. Into storage textures keys and values go by a dispatch of their own.
func TestDispatches(t *testing.T) {
	dispatches(t, asGPU(t, "linear_vec"), 5)
	dispatches(t, asGPU(t, "linear_subgroup"), 5)
	dispatches(t, asGPU(t, "linear_vec_ints"), 9)
	d := asGPU(t, "linear_vec")
	d.Prefer(gpu.Use{Op: ops.NormEach, Format: "q4_k"}, gpu.Way{Kernel: "rmsnorm"})
	dispatches(t, d, 7)
	dispatches(t, open(t, gpu.Options{}), 7)
}

func dispatches(t *testing.T, d *gpu.Device, want int) {
	t.Helper()
	if d.ReadsTexels() {
		want++
	}
	p := load(t, d, small("q4_k"))
	s, err := p.NewSession(model.SessionOptions{Context: 512})
	check(t, err)
	defer s.Close()
	for depth, most := range map[int]int{20: want, 300: want + 1} {
		s.Clock = nil
		check(t, s.Sync(t.Context(), ids(depth)))
		s.Clock, err = p.Device().NewClock()
		check(t, err)
		check(t, s.Step(t.Context(), 30))
		layer, others := 0, 0
		for _, span := range s.Clock.Spans {
			if strings.HasPrefix(span.Name, "layers.0.") || span.Name == "layers.0" {
				layer++
			} else if !strings.HasPrefix(span.Name, "layers.") {
				others++
			}
		}
		if layer != most || others > 4 {
			t.Errorf("behind %d tokens: %d dispatches in a layer, want %d; %d outside", depth, layer, most, others)
		}
		s.Clock.Free(p.Device())
	}
}
