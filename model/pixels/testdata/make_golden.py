"""Makes images/ and golden.safetensors: small files of every kind, and what
mistral-common makes of them.

    pip install mistral-common==1.13.1 pillow==13.0.0 opencv-python-headless==5.0.0.93 safetensors==0.8.0 numpy
    python model/pixels/testdata/make_golden.py

golden.safetensors holds, for each file, FILE/rgb [H, W, 3] u8, the picture on
white, and for some FILE/pixels [3, h, w] f32, what ImageEncoder feeds the
model, with patches of 16 pixels and 1,024 pixels a side, or FILE/small with
patches of 4 and 24 pixels a side, so that small files are scaled down.
"""
import base64
import io
import pathlib
import struct
import zlib

import cv2
import numpy as np
from mistral_common.protocol.instruct.chunk import ImageURLChunk
from mistral_common.tokens.tokenizers.image import ImageConfig, ImageEncoder, SpecialImageIDs, _convert_to_rgb
from PIL import Image, ImageDraw
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
images = here / "images"
images.mkdir(exist_ok=True)
rng = np.random.default_rng(1)
W, H = 37, 23  # odd, so that chroma and blocks end in the middle


def picture(w=W, h=H):
    """Smooth ground, hard shapes and a little noise: something for every filter."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([x * 255 / (w - 1), y * 255 / (h - 1), 255 - (x + y) * 255 / (w + h - 2)], -1)
    a += rng.normal(0, 6, a.shape)
    img = Image.fromarray(a.clip(0, 255).astype(np.uint8))
    d = ImageDraw.Draw(img)
    d.rectangle([3, 4, w // 3, h // 2], fill=(230, 20, 30))
    d.ellipse([w // 2, 3, w - 4, h - 5], fill=(20, 60, 220), outline=(250, 240, 20))
    return img


rgb = picture()
alpha = Image.fromarray(((np.mgrid[0:H, 0:W][1] * 9 + np.mgrid[0:H, 0:W][0] * 5) % 256).astype(np.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
gray = rgb.convert("L")
palette = rgb.quantize(17)
wide = (np.asarray(rgb).astype(np.uint16) * 257) ^ rng.integers(0, 256, (H, W, 3), dtype=np.uint16)
wide_alpha = (np.asarray(alpha).astype(np.uint16) * 256 + 77)[..., None]


def png(name, array, colour, depth, extra=()):
    """A PNG written by hand: Pillow writes no 16-bit colour and no key colours on demand."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    data = array.astype(">u2" if depth == 16 else "u1")
    h, w = data.shape[:2]
    if depth < 8:
        per = 8 // depth
        padded = np.zeros((h, -(-w // per) * per), np.uint8)
        padded[:, :w] = data
        rows = [bytes(sum(int(v) << (8 - depth * (i + 1)) for i, v in enumerate(r[k:k + per])) for k in range(0, len(r), per)) for r in padded]
    else:
        rows = [r.tobytes() for r in data]
    body = b"".join(b"\0" + r for r in rows)
    (images / name).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0))
        + b"".join(chunk(*e) for e in extra) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


rgb.save(images / "rgb.png")
rgba.save(images / "rgba.png")
gray.save(images / "gray.png")
Image.merge("LA", [gray, alpha]).save(images / "gray_alpha.png")
rgb.convert("1").save(images / "bilevel.png")
palette.save(images / "palette.png")
palette.save(images / "palette_clear.png", transparency=bytes((i * 15) % 256 for i in range(17)))
key = np.asarray(rgb).copy()
key[5:15, 10:20] = (1, 2, 3)
png("rgb_key.png", key, 2, 8, [(b"tRNS", struct.pack(">HHH", 1, 2, 3))])  # mode RGB: the key is ignored
graykey = np.asarray(gray).copy()
graykey[5:15, 10:20] = 77
png("gray_key.png", graykey, 0, 8, [(b"tRNS", struct.pack(">H", 77))])
png("gray4.png", np.asarray(gray) >> 4, 0, 4)
png("gray2_key.png", np.asarray(gray) >> 6, 0, 2, [(b"tRNS", struct.pack(">H", 2))])
png("gray1_key.png", np.asarray(gray) >> 7, 0, 1, [(b"tRNS", struct.pack(">H", 1))])
gray16 = np.asarray(gray).astype(np.uint16) * 257 ^ 0x55
gray16[0, :8] = [0, 1, 127, 128, 255, 256, 384, 65535]
png("gray16.png", gray16, 0, 16)
png("rgb16.png", wide, 2, 16)
png("rgba16.png", np.concatenate([wide, wide_alpha], -1), 6, 16)
png("gray_alpha16.png", np.concatenate([gray16[..., None], wide_alpha], -1), 4, 16)

for sub, name in ((0, "444"), (1, "422"), (2, "420")):
    rgb.save(images / f"{name}.jpg", quality=85, subsampling=sub)
for factor, name in ((0x121111, "440"), (0x411111, "411")):
    ok, data = cv2.imencode(".jpg", np.asarray(rgb)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor])
    (images / f"{name}.jpg").write_bytes(data.tobytes())
