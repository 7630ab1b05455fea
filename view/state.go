package view

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"pixtral-wgpu/model/pixels"
)

// What lies over the picture, beside the heads by their numbers.
const (
	meanOfHeads = -1
	maxOfHeads  = -2
	rollout     = -3
)

// A state is what the person chose.
type state struct {
	layer, layers int
	head          int // or meanOfHeads and so on
	image         int
	word          int  // pinned, -1 for the last
	patch         int  // pinned, -1 for none
	running       bool // the answer goes on by itself
	grid, help    bool
	zoom          float32 // 1 fits the picture into its panel
	panX, panY    float32 // of the picture's middle, in canvas pixels
	mouseX        float32
	mouseY        float32
	dragging      bool
	moved         bool
	leave         bool
}

func newState(layers int) state {
	return state{layer: layers - 1, layers: layers, head: meanOfHeads, word: -1, patch: -1, zoom: 1, grid: true, mouseX: -1, mouseY: -1}
}

// Leaving reports whether the person wants to leave.
func (v *Viewer) Leaving() bool { return v.state.leave }

// Key does what a key is for, by its name: "space", "left", "r" and so on.
func (v *Viewer) Key(name string) {
	v.lock.Lock()
	defer v.lock.Unlock()
	s := &v.state
	heads := v.model.Config.Heads
	switch name {
	case "space":
		if s.running {
			s.running = false
			v.post(v.lookAtShown)
		} else {
			v.post(v.stepOnce)
		}
	case "enter":
		s.running = true
		v.post(func(context.Context) error { return nil }) // wakes the work
	case "up", "down":
		by := map[string]int{"up": 1, "down": -1}[name]
		s.layer = min(max(s.layer+by, 0), s.layers-1)
	case "left", "right":
		by := map[string]int{"left": -1, "right": 1}[name]
		s.head = min(max(s.head+by, rollout), heads-1)
		if s.head == rollout {
			v.post(v.roll)
		}
	case "m":
		s.head = meanOfHeads
	case "x":
		s.head = maxOfHeads
	case "o":
		s.head = rollout
		v.post(v.roll)
	case "tab":
		if len(v.images) > 0 {
			s.image = (s.image + 1) % len(v.images)
			s.patch = -1
		}
	case "g":
		s.grid = !s.grid
	case "0":
		s.zoom, s.panX, s.panY = 1, 0, 0
	case "r":
		images, question := v.images, v.question
		v.lock.Unlock()
		v.Ask(images, question)
		v.lock.Lock()
	case "s":
		v.post(v.save)
	case "?":
		s.help = !s.help
	case "escape":
		switch {
		case s.help:
			s.help = false
		case s.word >= 0 || s.patch >= 0:
			s.word, s.patch = -1, -1
			v.post(v.lookAtShown)
		default:
			s.leave = true
		}
	}
}

// stepOnce says one word and measures it.
func (v *Viewer) stepOnce(ctx context.Context) error {
	if err := v.step(ctx); err != nil {
		return err
	}
	return v.lookAtShown(ctx)
}

// save keeps a picture of the window.
func (v *Viewer) save(context.Context) error {
	if v.options.Save == nil || v.areas.whole.w < 1 {
		return nil
	}
	v.device.Unlock() // Image holds it itself
	img, err := v.Image(int(v.areas.whole.w), int(v.areas.whole.h), v.areas.scale)
	v.device.Lock()
	if err != nil {
		return err
	}
	path, err := v.options.Save(img)
	if err != nil {
		return err
	}
	v.say("saved as " + path)
	return nil
}

// Move follows the mouse, in canvas pixels; dragging moves the picture.
func (v *Viewer) Move(x, y float32) {
	v.lock.Lock()
	defer v.lock.Unlock()
	s := &v.state
	if s.dragging {
		if dx, dy := x-s.mouseX, y-s.mouseY; dx != 0 || dy != 0 {
			s.panX, s.panY, s.moved = s.panX+dx, s.panY+dy, true
		}
	}
	s.mouseX, s.mouseY = x, y
	v.askLens()
}

// Press begins a drag or a click, Release ends it.
func (v *Viewer) Press() {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.state.dragging, v.state.moved = v.areas.picture.holds(v.state.mouseX, v.state.mouseY), false
}

// Release is a click if the mouse did not move: on a patch, a word, a layer or
// a head.
func (v *Viewer) Release() {
	v.lock.Lock()
	defer v.lock.Unlock()
	s := &v.state
	dragged := s.dragging && s.moved
	s.dragging = false
	if !dragged {
		v.click(s.mouseX, s.mouseY)
	}
}

