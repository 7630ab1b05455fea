// Package view shows what a model sees and where it looks, drawn by the device
// that it runs on: the picture with its patches, attention over it as heat, the
// answer as it grows, the layers, the heads of one, and what the kernels took.
//
// A Viewer knows nothing of windows: keys, clicks and sizes come in, frames go
// out, to a canvas that stays on the device or to a picture file. Window (with
// the build tag viewer) puts one on a desktop.
package view

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"sync"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
)

// Options says what is shown; the zero value but for Open is right.
type Options struct {
	System    string
	Sampler   model.Sampler
	MaxTokens int                                            // of an answer; 0 leaves it to the model
	Context   int                                            // tokens; 0 means model.DefaultContext
	KV        string                                         // type of keys and values
	Paused    bool                                           // step only when asked to
	Open      func(path string) (*pixels.Patches, error)     // reads a picture that is dropped
	Save      func(img image.Image) (path string, err error) // keeps a picture of the window
}

// A Viewer shows one question at a time. Its methods but Work are for one
// goroutine, Work for another.
type Viewer struct {
	options Options
	model   *model.Pixtral
	session *model.Session
	gaze    *model.Gaze
	clock   *gpu.Clock
	noClock bool

	device   turns      // held by whoever uses the device
	lock     sync.Mutex // of what follows, which both goroutines see
	answer   *answer
	images   []*pixels.Patches
	question string
	asked    int // questions so far
	gazed    int // position whose attention is on the device; -1 for none
	spans    []gpu.Span
	note     string // what is going on, for the last line
	fault    error  // the first of the work; it is shown as the note too
	said     int    // words of all answers
	reading  lens   // of the patch under the mouse
	jobs     chan func(ctx context.Context) error

	state   state
	types   *typesetter
	canvas  canvas
	picture gpu.Tensor // pixels of the image shown, u32
	shownOf *pixels.Patches
	heat    gpu.Tensor           // [heads+1, patches]: each head, then the mean, maximum or rollout
	peaks   gpu.Tensor           // [heads+1, 4]
	heats   uint64               // how often the heat became another
	heated  heatKey              // what heat holds
	weights weights              // the same on the host, once a patch was looked at
	rolled  map[[2]int][]float32 // rollouts by position and layer: over all positions
	areas   areas                // of the last frame
}

// A lens is what a position looks like as words.
type lens struct {
	position, layer int
	words           []string
	asked           bool
}

// A heatKey names what is in the heat tensor.
type heatKey struct {
	asked, position, layer, image, head int
	rolled                              int // length of the rollout, 0 while there is none
}

// New makes a viewer of a model. The caller closes both, the viewer first.
func New(p *model.Pixtral, o Options) (*Viewer, error) {
	if p.Tokenizer == nil {
		return nil, fmt.Errorf("view: %s has no tokenizer, which a question needs", p.Name)
	}
	if p.Config.VisionEncoder == nil {
		return nil, fmt.Errorf("view: %s reads text only; there is nothing to be seen", p.Name)
	}
	v := &Viewer{options: o, model: p, device: newTurns(), gazed: -1, jobs: make(chan func(context.Context) error, 64), canvas: canvas{dev: p.Device()}}
	v.state = newState(p.Config.Layers)
	v.state.running = !o.Paused
	var err error
	if v.types, err = newTypesetter(); err != nil {
		return nil, err
	}
	if v.session, err = p.NewSession(model.SessionOptions{Context: o.Context, KV: o.KV}); err != nil {
		return nil, err
	}
	if v.gaze, err = v.session.NewGaze(); err != nil {
		v.session.Close()
		return nil, err
	}
	v.session.Tap = v.gaze.Tap
	return v, nil
}

func (v *Viewer) dev() *gpu.Device { return v.model.Device() }

// Close gives the viewer's memory back. Work must have returned.
func (v *Viewer) Close() {
	if v.clock != nil {
		v.clock.Free(v.dev())
	}
	v.gaze.Close()
	v.session.Close()
	v.dev().Free(v.picture, v.heat, v.peaks)
	v.canvas.free()
}

// Ask asks a question about images, when the work before it is done.
func (v *Viewer) Ask(images []*pixels.Patches, question string) {
	v.lock.Lock()
	v.images, v.question, v.state.image = images, question, 0
	v.lock.Unlock()
	v.post(func(ctx context.Context) error {
		v.reset()
		return v.ask(ctx, images, question)
	})
}

// reset forgets the answer before.
func (v *Viewer) reset() {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.asked++
	v.answer, v.gazed, v.spans, v.rolled = nil, -1, nil, map[[2]int][]float32{}
	v.state.word = -1
}

