"""Writes goldens.json: what ggml makes of awkward blocks.

    python make_goldens.py LIBRARY

LIBRARY is a shared library that exports ggml_quantize_chunk, such as
libggml-base.so of llama.cpp or the extension module of the package xllamacpp
(2026.10.11549 made the file here). Numbers from bytes, and bytes from numbers
for the types it can quantise, come from the package gguf (0.19.0) as well; the
two must agree before anything is written.
"""
import base64
import ctypes
import hashlib
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType, quants
from gguf.constants import GGML_QUANT_SIZES

PYTHON = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
TYPES = PYTHON + ["Q4_K", "Q5_K", "Q6_K"]
HALVES = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def weights(rng):
    """Rows of 256 weights, each awkward in its own way."""
    ramp = np.linspace(-1, 1, 256)
    rows = [rng.normal(0, 0.02, 256) for _ in range(6)]  # a model's
    rows += [
        np.zeros(256),
        np.full(256, 0.25),  # one value, above zero
        np.full(256, -0.25),  # and below
        ramp,  # each code is used
        np.abs(ramp) + 1,  # no weight near zero
        -np.abs(ramp) - 1,
        rng.normal(0, 1e-5, 256),  # scales that a half float barely holds
        rng.normal(0, 1e-9, 256),  # and that it does not
        rng.normal(0, 1e-17, 256),  # below GROUP_MAX_EPS
        rng.normal(0, 100, 256),
        rng.standard_t(2, 256),  # outliers
        np.where(np.arange(256) == 77, 3.0, 0),  # one weight
        np.where(np.arange(256) < 128, rng.normal(0, 0.02, 256), 0),  # half a block
        np.round(rng.normal(0, 4, 256)) / 2,  # halves to round
        rng.choice([-1.0, 1.0], 256),  # the same magnitude everywhere
    ]
    return np.array(rows, dtype=np.float32)


def blocks(rng, name):
    """Random blocks with finite scales, half of them subnormal."""
    weights_, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = 1024 // weights_
    b = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in HALVES.get(name, [0]):
        d = rng.normal(0, 0.1, count).astype(np.float16)
        d[::2] = (rng.integers(1, 1024, len(d[::2])) * 2.0**-24).astype(np.float16)
        b[:, at : at + 2] = d.view(np.uint8).reshape(count, 2)
    return b


def sample(n):
    """Weights near normal, of deviation 0.018: sums of four 16-bit fields of
    splitmix64, exact in a float32, so that the test can make the same."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    total = sum((z >> np.uint64(s)) & np.uint64(0xFFFF) for s in (0, 16, 32, 48)).astype(np.int64)
    return ((total - 131070) * 2.0**-21).astype(np.float32).reshape(-1, 4096)


def by_ggml(lib, kind, w):
    n, size = GGML_QUANT_SIZES[kind]
    out = np.zeros((w.shape[0], w.shape[1] // n * size), dtype=np.uint8)
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    lib.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    lib.ggml_quantize_chunk(int(kind), w.ctypes.data, out.ctypes.data, 0, w.shape[0], w.shape[1], None)
    return out


def numbers_by_ggml(lib, name, b):
    out = np.zeros(1024, dtype=np.float32)
    f = getattr(lib, "dequantize_row_" + name.lower().replace("_k", "_K"))
    f.restype, f.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    f(b.ctypes.data, out.ctypes.data, 1024)
    return out


def main():
    lib = ctypes.CDLL(sys.argv[1])
    rng = np.random.default_rng(20)
    w = weights(rng)
    many = sample(1 << 18)
    text = lambda a: base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()
    out = {"weights": text(w), "types": {}}
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        packed = by_ggml(lib, kind, w)
        if name in PYTHON:
            other = quants.quantize(w, kind).reshape(packed.shape)
            print(name, "blocks that gguf and ggml quantise differently:", int((other != packed).any(axis=1).sum()))
            packed = other
        b = blocks(rng, name)
        numbers = quants.dequantize(b, kind).ravel()
        assert (numbers.view(np.uint32) == numbers_by_ggml(lib, name, b).view(np.uint32)).all(), name
        bulk = by_ggml(lib, kind, many)
        back = quants.dequantize(bulk, kind)
        rmse = float(np.sqrt(np.mean((back.astype(np.float64) - many) ** 2)))
        out["types"][name.lower()] = {
            "quantized": text(packed), "blocks": text(b), "numbers": text(numbers),
            "sample": {"rmse": rmse, "sha256": hashlib.sha256(bulk.tobytes()).hexdigest()},
        }
        print(f"{name} rmse {rmse:.6g} of weights with deviation {many.std():.3g}")
    with open("goldens.json", "w") as f:
        json.dump(out, f, indent=1)


main()
