//go:build viewer

package view

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pixtral-wgpu/model/pixels"
)

// display starts an X server without a screen, of so many dots an inch. What
// it needs, "make test-viewer" installs.
func display(t *testing.T, width, height, dpi int) {
	t.Helper()
	for _, name := range []string{"Xvfb", "xdotool", "import", "xprop"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v; on Debian and Ubuntu: apt-get install xvfb xdotool imagemagick x11-utils", err)
		}
	}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{to}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Process.Kill(); _ = x.Wait() })
	to.Close()
	var number int
	if _, err := fmt.Fscan(from, &number); err != nil {
		t.Fatalf("Xvfb gave no display: %v", err)
	}
	t.Setenv("DISPLAY", fmt.Sprintf(":%d", number))
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	run(t, "xprop", "-root", "-f", "RESOURCE_MANAGER", "8s", "-set", "RESOURCE_MANAGER", fmt.Sprintf("Xft.dpi:\t%d", dpi))
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// A person looks at a window and does things, one after the other.
type person struct {
	*testing.T
	*desk
	id string // of the window
}

// until draws frames until something is so.
func (p *person) until(what string, so func() bool) {
	p.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := p.frame(); err != nil {
			p.Fatal(err)
		}
		p.v.lock.Lock()
		done, fault := so(), p.v.fault
		p.v.lock.Unlock()
		if fault != nil {
			p.Fatal(fault)
		}
		if done {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("not within two minutes: %s; the window is %+v", what, p.v.state)
		}
	}
}

// does runs xdotool. Its events are real ones, as of a keyboard and a mouse.
func (p *person) does(args ...string) { p.Helper(); run(p.T, "xdotool", args...) }

func (p *person) clicks(b box) {
	p.Helper()
	p.does("mousemove", "--window", p.id, fmt.Sprint(int(b.x+b.w/2)), fmt.Sprint(int(b.y+b.h/2)))
	p.until("the mouse there", func() bool { return b.holds(p.v.state.mouseX, p.v.state.mouseY) })
	p.does("click", "1")
}

// rests waits until there is nothing left to do or to draw.
func (p *person) rests() {
	p.Helper()
	quiet := 0
	p.until("rest", func() bool {
		if p.v.answer != nil && p.v.answer.ended && len(p.v.jobs) == 0 && p.v.spans != nil {
			quiet++
		} else {
			quiet = 0
		}
		return quiet > 10
	})
}

// sees compares what is on the screen with the frame that is drawn without a
// window, and looks into every panel. PIXTRAL_SHOTS names a directory to keep
// the screenshots in.
func (p *person) sees(name string) {
	p.Helper()
	p.rests()
	path := filepath.Join(p.TempDir(), name+".png")
	if dir := os.Getenv("PIXTRAL_SHOTS"); dir != "" {
		path = filepath.Join(dir, name+".png")
	}
	run(p.T, "import", "-silent", "-window", p.id, path)
	f, err := os.Open(path)
	if err != nil {
		p.Fatal(err)
	}
	defer f.Close()
	shot, err := png.Decode(f)
	if err != nil {
		p.Fatal(err)
	}
	width, height := p.window.GetFramebufferSize()
	if b := shot.Bounds(); b.Dx() != width || b.Dy() != height {
		p.Fatalf("%s: the screenshot is %v, the window %d x %d", name, b, width, height)
	}
	scale, _ := p.window.GetContentScale()
	want, err := p.v.Image(width, height, scale)
	if err != nil {
		p.Fatal(err)
	}
	if share := differing(shot, want); share > 0.001 {
		p.Errorf("%s: %.2f %% of the screen is not as drawn without a window", name, 100*share)
	}
	for panel, b := range p.v.areas.panels {
		if n := colours(shot, b); n < 8 {
			p.Errorf("%s: the panel %s has %d colours only", name, panel, n)
		}
		if b.x < 0 || b.y < 0 || b.x+b.w > float32(width) || b.y+b.h > float32(height) {
			p.Errorf("%s: the panel %s reaches beyond the window: %+v", name, panel, b)
		}
		for other, o := range p.v.areas.panels {
			if other != panel && b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h {
				p.Errorf("%s: the panels %s and %s overlap", name, panel, other)
			}
		}
	}
	if n := len(p.v.areas.panels); n != 6 {
		p.Errorf("%s: %d panels", name, n)
	}
}

// colours counts the colours in a part of a picture.
func colours(img image.Image, b box) int {
	seen := map[[3]uint32]bool{}
	for y := int(b.y); y < int(b.y+b.h); y++ {
		for x := int(b.x); x < int(b.x+b.w); x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen)
}

