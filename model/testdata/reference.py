"""Pixtral's forward pass in numpy float64, written to be compared with others.

It shares no code with the Go pass, with mistral-inference or with transformers:
weights come in under Mistral's names and pair order (dims 2i and 2i+1 of a head
turn together), every value leaves under the name that `pixtral-wgpu trace` gives it.
"""

import math

import numpy as np

IMG, IMG_BREAK, IMG_END = 10, 12, 13  # control tokens of the tekken vocabulary


def uniform(t, count):
    """Returns count values in [-1, 1), the same on every machine, for stream t."""
    mask = np.uint64(0xFFFFFFFF)
    x = np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1)
    x = (x + np.uint64(t * 0x85EBCA77 & 0xFFFFFFFF)) & mask
    x ^= x >> np.uint64(15)
    x = x * np.uint64(0x2C1B3C6D) & mask
    x ^= x >> np.uint64(12)
    x = x * np.uint64(0x297A2D39) & mask
    x ^= x >> np.uint64(15)
    return x.astype(np.float64) / 2**32 * 2 - 1


def image_tokens(rows, cols):
    """Returns the token ids that stand for one image of rows x cols patches."""
    row = [IMG] * cols + [IMG_BREAK]
    return (row * rows)[:-1] + [IMG_END]


def forward(params, weights, prompt, images, masked=True):
    """Runs the prompt and returns every named value, float64.

    images are [3, H, W]. masked=False lets patches see the other images of the
    prompt: the mistake in mistral-inference, kept to know its numbers.
    """
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    values = {}
    if images:
        encode(params["vision_encoder"], w, images, masked, values)
    x = w["tok_embeddings.weight"][prompt]
    here = np.array(prompt) == IMG
    rows = [values[f"adapter.{i}"] for i in range(len(images))]
    if here.sum() != sum(map(len, rows)):
        raise ValueError(f"{here.sum()} image tokens, {sum(map(len, rows))} patches")
    if images:
        x = x.copy()
        x[here] = np.concatenate(rows)
    values["embeddings"] = x

    n = len(prompt)
    shape = params["n_heads"], params["n_kv_heads"], params["head_dim"]
    angles = text_angles(n, params["head_dim"], params["rope_theta"])
    causal = np.tril(np.ones((n, n), bool))
    for i in range(params["n_layers"]):
        x = block(w, f"layers.{i}.", x, shape, angles, causal, params["norm_eps"])
        values[f"layers.{i}"] = x
    values["norm"] = rms_norm(x, w["norm.weight"], params["norm_eps"])
    values["logits"] = values["norm"] @ w["output.weight"].T
    return values


def encode(vision, w, images, masked, values):
    """Encodes all images in one sequence, split again in the named values."""
    size = vision["patch_size"]
    grids = [(im.shape[1] // size, im.shape[2] // size) for im in images]
    counts = [r * c for r, c in grids]
    heads = vision["num_attention_heads"]
    dim = vision["hidden_size"] // heads

    def keep(name, x):
        for i, part in enumerate(np.split(x, np.cumsum(counts)[:-1])):
            values[name.format(i)] = part

    x = np.concatenate([patches(im, size) for im in images])
    x = x @ w["vision_encoder.patch_conv.weight"].reshape(vision["hidden_size"], -1).T
    keep("vision.{}.patch_conv", x)
    x = rms_norm(x, w["vision_encoder.ln_pre.weight"], 1e-5)
    keep("vision.{}.ln_pre", x)
    theta = vision.get("rope_theta", 1e4)
    angles = np.concatenate([image_angles(r, c, dim, theta) for r, c in grids])
    owner = np.repeat(np.arange(len(images)), counts)
    allowed = owner[:, None] == owner if masked else np.ones((len(x), len(x)), bool)
    for i in range(vision["num_hidden_layers"]):
        prefix = f"vision_encoder.transformer.layers.{i}."
        x = block(w, prefix, x, (heads, heads, dim), angles, allowed, 1e-5)
        keep(f"vision.{{}}.layers.{i}", x)
    keep("adapter.{}", adapter(w, x))


def adapter(w, x):
    for name, after in (("w_in", gelu), ("w_out", lambda y: y)):
        name = "vision_language_adapter." + name
        x = after(x @ w[name + ".weight"].T + w[name + ".bias"])
    return x


def patches(image, size):
    """[3, H, W] to [patches, 3*size*size], patches row by row, channel outermost."""
    _, height, width = image.shape
    return np.stack([
        image[:, y : y + size, x : x + size].ravel()
        for y in range(0, height, size)
        for x in range(0, width, size)
    ]).astype(np.float64)


def block(w, prefix, x, shape, angles, allowed, eps):
    a = rms_norm(x, w[prefix + "attention_norm.weight"], eps)
    x = x + attention(w, prefix + "attention.", a, shape, angles, allowed)
    n = rms_norm(x, w[prefix + "ffn_norm.weight"], eps)
    w1, w2, w3 = (w[f"{prefix}feed_forward.w{i}.weight"] for i in (1, 2, 3))
    gate = n @ w1.T
    return x + (gate / (1 + np.exp(-gate)) * (n @ w3.T)) @ w2.T


def attention(w, prefix, x, shape, angles, allowed):
    heads, kv_heads, dim = shape
    q = rotate((x @ w[prefix + "wq.weight"].T).reshape(-1, heads, dim), angles)
    k = rotate((x @ w[prefix + "wk.weight"].T).reshape(-1, kv_heads, dim), angles)
    v = (x @ w[prefix + "wv.weight"].T).reshape(-1, kv_heads, dim)
    out = np.empty_like(q)
    for h in range(heads):
        kv = h // (heads // kv_heads)
        scores = np.where(allowed, q[:, h] @ k[:, kv].T / math.sqrt(dim), -np.inf)
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        out[:, h] = p / p.sum(axis=1, keepdims=True) @ v[:, kv]
    return out.reshape(len(x), -1) @ w[prefix + "wo.weight"].T


def rotate(x, angles):
    """Turns dims (2i, 2i+1) of every head by angles[token, i]."""
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)[:, None]
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def text_angles(tokens, dim, theta):
    """[tokens, dim/2]; rounded to f32 as the reference implementation does."""
    freqs = np.float32(theta ** -(np.arange(0, dim, 2) / dim))
    return np.outer(np.arange(tokens, dtype=np.float32), freqs).astype(np.float64)


def image_angles(rows, cols, dim, theta):
    """[rows*cols, dim/2]; rows turn by the even frequencies, columns by the odd."""
    freqs = theta ** -(np.arange(0, dim, 2) / dim)
    r, c = np.divmod(np.arange(rows * cols), cols)
    return np.concatenate([np.outer(r, freqs[0::2]), np.outer(c, freqs[1::2])], axis=1)


def rms_norm(x, gain, eps):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * gain


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def greedy(params, weights, prompt, images, count):
    """Returns count greedy ids, and the least gap between first and second choice."""
    ids, gap = list(prompt), math.inf
    for _ in range(count):
        last = forward(params, weights, ids, images)["logits"][-1]
        second, first = np.sort(last)[-2:]
        gap = min(gap, first - second)
        ids.append(int(last.argmax()))
    return ids[len(prompt):], gap