rgb.save(images / "progressive.jpg", quality=70, progressive=True)
gray.save(images / "gray.jpg", quality=85)
rgb.convert("CMYK").save(images / "cmyk.jpg", quality=90)
rgb.save(images / "rgb.jpg", quality=90, keep_rgb=True)
rgb.resize((3, 3)).save(images / "narrow.jpg", quality=90)  # chroma 2 wide: libjpeg does not interpolate
picture(120, 90).save(images / "larger.jpg", quality=75)

palette.save(images / "palette.gif")
gray.save(images / "gray.gif")
palette.save(images / "clear.gif", transparency=3)
frames = [picture(W, H).quantize(16) for _ in range(3)]
frames[0].save(images / "animated.gif", save_all=True, append_images=frames[1:], duration=50, loop=0)


def part_of_screen(name, background, clear):
    """A GIF whose first frame covers only part of the screen."""
    inner = picture(17, 11).quantize(8)
    buf = io.BytesIO()
    inner.save(buf, "GIF")
    data = bytearray(buf.getvalue())
    struct.pack_into("<HH", data, 6, W, H)
    data[11] = background
    at = 13 + 3 * (2 << (data[10] & 7))
    control = b"!\xf9\x04" + bytes([1 if clear is not None else 0, 0, 0, clear or 0, 0])
    place = data.index(b",", at)
    struct.pack_into("<HH", data, place + 1, 9, 6)
    (images / name).write_bytes(bytes(data[:at]) + control + bytes(data[place:]))


part_of_screen("part.gif", 2, None)
part_of_screen("part_clear.gif", 2, 5)

rgb.save(images / "lossy.webp", quality=80)
rgba.save(images / "lossy_alpha.webp", quality=80)
rgb.save(images / "lossless.webp", lossless=True)
rgba.save(images / "lossless_alpha.webp", lossless=True, exact=True)
picture(W, H).save(images / "animated.webp", save_all=True, append_images=[picture(W, H)], duration=50, quality=80)
rgba.save(images / "animated_alpha.webp", save_all=True, append_images=[rgb.convert("RGBA")], duration=50, lossless=True)
picture(120, 90).save(images / "larger.webp", quality=60)

rgb.save(images / "rgb.bmp")
palette.save(images / "palette.bmp")
gray.save(images / "gray.bmp")
rgb.convert("1").save(images / "bilevel.bmp")
rgba.save(images / "rgba.bmp")

rgb.save(images / "rgb.tif")
rgb.save(images / "lzw.tif", compression="tiff_lzw")
rgb.save(images / "deflate.tif", compression="tiff_adobe_deflate")
rgb.save(images / "packbits.tif", compression="packbits")
rgba.save(images / "rgba.tif")
gray.save(images / "gray.tif")
palette.save(images / "palette.tif")
rgb.convert("1").save(images / "group4.tif", compression="group4")  # black is 0
rgb.convert("1").save(images / "group3.tif", compression="group3", tiffinfo={262: 0})  # white is 0, as in faxes
Image.fromarray(gray16).save(images / "gray16.tif")


