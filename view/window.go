//go:build viewer

package view

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/go-gl/glfw/v3.4/glfw"
	"github.com/shirou/gopsutil/v4/process"

	"pixtral-wgpu/gpu"
)

// keyNames are the keys that a viewer knows.
var keyNames = map[glfw.Key]string{
	glfw.KeySpace: "space", glfw.KeyEnter: "enter", glfw.KeyUp: "up", glfw.KeyDown: "down", glfw.KeyLeft: "left", glfw.KeyRight: "right",
	glfw.KeyTab: "tab", glfw.KeyEscape: "escape",
}

// A Bound is how much of a window there is to be. With one, the question is
// asked again whenever its answer ends, so that there is always one being made.
type Bound struct{ Frames int }

// Stats says how a window ran.
type Stats struct {
	Frames      int
	Words       int           // said meanwhile
	Mean, Worst time.Duration // to draw and hand over a frame
	Before, End Memory        // after the first frames, and at the end
}

// Memory is what a window takes, in bytes.
type Memory struct{ Device, Host uint64 }

// Window shows the viewer in a window until the person leaves, ctx is done, or
// so many frames were shown; no bound leaves it open. It is for the main
// goroutine. What fails is shown in the window, and returned if there is a bound.
func (v *Viewer) Window(ctx context.Context, title string, width, height int, bound Bound) (Stats, error) {
	d, err := v.openDesk(title, width, height)
	if err != nil {
		return Stats{}, err
	}
	defer d.close()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); v.Work(ctx) }()
	defer func() { stop(); <-ended }()
	return d.show(ctx, bound)
}

// A desk is a window with what is shown in it. Its thread is locked.
type desk struct {
	v       *Viewer
	window  *glfw.Window
	surface *gpu.Surface
}

func (v *Viewer) openDesk(title string, width, height int) (_ *desk, err error) {
	runtime.LockOSThread()
	d := &desk{v: v}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := glfw.Init(); err != nil {
		return nil, fmt.Errorf("view: no window can be opened: %w; is there a display (DISPLAY or WAYLAND_DISPLAY)? --offscreen needs none", err)
	}
	glfw.WindowHint(glfw.ClientAPI, glfw.NoAPI)
	glfw.WindowHint(glfw.ScaleToMonitor, glfw.True)
	if d.window, err = glfw.CreateWindow(width, height, title, nil, nil); err != nil {
		return nil, fmt.Errorf("view: the window: %w", err)
	}
	v.device.Lock()
	defer v.device.Unlock()
	if d.surface, err = v.dev().NewSurface(d.window); err != nil {
		return nil, err
	}
	d.listen()
	return d, nil
}

func (d *desk) close() {
	if d.surface != nil {
		d.surface.Close()
	}
	if d.window != nil {
		d.window.Destroy()
	}
	glfw.Terminate()
	runtime.UnlockOSThread()
}

// listen passes what happens in the window on.
func (d *desk) listen() {
	v, window := d.v, d.window
	pixels := func(x, y float64) (float32, float32) { // windows count in units of their own
		w, h := window.GetSize()
		fw, fh := window.GetFramebufferSize()
		return float32(x) * float32(fw) / float32(max(w, 1)), float32(y) * float32(fh) / float32(max(h, 1))
	}
	window.SetKeyCallback(func(_ *glfw.Window, key glfw.Key, _ int, action glfw.Action, _ glfw.ModifierKey) {
		if name := keyNames[key]; name != "" && action != glfw.Release {
			v.Key(name)
		}
	})
	window.SetCharCallback(func(_ *glfw.Window, char rune) { // by the letter, on any keyboard
		if char != ' ' {
			v.Key(string(char))
		}
	})
	window.SetCursorPosCallback(func(_ *glfw.Window, x, y float64) { v.Move(pixels(x, y)) })
	window.SetMouseButtonCallback(func(_ *glfw.Window, button glfw.MouseButton, action glfw.Action, _ glfw.ModifierKey) {
		switch {
		case button != glfw.MouseButtonLeft:
		case action == glfw.Press:
			v.Press()
		default:
			v.Release()
		}
	})
	window.SetScrollCallback(func(_ *glfw.Window, _, up float64) { v.Scroll(float32(up)) })
	window.SetDropCallback(func(_ *glfw.Window, paths []string) { v.Drop(paths) })
}

// frame does what happened in the window and draws it, if the device is free.
func (d *desk) frame() (drawn bool, err error) {
	glfw.PollEvents()
	width, height := d.window.GetFramebufferSize()
	if width < 1 || height < 1 { // hidden
		d.v.device.wanted.Store(false)
		return false, nil
	}
	scale, _ := d.window.GetContentScale()
	return d.v.TryFrame(width, height, max(scale, 1), d.surface.Swapped(), func(canvas gpu.Tensor) error {
		if err := d.surface.Resize(width, height); err != nil {
			return err
		}
		return d.surface.Present(canvas)
	})
}

// show draws frame after frame.
func (d *desk) show(ctx context.Context, bound Bound) (s Stats, err error) {
	const settled = 50 // frames until everything that is made once is made
	v := d.v
	var spent time.Duration
	for !d.window.ShouldClose() && !v.Leaving() && ctx.Err() == nil && (bound.Frames == 0 || s.Frames < bound.Frames) {
		start := time.Now()
		drawn, err := d.frame()
		if err != nil {
			return s, err
		}
		took := time.Since(start)
		if drawn && bound.Frames > 0 {
			s.Frames++
			s.Worst, spent = max(s.Worst, took), spent+took
			if s.Frames == settled {
				s.Before = v.memory()
			}
			if s.Words, err = v.goOn(); err != nil {
				return s, err
			}
		}
		time.Sleep(max(time.Second/60-took, time.Millisecond))
	}
	if s.Frames > 0 {
		s.Mean, s.End = spent/time.Duration(s.Frames), v.memory()
	}
	return s, nil
}

// goOn asks again if the answer has ended. It returns how many words were said
// so far, and what failed.
func (v *Viewer) goOn() (words int, err error) {
	v.lock.Lock()
	over := v.answer != nil && v.answer.ended && len(v.jobs) == 0
	images, question := v.images, v.question
	words, err = v.said, v.fault
	v.lock.Unlock()
	if over {
		v.Ask(images, question)
	}
	return words, err
}

// memory measures what is taken. Garbage of the host is collected first.
func (v *Viewer) memory() (m Memory) {
	v.device.Lock()
	m.Device, _ = v.dev().Used()
	v.device.Unlock()
	runtime.GC()
	if p, err := process.NewProcess(int32(os.Getpid())); err == nil {
		if i, err := p.MemoryInfo(); err == nil {
			m.Host = i.RSS
		}
	}
	return m
}
