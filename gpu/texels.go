package gpu

import (
	"runtime"

	"github.com/oliverbestmann/webgpu/wgpu"

	"pixtral-wgpu/shaders"
)

// Texels are memory of a device as a storage texture: what kernels only read, on a
// software adapter. Mesa's llvmpipe reads a word of a buffer for one lane after the
// other; texels it reads 16 bytes at a time and turns them into vectors.
type texels struct {
	texture *wgpu.Texture
	view    *wgpu.TextureView
	size    uint64 // bytes of a texel
	rows    uint32
}

type texelFormat struct {
	format wgpu.TextureFormat
	size   uint64 // bytes
}

var texelFormats = map[string]texelFormat{
	"r32uint":     {wgpu.TextureFormatR32Uint, 4},
	"r32float":    {wgpu.TextureFormatR32Float, 4},
	"rg32uint":    {wgpu.TextureFormatRG32Uint, 8},
	"rg32float":   {wgpu.TextureFormatRG32Float, 8},
	"rgba32uint":  {wgpu.TextureFormatRGBA32Uint, 16},
	"rgba32float": {wgpu.TextureFormatRGBA32Float, 16},
}

const (
	texelRows     = 16383 // at most
	texelTextures = 8     // that a kernel may bind
)

// mostTexels returns the bytes of the largest texture.
func mostTexels(format string) uint64 {
	return texelFormats[format].size * shaders.TexelColumns * texelRows
}

// rowsOfTexels returns how many rows of texels of a size n bytes take. Mesa's llvmpipe
// compiles a kernel again for textures of so many rows as a power of two: none has.
func rowsOfTexels(n, size uint64) uint64 {
	row := size * shaders.TexelColumns
	rows := max(3, (n+row-1)/row)
	if rows&(rows-1) == 0 {
		rows++
	}
	return rows
}

// readsTexels reports whether an adapter is one that reads texels faster, and enough
// of them.
func readsTexels(a *wgpu.Adapter) bool {
	l := a.GetLimits()
	return a.GetInfo().AdapterType == wgpu.AdapterTypeCPU && l.MaxTextureDimension2D >= texelRows && l.MaxStorageTexturesPerShaderStage >= texelTextures
}

// ReadsTexels reports whether d keeps what is only read as storage textures.
func (d *Device) ReadsTexels() bool {
	return d.from.texels && d.Software() && !d.options.DefaultLimits && !d.options.Plain
}

// typeTexels are the texels that hold elements of a type as kernels read and write them.
var typeTexels = map[Type]string{F32: "rgba32float", F16: "rg32uint", Q8: "r32uint"}

// NewTexels makes a zeroed tensor that kernels read and write in whole texels, four
// elements, or words of blocks: a storage texture where d reads those and it is not
// too large for one, else as New does.
func (d *Device) NewTexels(name string, typ Type, shape ...int) (Tensor, error) {
	format := typeTexels[typ]
	size := (Tensor{Type: typ, Shape: shape}).Bytes()
	if !d.ReadsTexels() || format == "" || size == 0 || size%texelFormats[format].size != 0 || size > mostTexels(format) {
		return d.New(name, typ, shape...)
	}
	return d.newTexels(name, format, typ, shape...)
}

// newTexels makes a zeroed tensor of texels.
func (d *Device) newTexels(name, format string, typ Type, shape ...int) (Tensor, error) {
	t := Tensor{Name: name, Type: typ, Shape: shape}
	f, size := texelFormats[format], t.Bytes()
	rows := rowsOfTexels(size, f.size)
	if rows > texelRows {
		return t, refused(t.String(), size, "%v allows textures of %d rows", d.Info, texelRows)
	}
	width := uint32(shaders.TexelColumns)
	if typ != U32 {
		// Longer by a line of a cache, else rows of keys would be a power of two apart
		// and get into each other's way there. Weights are read more slowly so.
		width += uint32(64 / f.size)
	}
	var err error
	t.buf, err = d.hold(t.String(), &buffer{size: size, held: true}, func(b *buffer) (err error) {
		b.texels, err = d.texture(t.String(), f, width, uint32(rows))
		return err
	})
	return t, err
}