def tiff(name, array, extra, photometric=2):
    """A TIFF of one strip, for associated alpha and 16-bit colour."""
    h, w, n = array.shape
    bits = array.dtype.itemsize * 8
    data = array.tobytes()
    tags = [(256, 3, [w]), (257, 3, [h]), (258, 3, [bits] * n), (259, 3, [1]), (262, 3, [photometric]), (273, 4, [0]),
            (277, 3, [n]), (278, 4, [h]), (279, 4, [len(data)]), (284, 3, [1])] + ([(338, 3, [extra])] if extra is not None else [])
    dir_size = 2 + 12 * len(tags) + 4
    more = 8 + dir_size
    out, tail = b"", b""
    for tag, kind, values in tags:
        size = {3: 2, 4: 4}[kind]
        if tag == 273:
            values = [more + 8 * n]
        body = b"".join(v.to_bytes(size, "little") for v in values)
        if len(body) > 4:
            out += struct.pack("<HHII", tag, kind, len(values), more + len(tail))
            tail += body
        else:
            out += struct.pack("<HHI", tag, kind, len(values)) + body.ljust(4, b"\0")
    file = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + out + struct.pack("<I", 0) + tail.ljust(8 * n, b"\0") + data
    (images / name).write_bytes(file)


straight = np.asarray(rgba)
a = straight[..., 3:].astype(int)
multiplied = np.concatenate([straight[..., :3] * a // 255, a], -1).astype(np.uint8)
tiff("associated.tif", multiplied, 1)
tiff("rgb16.tif", wide, None)
tiff("rgba16.tif", np.concatenate([wide, wide_alpha], -1).astype(np.uint16), 2)

def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


T = Image.Transpose
moves = [None, T.FLIP_LEFT_RIGHT, T.ROTATE_180, T.FLIP_TOP_BOTTOM, T.TRANSPOSE, T.ROTATE_90, T.TRANSVERSE, T.ROTATE_270]
for n, move in enumerate(moves, 1):  # rgb, stored in each of the eight orientations: turned upright they are equal
    stored = rgb if move is None else rgb.transpose(move)
    stored.save(images / f"exif{n}.png", exif=exif(n))
quarter = rgb.transpose(T.ROTATE_90)
quarter.save(images / "exif6.jpg", quality=95, exif=exif(6))
quarter.save(images / "exif6.webp", quality=95, exif=exif(6))  # an odd chunk before the EXIF chunk
quarter.save(images / "exif6.tif", tiffinfo=exif(6))

PIXELS = """rgb.png rgba.png gray16.png palette_clear.png 420.jpg progressive.jpg cmyk.jpg
palette.gif part_clear.gif lossy.webp lossless_alpha.webp rgba.bmp rgb16.tif""".split()
SMALL = "rgb.png larger.jpg larger.webp".split()


def encode(data, patch, side):
    url = "data:image/x;base64," + base64.b64encode(data).decode()
    encoder = ImageEncoder(ImageConfig(patch, side), SpecialImageIDs(10, 12, 13))
    return np.ascontiguousarray(encoder(ImageURLChunk(image_url=url)).image)


golden = {}
for path in sorted(images.iterdir()):
    data = path.read_bytes()
    opened = Image.open(io.BytesIO(data))
    golden[path.name + "/rgb"] = np.array(_convert_to_rgb(opened))
    if path.name in PIXELS:
        golden[path.name + "/pixels"] = encode(data, 16, 1024)
    if path.name in SMALL:
        golden[path.name + "/small"] = encode(data, 4, 24)
save_file(golden, here / "golden.safetensors")
print(len(golden), "tensors")
