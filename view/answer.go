package view

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A Word is a token of the answer.
type Word struct {
	Token    tokenizer.Token
	Text     string
	Position int     // that it has in the session, once it is evaluated
	LogProb  float32 // that the model gave to it
}

// An answer is a question being answered, a step at a time.
type answer struct {
	prompt  model.Prompt
	words   []Word
	decoder *tokenizer.Decoder
	ended   bool
	picker  *model.Picker
}

// ask begins a question: the images come first. The caller holds the device.
func (v *Viewer) ask(ctx context.Context, images []*pixels.Patches, question string) error {
	chat := &tokenizer.Chat{Model: v.model.Name}
	if v.options.System != "" {
		chat.Messages = append(chat.Messages, tokenizer.SystemMessage(v.options.System))
	}
	var parts []tokenizer.Part
	for range images {
		parts = append(parts, tokenizer.Image(""))
	}
	chat.Messages = append(chat.Messages, tokenizer.UserMessage(append(parts, tokenizer.Text(question))...))
	prompt, err := v.model.EncodeChat(chat, images)
	if err != nil {
		return err
	}
	return v.begin(ctx, prompt)
}

// begin evaluates a prompt. Between its chunks the device is free for a frame.
func (v *Viewer) begin(ctx context.Context, prompt model.Prompt) error {
	a := &answer{prompt: prompt, decoder: v.model.Tokenizer.NewDecoder(), picker: v.options.Sampler.Picker(prompt.Tokens)}
	v.session.Progress = func(done, total int) {
		v.say(fmt.Sprintf("reading the prompt: %d of %d tokens", done, total))
		v.device.Unlock()
		v.device.yield()
		v.device.Lock()
	}
	err := v.session.Sync(ctx, prompt)
	v.session.Progress = nil
	if err != nil {
		return err
	}
	v.lock.Lock()
	v.answer = a
	v.lock.Unlock()
	return v.peek()
}

// peek picks the word that follows; it is evaluated by the next step. The gaze
// is then at the position that it came from.
func (v *Viewer) peek() error {
	a := v.answer
	logits, err := v.session.Logits()
	if err != nil {
		return err
	}
	given := slices.Clone(logits) // Pick changes them
	next, err := a.picker.Pick(logits, nil)
	if err != nil {
		return err
	}
	logProb, _ := model.LogProbs(given, next, 0)
	v.lock.Lock()
	defer v.lock.Unlock()
	if v.model.Tokenizer.Ends(next) || v.options.MaxTokens > 0 && len(a.words) == v.options.MaxTokens {
		a.ended = true
		return nil
	}
	a.picker.Accept(next)
	a.words = append(a.words, Word{Token: next, Text: a.decoder.Next(next), Position: v.session.Len(), LogProb: logProb})
	v.said++
	v.gazed, v.note = v.session.Len()-1, fmt.Sprintf("%d tokens", len(a.words))
	return nil
}

// step evaluates the last word and picks another. The caller holds the device.
func (v *Viewer) step(ctx context.Context) error {
	a := v.answer
	if a == nil || a.ended {
		return nil
	}
	if v.session.Len() == v.session.Context() {
		a.ended = true
		return nil
	}
	if err := v.session.Step(ctx, a.words[len(a.words)-1].Token); err != nil {
		return err
	}
	return v.peek()
}

// shown returns the position whose attention is shown: where the pinned word,
// or the last one, came from. What a position attends to is where the model
// looked while it made the token behind it.
func (v *Viewer) shown() (position int, ok bool) {
	v.lock.Lock()
	defer v.lock.Unlock()
	a := v.answer
	if a == nil {
		return 0, false
	}
	word := v.state.word
	if word < 0 || word >= len(a.words) {
		word = len(a.words) - 1
	}
	if word < 0 {
		return v.session.Len() - 1, v.session.Len() > 0 // the model had nothing to say
	}
	return a.words[word].Position - 1, true
}

// look brings the gaze to a position, and measures its kernels where the
// adapter has a clock. The caller holds the device.
func (v *Viewer) look(ctx context.Context, position int) error {
	if v.clock == nil && !v.noClock {
		var err error
		if v.clock, err = v.dev().NewClock(); err != nil {
			v.noClock = true
		}
	}
	if v.clock != nil {
		v.clock.Spans = v.clock.Spans[:0]
	}
	if err := v.gaze.At(ctx, position, v.clock); err != nil {
		return err
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	v.gazed = position
	if v.clock != nil {
		v.spans = append([]gpu.Span(nil), v.clock.Spans...)
	}
	return nil
}

// guess reads the residual stream of a position after a layer as words. The
// caller holds the device.
func (v *Viewer) guess(ctx context.Context, position, layer int) ([]string, error) {
	visit, err := v.session.Visit(ctx, position, model.Look{NoAttention: true})
	if err != nil {
		return nil, err
	}
	dim := v.model.Config.Dim
	lists, err := v.model.Lens(ctx, visit.Residual[(layer+1)*dim:(layer+2)*dim], 4)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, g := range lists[0] {
		words = append(words, fmt.Sprintf("%q %.0f %%", v.spell(g.Token), 100*math.Exp(float64(g.LogProb))))
	}
	return words, nil
}

// spell writes a token for people.
func (v *Viewer) spell(t tokenizer.Token) string {
	d := v.model.Tokenizer.NewDecoder()
	return d.Next(t) + d.Flush()
}

// failed reports an error that is not just the window's end.
func failed(err error) bool { return err != nil && !errors.Is(err, context.Canceled) }
