package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

// WebP is a RIFF file; the chunks named here are of the WebP container
// specification (developers.google.com/speed/webp/docs/riff_container).
const (
	riffHeader  = 12 // "RIFF", size, "WEBP"
	chunkHeader = 8  // kind, size
	animated    = 0x02
	alphaUsed   = 0x10
)

func configWebP(data []byte) (image.Config, error) {
	return webp.DecodeConfig(bytes.NewReader(data))
}

// decodeWebP reads a WebP, of an animation the first frame on a canvas that is
// transparent elsewhere.
func decodeWebP(data []byte) (*image.RGBA, error) {
	head := riffChunk(data[riffHeader:], "VP8X")
	if len(head) != 10 || head[0]&animated == 0 {
		return decodeStill(data)
	}
	still, at, err := firstFrame(data)
	if err != nil {
		return nil, err
	}
	frame, err := decodeStill(still)
	if err != nil {
		return nil, fmt.Errorf("first frame: %w", err)
	}
	canvas := image.Rect(0, 0, 1+uint24(head[4:]), 1+uint24(head[7:]))
	place := frame.Rect.Add(at)
	if !place.In(canvas) {
		return nil, fmt.Errorf("the first frame lies at %v, outside of the canvas %v; the file is corrupt", place, canvas)
	}
	out := image.NewRGBA(canvas)
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	for y := range frame.Rect.Dy() {
		copy(out.Pix[out.PixOffset(at.X, at.Y+y):], frame.Pix[y*frame.Stride:][:4*frame.Rect.Dx()])
	}
	return out, nil
}

func decodeStill(data []byte) (*image.RGBA, error) {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *image.YCbCr:
		return fromVP8(img, nil, 0), nil
	case *image.NYCbCrA:
		return fromVP8(&img.YCbCr, img.A, img.AStride), nil
	}
	return flatten(img), nil
}

// firstFrame rewraps the first frame of an animation as a file of its own,
// which is what x/image/webp reads, and returns its place on the canvas.
func firstFrame(data []byte) ([]byte, image.Point, error) {
	frame := riffChunk(data[riffHeader:], "ANMF")
	const frameHeader = 16
	if len(frame) < frameHeader {
		return nil, image.Point{}, errors.New("the animation has no frame; the file is truncated or corrupt")
	}
	at := image.Pt(2*uint24(frame), 2*uint24(frame[3:]))
	picture := frame[frameHeader:]

	head := make([]byte, 10) // VP8X: flags, three reserved bytes, and the size as in ANMF
	if riffChunk(picture, "ALPH") != nil {
		head[0] = alphaUsed
	}
	copy(head[4:], frame[6:12])
	still := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"), head...)
	still = append(still, picture...)
	binary.LittleEndian.PutUint32(still[4:], uint32(len(still)-chunkHeader))
	return still, at, nil
}

// exifWebP returns the EXIF chunk, without the prefix some writers keep from
// JPEG.
func exifWebP(data []byte) []byte {
	return bytes.TrimPrefix(riffChunk(data[riffHeader:], "EXIF"), []byte(exifMark))
}

// riffChunk returns the body of the first chunk of a kind, nil without.
func riffChunk(chunks []byte, kind string) []byte {
	for len(chunks) >= chunkHeader {
		size := uint64(binary.LittleEndian.Uint32(chunks[4:]))
		found := string(chunks[:4]) == kind
		chunks = chunks[chunkHeader:]
		if size > uint64(len(chunks)) {
			return nil
		}
		if found {
			return chunks[:size]
		}
		chunks = chunks[min(size+size%2, uint64(len(chunks))):] // bodies are padded to even length
	}
	return nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