// post gives the working goroutine something to do. What comes too fast is
// dropped, as with a key that is held down.
func (v *Viewer) post(job func(ctx context.Context) error) (taken bool) {
	select {
	case v.jobs <- job:
		return true
	default:
		return false
	}
}

// say sets the last line.
func (v *Viewer) say(note string) {
	v.lock.Lock()
	v.note = note
	v.lock.Unlock()
}

// Work does what is asked for and makes the answer, until ctx is done. Its
// errors are shown, not returned: a window outlives a question that failed.
func (v *Viewer) Work(ctx context.Context) {
	for ctx.Err() == nil {
		var job func(context.Context) error
		select {
		case job = <-v.jobs:
		default:
			if v.going() {
				job = v.stepAndLook
				break
			}
			select {
			case job = <-v.jobs:
			case <-ctx.Done():
				return
			}
		}
		v.do(ctx, job)
	}
}

// do does one job with the device, and lets a frame that waits go before the next.
func (v *Viewer) do(ctx context.Context, job func(context.Context) error) {
	v.device.Lock()
	err := job(ctx)
	v.device.Unlock()
	if failed(err) {
		v.lock.Lock()
		v.note, v.fault, v.state.running = err.Error(), cmp.Or(v.fault, err), false
		v.lock.Unlock()
	}
	v.device.yield()
}

// going reports whether the answer is to go on by itself.
func (v *Viewer) going() bool {
	v.lock.Lock()
	defer v.lock.Unlock()
	return v.state.running && v.answer != nil && !v.answer.ended
}

// stepAndLook says one word, and at the end measures the last.
func (v *Viewer) stepAndLook(ctx context.Context) error {
	if err := v.step(ctx); err != nil {
		return err
	}
	if !v.going() {
		return v.lookAtShown(ctx)
	}
	return nil
}

// lookAtShown brings the gaze to the word that is shown.
func (v *Viewer) lookAtShown(ctx context.Context) error {
	position, ok := v.shown()
	if !ok {
		return nil
	}
	if err := v.look(ctx, position); err != nil {
		return err
	}
	v.lock.Lock()
	rolls := v.state.head == rollout
	v.lock.Unlock()
	if rolls {
		return v.roll(ctx)
	}
	return nil
}

// Until works until n words were said or the answer ended: for frames without
// a window. n < 0 says all.
func (v *Viewer) Until(ctx context.Context, n int) error {
	v.device.Lock()
	defer v.device.Unlock()
	for {
		select {
		case job := <-v.jobs:
			if err := job(ctx); err != nil {
				return err
			}
			continue
		default:
		}
		a := v.answer
		if a == nil || a.ended || n >= 0 && len(a.words) >= n {
			break
		}
		if err := v.step(ctx); err != nil {
			return err
		}
	}
	return v.lookAtShown(ctx)
}

// Words returns what was said so far.
func (v *Viewer) Words() []Word {
	v.lock.Lock()
	defer v.lock.Unlock()
	if v.answer == nil {
		return nil
	}
	return append([]Word(nil), v.answer.words...)
}

// Image returns a frame as a picture. The device must be free.
func (v *Viewer) Image(width, height int, scale float32) (image.Image, error) {
	v.device.Lock()
	defer v.device.Unlock()
	canvas, err := v.frame(width, height, scale, false)
	if err != nil {
		return nil, err
	}
	words, err := v.dev().Ints(canvas)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			binary.LittleEndian.PutUint32(img.Pix[img.PixOffset(x, y):], words[y*canvas.Shape[1]+x])
		}
	}
	return img, nil
}

// TryFrame draws a frame if the device is free within a moment: while a long
// step runs, the window keeps the one it has, and is next when the step is done.
func (v *Viewer) TryFrame(width, height int, scale float32, swap bool, show func(canvas gpu.Tensor) error) (drawn bool, err error) {
	if !v.device.lockSoon() {
		return false, nil
	}
	defer v.device.done()
	canvas, err := v.frame(width, height, scale, swap)
	if err == nil {
		err = show(canvas)
	}
	return true, err
}

// prepare uploads the picture shown and makes room for its heat.
func (v *Viewer) prepare(img *pixels.Patches) error {
	if v.shownOf == img {
		return nil
	}
	v.dev().Free(v.picture, v.heat, v.peaks)
	v.picture, v.heat, v.peaks = gpu.Tensor{}, gpu.Tensor{}, gpu.Tensor{}
	v.heated, v.weights = heatKey{position: -1}, weights{}
	pix := img.Picture().Pix
	words := make([]uint32, len(pix)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(pix[4*i:])
	}
	heads := v.model.Config.Heads
	var err error
	if v.picture, err = v.dev().UploadInts("picture", words, len(words)); err != nil {
		return err
	}
	if v.heat, err = v.dev().New("heat", gpu.F32, heads+1, img.Grid.Patches()); err != nil {
		return err
	}
	if v.peaks, err = v.dev().New("peaks", gpu.F32, heads+1, 4); err != nil {
		return err
	}
	v.shownOf = img
	return nil
}