// texture makes texels, in rows of TexelColumns or more.
func (d *Device) texture(label string, f texelFormat, width, rows uint32) (*texels, error) {
	texture, err := d.dev.TryCreateTexture(&wgpu.TextureDescriptor{
		Label: label, Usage: wgpu.TextureUsageStorageBinding | wgpu.TextureUsageCopyDst | wgpu.TextureUsageCopySrc,
		Dimension: wgpu.TextureDimension2D, Format: f.format, MipLevelCount: 1, SampleCount: 1,
		Size: wgpu.Extent3D{Width: width, Height: rows, DepthOrArrayLayers: 1},
	})
	if err != nil {
		return nil, err
	}
	view, err := texture.TryCreateView(nil)
	if err != nil {
		texture.Release()
		return nil, err
	}
	return &texels{texture, view, f.size, rows}, nil
}

// bytes returns the size of t.
func (t *texels) bytes() uint64 { return t.size * shaders.TexelColumns * uint64(t.rows) }

// stageFloats is how many floats Stage holds.
const stageFloats = 2 << 20

// Stage returns a tensor of texels for the rows of x that a kernel is to read as a
// storage texture, and how many rows of so many floats, whole quads, it holds; 0 if d
// reads no texels. The device has one, made on first use and not counted as used.
func (d *Device) Stage(cols int) (Tensor, int, error) {
	if !d.ReadsTexels() || cols%4 != 0 || cols > stageFloats {
		return Tensor{}, 0, nil
	}
	if !d.stage.Exists() {
		f := texelFormats["rgba32float"]
		t, err := d.texture("rows", f, shaders.TexelColumns, uint32(rowsOfTexels(F32.Bytes(stageFloats), f.size)))
		if err = d.check(err); err != nil {
			return Tensor{}, 0, err
		}
		d.nextID++
		d.stage = Tensor{Name: "rows", Shape: []int{0, 0}, buf: &buffer{texels: t, id: d.nextID, held: true}}
	}
	n := stageFloats / cols
	d.stage.Shape[0], d.stage.Shape[1] = n, cols
	return d.stage, n, nil
}

// writeTexels gives the queue data to put into t from a byte offset on, both
// multiples of a texel.
func (d *Device) writeTexels(t *texels, offset uint64, data []byte) error {
	row := t.size * shaders.TexelColumns
	for len(data) > 0 {
		x, rows, n := offset%row, uint64(1), min(uint64(len(data)), row-offset%row)
		if x == 0 && uint64(len(data)) > row {
			rows = uint64(len(data)) / row
			n = rows * row
		}
		err := d.queue.TryWriteTexture(
			&wgpu.TexelCopyTextureInfo{Texture: t.texture, Origin: wgpu.Origin3D{X: uint32(x / t.size), Y: uint32(offset / row)}},
			data[:n], &wgpu.TexelCopyBufferLayout{BytesPerRow: uint32(row), RowsPerImage: uint32(rows)},
			&wgpu.Extent3D{Width: uint32(min(n, row) / t.size), Height: uint32(rows), DepthOrArrayLayers: 1})
		if err != nil {
			return err
		}
		offset, data = offset+n, data[n:]
	}
	return nil
}

// copyTo records a copy of all texels to a buffer.
func (t *texels) copyTo(enc *wgpu.CommandEncoder, to *wgpu.Buffer) error {
	return enc.TryCopyTextureToBuffer(&wgpu.TexelCopyTextureInfo{Texture: t.texture},
		&wgpu.TexelCopyBufferInfo{Buffer: to, Layout: wgpu.TexelCopyBufferLayout{BytesPerRow: uint32(t.size * shaders.TexelColumns), RowsPerImage: t.rows}},
		&wgpu.Extent3D{Width: shaders.TexelColumns, Height: t.rows, DepthOrArrayLayers: 1})
}

// release gives the memory of b back.
func (b *buffer) release() {
	if b.texels != nil {
		b.texels.view.Release()
		b.texels.texture.Destroy()
		b.texels.texture.Release()
		return
	}
	b.raw.Destroy()
	b.raw.Release()
}

// forget leaves b to a device that is lost.
func (b *buffer) forget() {
	if b.texels != nil {
		runtime.SetFinalizer(b.texels.texture, nil)
		runtime.SetFinalizer(b.texels.view, nil)
		return
	}
	runtime.SetFinalizer(b.raw, nil)
}
