//go:build viewer

package view

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/go-gl/glfw/v3.4/glfw"

	"pixtral-wgpu/gpu"
)

// keyNames are the keys that a viewer knows.
var keyNames = map[glfw.Key]string{
	glfw.KeySpace: "space", glfw.KeyEnter: "enter", glfw.KeyUp: "up", glfw.KeyDown: "down", glfw.KeyLeft: "left", glfw.KeyRight: "right",
	glfw.KeyTab: "tab", glfw.KeyEscape: "escape",
}

// Stats says how a window ran.
type Stats struct {
	Frames      int
	Frame       time.Duration // mean time to draw and hand over a frame
	Before, End uint64        // bytes on the device after the first frames, and at the end
}

// Window shows the viewer in a window until the person leaves, ctx is done, or
// so many frames were shown (0 means no bound). It is for the main goroutine.
func (v *Viewer) Window(ctx context.Context, title string, width, height, frames int) (Stats, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := glfw.Init(); err != nil {
		return Stats{}, fmt.Errorf("view: no window can be opened: %w; is there a display (DISPLAY or WAYLAND_DISPLAY)? --offscreen needs none", err)
	}
	defer glfw.Terminate()
	glfw.WindowHint(glfw.ClientAPI, glfw.NoAPI)
	glfw.WindowHint(glfw.ScaleToMonitor, glfw.True)
	window, err := glfw.CreateWindow(width, height, title, nil, nil)
	if err != nil {
		return Stats{}, fmt.Errorf("view: the window: %w", err)
	}
	defer window.Destroy()
	v.device.Lock()
	surface, err := v.dev().NewSurface(window)
	if err == nil {
		err = surface.Resize(window.GetFramebufferSize())
	}
	v.device.Unlock()
	if err != nil {
		return Stats{}, err
	}
	defer surface.Close()

	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); v.Work(ctx) }()
	defer func() { stop(); <-ended }()
	v.listen(window)
	return v.show(ctx, window, surface, frames)
}

// listen passes what happens in the window on.
func (v *Viewer) listen(window *glfw.Window) {
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

// show draws frame after frame.
func (v *Viewer) show(ctx context.Context, window *glfw.Window, surface *gpu.Surface, frames int) (s Stats, err error) {
	const settled = 20 // frames until everything that is made once is made
	width, height := window.GetFramebufferSize()
	var spent time.Duration
	for !window.ShouldClose() && !v.Leaving() && ctx.Err() == nil && (frames == 0 || s.Frames < frames) {
		glfw.PollEvents()
		start := time.Now()
		if w, h := window.GetFramebufferSize(); w != width || h != height {
			width, height = w, h
			v.device.Lock()
			err = surface.Resize(w, h)
			v.device.Unlock()
			if err != nil {
				return s, err
			}
		}
		drawn := false
		if width > 0 && height > 0 {
			scale, _ := window.GetContentScale()
			drawn, err = v.TryFrame(width, height, max(scale, 1), surface.Swapped(), surface.Present)
			if err != nil {
				return s, err
			}
		}
		took := time.Since(start)
		if drawn {
			spent += took
			s.Frames++
			s.End, _ = v.dev().Used()
			if s.Frames == settled {
				s.Before = s.End
			}
		}
		time.Sleep(max(time.Second/60-took, time.Millisecond))
	}
	if s.Frames > 0 {
		s.Frame = spent / time.Duration(s.Frames)
	}
	return s, nil
}