// heatRow is the row of the heat that lies over the picture.
func (v *Viewer) heatRow() int {
	if v.state.head >= 0 {
		return v.state.head
	}
	return v.model.Config.Heads
}

// key names the heat that is to be shown.
func (v *Viewer) key() heatKey {
	s := &v.state
	return heatKey{v.asked, v.gazed, s.layer, s.image, s.head, len(v.rolled[[2]int{v.gazed, s.layer}])}
}

// warm records the heat of the layer, head and image that are shown.
func (v *Viewer) warm(r *gpu.Recorder, first int) {
	if v.gazed < 0 {
		return
	}
	s := &v.state
	heads, cols := v.model.Config.Heads, v.shownOf.Grid.Cols
	x := v.gaze.Attention[s.layer]
	ops.PatchHeat(r, v.heat, x, 0, first, cols, v.gaze.Keys, ops.EachHead)
	switch s.head {
	case rollout:
		r.Fail(v.dev().Write(v.heat, uint64(4*heads*v.shownOf.Grid.Patches()), floats(v.rolledPatches(first))))
	case meanOfHeads:
		ops.PatchHeat(r, v.heat, x, heads, first, cols, v.gaze.Keys, ops.MeanHead)
	case maxOfHeads:
		ops.PatchHeat(r, v.heat, x, heads, first, cols, v.gaze.Keys, ops.MaxHead)
	}
	ops.RowStats(r, v.peaks, v.heat)
}

// Weights are what lies over the picture: of all attention, what each patch gets.
type weights struct {
	of    heatKey
	asked bool
	rows  []float32
}

// weight returns what a patch gets, once that is known. Until the heat of a new
// word is read back it is that of the word before.
func (v *Viewer) weight(patch int) (float32, bool) {
	at := v.heatRow()*v.shownOf.Grid.Patches() + patch
	if at >= len(v.weights.rows) {
		return 0, false
	}
	return v.weights.rows[at], true
}

// askWeights has the heat that is drawn read back. The caller holds the lock.
func (v *Viewer) askWeights() {
	of := v.heated
	if v.gazed < 0 || v.weights.asked && v.weights.of == of {
		return
	}
	v.weights.of = of
	v.weights.asked = v.post(func(context.Context) error {
		rows, err := v.dev().Floats(v.heat)
		v.lock.Lock()
		defer v.lock.Unlock()
		if v.weights.of == of && v.heated == of {
			v.weights.rows = rows
		}
		return err
	})
}

// firstToken returns the position of an image's first patch.
func (v *Viewer) firstToken(prompt model.Prompt, image int) int {
	for at, p := range v.model.Config.Places(prompt) {
		if p.Image != ([32]byte{}) && p.Patch == 0 {
			if image == 0 {
				return at
			}
			image--
		}
	}
	return 0
}

// rolledPatches are the values of the rollout that is shown at the patches of
// the picture, zeros until it is known.
func (v *Viewer) rolledPatches(first int) []float32 {
	g := v.shownOf.Grid
	out := make([]float32, g.Patches())
	row := v.rolled[[2]int{v.gazed, v.state.layer}]
	for p := range out {
		if at := first + p/g.Cols*(g.Cols+1) + p%g.Cols; at < len(row) {
			out[p] = row[at]
		}
	}
	return out
}

// roll computes the rollout of the position that is shown. The caller holds the
// device.
func (v *Viewer) roll(ctx context.Context) error {
	a := v.answer
	position, ok := v.shown()
	if !ok || v.rolled[[2]int{position, 0}] != nil {
		return nil
	}
	prompt := a.prompt
	for _, w := range a.words {
		if w.Position <= position {
			prompt.Tokens = append(prompt.Tokens[:w.Position:w.Position], w.Token)
		}
	}
	prompt.Tokens = prompt.Tokens[:position+1]
	o, err := v.model.Rollout(ctx, prompt, position)
	if err != nil {
		return err
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	for layer := range o.Layers {
		v.rolled[[2]int{position, layer}] = o.Row(layer, position)
	}
	return nil
}

func floats(list []float32) []byte {
	out := make([]byte, 0, 4*len(list))
	for _, f := range list {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}