// opens opens a window on a viewer and puts a person before it.
func opens(t *testing.T, v *Viewer, width, height int) *person {
	t.Helper()
	d, err := v.openDesk("pixtral-wgpu test", width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	p := &person{T: t, desk: d}
	ended := make(chan struct{})
	go func() { defer close(ended); v.Work(t.Context()) }() // the test's end ends it
	t.Cleanup(func() { <-ended })
	p.until("the answer", func() bool { return v.answer != nil && v.answer.ended })
	p.id = run(t, "xdotool", "search", "--onlyvisible", "--name", "pixtral-wgpu test")
	p.does("windowfocus", p.id)
	return p
}

// A window is opened, looked at and used by a real keyboard and mouse.
func TestWindow(t *testing.T) {
	display(t, 1400, 900, 96)
	m := open(t)
	v := viewer(t, m, Options{
		Open: func(path string) (*pixels.Patches, error) { return picture(t, m, path), nil },
		Save: func(img image.Image) (string, error) { return "window.png", png.Encode(io.Discard, img) },
	})
	v.Ask([]*pixels.Patches{picture(t, m, "red-circle.png")}, "What is this?")
	p := opens(t, v, 1280, 800)
	p.sees("opened")

	layers := m.Config.Layers
	p.does("key", "Down")
	p.until("the layer below", func() bool { return v.state.layer == layers-2 })
	p.does("key", "Up", "Left", "Left")
	p.until("rollout", func() bool { return v.state.layer == layers-1 && v.heated.rolled > 0 })
	p.sees("rollout")
	p.does("key", "m")
	p.until("the mean", func() bool { return v.state.head == meanOfHeads })

	patch := box{v.areas.shown.x, v.areas.shown.y, v.areas.shown.w / float32(v.areas.cols), v.areas.shown.h / float32(v.areas.rows)}
	p.clicks(patch)
	p.until("a pinned patch and its numbers", func() bool {
		_, ok := v.weight(0)
		return v.state.patch == 0 && ok && len(v.reading.words) > 0
	})
	p.clicks(v.areas.words[0].box)
	p.until("a pinned word", func() bool { return v.state.word == 0 && v.gazed == v.answer.words[0].Position-1 })
	p.clicks(v.areas.layers[0])
	p.clicks(v.areas.heads[1])
	p.until("a layer and a head", func() bool { return v.state.layer == 0 && v.state.head == 1 })
	p.sees("pinned")

	middle := box{v.areas.picture.x + v.areas.picture.w/2, v.areas.picture.y + v.areas.picture.h/2, 2, 2}
	p.clicks(middle) // a wheel's turn is a click of the fourth button
	p.does("click", "4")
	p.until("a larger picture", func() bool { return v.state.zoom > 1 })
	p.does("key", "0")
	p.until("a picture that fits", func() bool { return v.state.zoom == 1 })

	p.does("windowsize", p.id, "900", "620")
	p.until("the other size", func() bool { return v.areas.whole.w == 900 && v.areas.whole.h == 620 })
	p.sees("resized")

	// GLFW calls it for files that are dropped; a drag between programs is beyond xdotool.
	drop := p.window.SetDropCallback(nil)
	p.window.SetDropCallback(drop)
	asked, cols := v.asked, v.areas.cols
	drop(p.window, []string{"square-and-star.png"})
	p.until("another picture", func() bool { return v.asked == asked+1 && v.answer != nil && v.areas.cols != cols })
	p.does("mousemove", "--window", p.id, "1", "1")
	p.sees("dropped")

	p.does("key", "s")
	p.until("a saved picture", func() bool { return strings.Contains(v.note, "window.png") })
	p.does("key", "question")
	p.until("help", func() bool { return v.state.help })
	p.sees("help")
	p.does("key", "Escape")
	p.until("no help", func() bool { return !v.state.help })
	p.does("key", "Escape")
	p.until("the end", func() bool { return v.state.leave })
}

// On a screen of twice the resolution, everything is twice as large.
func TestWindowAtTwice(t *testing.T) {
	display(t, 2560, 1600, 192)
	m := open(t)
	v := viewer(t, m, Options{})
	v.Ask([]*pixels.Patches{picture(t, m, "bars.png")}, "Which bar is tallest?")
	p := opens(t, v, 1280, 800)
	if w, h := p.window.GetFramebufferSize(); w != 2560 || h != 1600 {
		t.Fatalf("the window is %d x %d", w, h)
	}
	p.sees("twice")
	p.clicks(v.areas.words[0].box)
	p.until("a pinned word", func() bool { return v.state.word == 0 })
}

// A window keeps nothing of its frames and answers. PIXTRAL_FRAMES says how
// many frames.
func TestWindowFrames(t *testing.T) {
	display(t, 900, 700, 96)
	m := open(t)
	v := viewer(t, m, Options{})
	v.Ask([]*pixels.Patches{picture(t, m, "red-circle.png")}, "What is this?")
	frames := 500
	if n := os.Getenv("PIXTRAL_FRAMES"); n != "" {
		if _, err := fmt.Sscan(n, &frames); err != nil {
			t.Fatal(err)
		}
	}
	s, err := v.Window(t.Context(), "pixtral-wgpu test", 800, 600, Bound{Frames: frames})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", s)
	if s.Frames != frames || s.Words < frames/10 {
		t.Errorf("%d words were said in %d frames", s.Words, s.Frames)
	}
	if s.End.Device != s.Before.Device || float64(s.End.Host) > 1.05*float64(s.Before.Host) {
		t.Errorf("memory grew: %+v, then %+v", s.Before, s.End)
	}
}
