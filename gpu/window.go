//go:build viewer

package gpu

import (
	"fmt"
	"slices"

	"github.com/go-gl/glfw/v3.4/glfw"
	"github.com/oliverbestmann/webgpu/wgpu"
	"github.com/oliverbestmann/webgpu/wgpuglfw"
)

// A Surface is what a window shows. Tensors reach it without leaving the device.
type Surface struct {
	dev           *Device
	raw           *wgpu.Surface
	format        wgpu.TextureFormat
	mode          wgpu.PresentMode
	width, height int // pixels; 0 until Resize
}

// NewSurface makes the surface of a window, which was made without a client API.
// It is for the thread that owns the window.
func (d *Device) NewSurface(w *glfw.Window) (*Surface, error) {
	s := &Surface{dev: d, raw: d.from.instance.CreateSurface(wgpuglfw.GetSurfaceDescriptor(w))}
	caps := s.raw.GetCapabilities(d.from.raw)
	if len(caps.Formats) == 0 {
		return nil, fmt.Errorf("gpu: %v cannot show anything in this window; choose another with --device", d.Info)
	}
	for _, f := range []wgpu.TextureFormat{wgpu.TextureFormatRGBA8Unorm, wgpu.TextureFormatBGRA8Unorm} {
		if slices.Contains(caps.Formats, f) {
			s.format = f
		}
	}
	if s.format == 0 {
		return nil, fmt.Errorf("gpu: %v shows windows in %v only, and we draw in RGBA8 or BGRA8", d.Info, caps.Formats)
	}
	s.mode = wgpu.PresentModeFifo // always there; Mailbox keeps drawing from waiting for the screen
	if slices.Contains(caps.PresentModes, wgpu.PresentModeMailbox) {
		s.mode = wgpu.PresentModeMailbox
	}
	return s, nil
}

// Swapped reports whether pixels have blue in their lowest byte.
func (s *Surface) Swapped() bool { return s.format == wgpu.TextureFormatBGRA8Unorm }

// Resize makes the surface as large as the window, in pixels.
func (s *Surface) Resize(width, height int) error {
	if width == s.width && height == s.height {
		return nil
	}
	if width < 1 || height < 1 {
		s.width, s.height = 0, 0 // hidden
		return nil
	}
	s.width, s.height = width, height
	return s.configure()
}

func (s *Surface) configure() error {
	s.raw.Configure(s.dev.dev, &wgpu.SurfaceConfiguration{
		Usage: wgpu.TextureUsageRenderAttachment | wgpu.TextureUsageCopyDst, Format: s.format,
		Width: uint32(s.width), Height: uint32(s.height), PresentMode: s.mode,
	})
	if err := s.dev.check(nil); err != nil {
		return fmt.Errorf("gpu: a surface of %d x %d pixels: %w", s.width, s.height, err)
	}
	return nil
}

// Present shows a canvas: [height or more, stride] u32, stride a multiple of
// 64. A window that is hidden or just changed its size shows nothing.
func (s *Surface) Present(canvas Tensor) error {
	if s.width == 0 {
		return nil
	}
	if canvas.Type != U32 || canvas.Shape[0] < s.height || canvas.Shape[1] < s.width || canvas.Shape[1]%64 != 0 {
		return fmt.Errorf("gpu: %v does not cover a window of %d x %d", canvas, s.width, s.height)
	}
	got, err := s.raw.TryGetCurrentTexture()
	if err = s.dev.check(err); err != nil {
		return fmt.Errorf("gpu: the window: %w", err)
	}
	if got.Status != wgpu.SurfaceGetCurrentTextureStatusSuccessOptimal && got.Status != wgpu.SurfaceGetCurrentTextureStatusSuccessSuboptimal {
		if got.Texture != nil {
			got.Texture.Release()
		}
		return s.configure() // the next frame finds it in order
	}
	defer got.Texture.Release()
	if err := s.copy(canvas, got.Texture); err != nil {
		return fmt.Errorf("gpu: the window: %w", err)
	}
	s.raw.Present()
	return s.dev.check(nil)
}

func (s *Surface) copy(canvas Tensor, to *wgpu.Texture) error {
	enc, err := s.dev.dev.TryCreateCommandEncoder(nil)
	if err = s.dev.check(err); err != nil {
		return err
	}
	defer enc.Release()
	err = enc.TryCopyBufferToTexture(
		&wgpu.TexelCopyBufferInfo{Buffer: canvas.buf.raw, Layout: wgpu.TexelCopyBufferLayout{BytesPerRow: uint32(4 * canvas.Shape[1]), RowsPerImage: uint32(s.height)}},
		&wgpu.TexelCopyTextureInfo{Texture: to, Aspect: wgpu.TextureAspectAll},
		&wgpu.Extent3D{Width: uint32(s.width), Height: uint32(s.height), DepthOrArrayLayers: 1})
	if err = s.dev.check(err); err != nil {
		return err
	}
	cmd, err := enc.TryFinish(nil)
	if err = s.dev.check(err); err != nil {
		return err
	}
	defer cmd.Release()
	s.dev.queue.Submit(cmd)
	return s.dev.check(nil)
}

// Close gives the surface back, before its window is destroyed.
func (s *Surface) Close() { s.raw.Release() }
