package chat

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"strings"

	"github.com/mattn/go-sixel"
	"golang.org/x/image/draw"
)

// A Sight is a picture as the model sees it.
type Sight struct {
	Picture    image.Image // resized, its patches drawn on
	Cols, Rows int         // of patches
	Tokens     int
}

// String says in a line what a picture costs.
func (s *Sight) String(name string, context int) string {
	b := s.Picture.Bounds()
	said := fmt.Sprintf("%s: seen as %d x %d pixels, %d x %d patches, %d tokens", name, b.Dx(), b.Dy(), s.Cols, s.Rows, s.Tokens)
	if context > 0 {
		said += fmt.Sprintf(", %.1f %% of the context", 100*float64(s.Tokens)/float64(context))
	}
	return said
}

// How large pictures are drawn: characters across, and pixels of a sixel.
const (
	drawColumns = 64
	drawPixels  = 480
)

// Draw draws the picture for a terminal of so many columns, 0 if nobody knows:
// in sixels where it shows them, else in half blocks, two pixels to a character.
func (s *Sight) Draw(columns int) string {
	if showsSixels(os.Getenv) {
		var b bytes.Buffer
		if err := sixel.NewEncoder(&b).Encode(s.fit(drawPixels, drawPixels)); err == nil {
			return b.String()
		}
	}
	if columns = min(columns, drawColumns); columns <= 0 {
		columns = drawColumns
	}
	return halfBlocks(s.fit(columns, columns))
}

// showsSixels guesses by the names of terminals that do.
func showsSixels(env func(string) string) bool {
	for _, name := range []string{"foot", "mlterm", "contour", "yaft"} {
		if strings.HasPrefix(env("TERM"), name) {
			return true
		}
	}
	return env("TERM_PROGRAM") == "WezTerm"
}

// fit shrinks or enlarges the picture to fit into so many pixels.
func (s *Sight) fit(width, height int) *image.RGBA {
	b := s.Picture.Bounds()
	scale := min(float64(width)/float64(b.Dx()), float64(height)/float64(b.Dy()))
	to := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(b.Dx())*scale)), max(2, int(float64(b.Dy())*scale)&^1)))
	draw.CatmullRom.Scale(to, to.Bounds(), s.Picture, b, draw.Src, nil)
	return to
}

// halfBlocks draws two rows of pixels a line: the upper in the foreground of ▀,
// the lower in its background, in 24-bit colour.
func halfBlocks(img *image.RGBA) string {
	var b strings.Builder
	size := img.Bounds().Size()
	for y := 0; y+1 < size.Y; y += 2 {
		last := ""
		for x := range size.X {
			up, low := img.RGBAAt(x, y), img.RGBAAt(x, y+1)
			colours := fmt.Sprintf("\x1b[38;2;%d;%d;%dm\x1b[48;2;%d;%d;%dm", up.R, up.G, up.B, low.R, low.G, low.B)
			if colours != last {
				b.WriteString(colours)
			}
			b.WriteString("▀")
			last = colours
		}
		b.WriteString("\x1b[0m\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