func (v *Viewer) click(x, y float32) {
	s := &v.state
	switch {
	case s.help:
		s.help = false
	case v.areas.picture.holds(x, y):
		if p, ok := v.areas.patchAt(x, y); ok && p != s.patch {
			s.patch = p
		} else {
			s.patch = -1
		}
		v.askLens()
	default:
		for i, b := range v.areas.words {
			if b.box.holds(x, y) {
				if s.word = b.index; i == len(v.areas.words)-1 && s.running {
					s.word = -1 // the last goes on
				}
				v.post(v.lookAtShown)
				if s.head == rollout {
					v.post(v.roll)
				}
				return
			}
		}
		for i, b := range v.areas.layers {
			if b.holds(x, y) {
				s.layer = i
				return
			}
		}
		for i, b := range v.areas.heads {
			if b.holds(x, y) {
				s.head = i
				return
			}
		}
	}
}

// Scroll zooms the picture around the mouse.
func (v *Viewer) Scroll(up float32) {
	v.lock.Lock()
	defer v.lock.Unlock()
	s, b := &v.state, v.areas.picture
	if !b.holds(s.mouseX, s.mouseY) {
		return
	}
	old := s.zoom
	s.zoom = min(max(s.zoom*(1+0.15*up), 0.5), 32)
	grown := s.zoom / old
	middleX, middleY := b.x+b.w/2, b.y+b.h/2
	s.panX = (s.panX-(s.mouseX-middleX))*grown + s.mouseX - middleX
	s.panY = (s.panY-(s.mouseY-middleY))*grown + s.mouseY - middleY
}

// Drop asks the same question about a picture that was dropped on the window.
func (v *Viewer) Drop(paths []string) {
	if v.options.Open == nil || len(paths) == 0 {
		return
	}
	name := filepath.Base(paths[0])
	v.say("reading " + name)
	v.post(func(context.Context) error {
		v.device.Unlock() // a large picture takes a while
		img, err := v.options.Open(paths[0])
		v.device.Lock()
		if err != nil {
			v.say(fmt.Sprintf("%s: %v", name, err))
			return nil
		}
		v.lock.Lock()
		s := &v.state
		s.running, s.patch, s.zoom, s.panX, s.panY = !v.options.Paused, -1, 1, 0, 0
		question := v.question
		v.lock.Unlock()
		v.Ask([]*pixels.Patches{img}, question)
		return nil
	})
}

// askLens asks for the words of the patch under the mouse, or the pinned one.
// The caller holds the lock.
func (v *Viewer) askLens() {
	patch := v.hovered()
	if patch < 0 || !v.sees() || v.state.running && !v.answer.ended {
		return
	}
	position, layer := v.position(patch), v.state.layer
	if v.reading.asked && v.reading.position == position && v.reading.layer == layer {
		return
	}
	v.reading = lens{position: position, layer: layer}
	v.reading.asked = v.post(func(ctx context.Context) error {
		words, err := v.guess(ctx, position, layer)
		if err != nil {
			return err
		}
		v.lock.Lock()
		defer v.lock.Unlock()
		if v.reading.position == position && v.reading.layer == layer {
			v.reading.words = words
		}
		return nil
	})
}

// sees reports whether the answer is about the picture that is shown: just after
// another question, it is not yet.
func (v *Viewer) sees() bool {
	if v.answer == nil || v.state.image >= len(v.images) {
		return false
	}
	of := v.answer.prompt.Images
	return v.state.image < len(of) && of[v.state.image] == v.images[v.state.image]
}

// position is that of a patch of the picture shown, which the answer sees.
func (v *Viewer) position(patch int) int {
	cols := v.answer.prompt.Images[v.state.image].Grid.Cols
	return v.firstToken(v.answer.prompt, v.state.image) + patch/cols*(cols+1) + patch%cols
}

// hovered is the patch that is looked at: the pinned one, or that under the
// mouse; -1 for none.
func (v *Viewer) hovered() int {
	if v.state.patch >= 0 {
		return v.state.patch
	}
	if p, ok := v.areas.patchAt(v.state.mouseX, v.state.mouseY); ok {
		return p
	}
	return -1
}

// Head reads what lies over the picture: mean, max, rollout, or the number of a
// head from 1 on.
func Head(name string) (int, error) {
	switch name {
	case "mean":
		return meanOfHeads, nil
	case "max":
		return maxOfHeads, nil
	case "rollout":
		return rollout, nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("it is mean, max, rollout or the number of a head")
	}
	return n - 1, nil
}

// Show chooses a layer, -1 for the last, and what lies over the picture, as
// Head reads it.
func (v *Viewer) Show(layer, head int) error {
	c := v.model.Config
	if layer < -1 || layer >= c.Layers || head >= c.Heads {
		return fmt.Errorf("there are %d layers of %d heads", c.Layers, c.Heads)
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	if layer >= 0 {
		v.state.layer = layer
	}
	v.state.head = head
	return nil
}
