package pixels

import (
	"bytes"
	"image"
	"image/gif"
)

// decodeGIF reads the first frame. Where it does not cover the screen, Pillow
// shows the frame's transparent colour, or the first of its palette, but not
// the background colour of the header.
func decodeGIF(data []byte) (*image.RGBA, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	img, err := gif.Decode(bytes.NewReader(data)) // stops after the first frame
	if err != nil {
		return nil, err
	}
	frame := img.(*image.Paletted)
	screen := image.NewPaletted(image.Rect(0, 0, config.Width, config.Height), frame.Palette)
	if ground := clearIndex(frame); ground != 0 {
		for i := range screen.Pix {
			screen.Pix[i] = ground
		}
	}
	for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
		copy(screen.Pix[screen.PixOffset(frame.Rect.Min.X, y):], frame.Pix[frame.PixOffset(frame.Rect.Min.X, y):][:frame.Rect.Dx()])
	}
	return flatten(screen), nil
}

// clearIndex returns the frame's transparent index, 0 without.
func clearIndex(frame *image.Paletted) uint8 {
	for i, c := range frame.Palette {
		if _, _, _, a := c.RGBA(); a == 0 {
			return uint8(i)
		}
	}
	return 0
}
