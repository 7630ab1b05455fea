"""The Pixtral architecture in PyTorch, small and trainable.

Module paths are the names of Mistral's consolidated.safetensors, so the state dict is
the checkpoint. Rotations act on adjacent pairs, as in Mistral's own files. Written to
allow several questions about one picture in a row of tokens: an attention mask and
explicit positions make each see the picture and itself only, as if it were asked alone.
"""

import torch
import torch.nn.functional as F
from torch import nn

IMG = 10
PARAMS = {
    "dim": 128, "n_layers": 5, "head_dim": 32, "hidden_dim": 384, "n_heads": 4, "n_kv_heads": 2,
    "rope_theta": 10000.0, "norm_eps": 1e-05, "vocab_size": 936,
    "vision_encoder": {
        "hidden_size": 192, "num_channels": 3, "image_size": 256, "patch_size": 16, "rope_theta": 10000.0,
        "intermediate_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6,
        "image_token_id": 10, "image_break_token_id": 12, "image_end_token_id": 13, "adapter_bias": True,
    },
}


class RMSNorm(nn.Module):
    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), eps=self.eps).to(x.dtype) * self.weight.to(x.dtype)


def rotate(x, cos, sin):
    """Rotates adjacent pairs of x [batch, heads, tokens, head_dim] by angles [.., tokens, head_dim/2]."""
    turned = torch.view_as_complex(x.unflatten(-1, (-1, 2))) * torch.complex(cos, sin)
    return torch.view_as_real(turned).flatten(-2)


class Attention(nn.Module):
    def __init__(self, dim, heads, kv_heads, head_dim):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, head_dim
        self.wq = nn.Linear(dim, heads * head_dim, bias=False)
        self.wk = nn.Linear(dim, kv_heads * head_dim, bias=False)
        self.wv = nn.Linear(dim, kv_heads * head_dim, bias=False)
        self.wo = nn.Linear(heads * head_dim, dim, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, tokens, _ = x.shape
        q = self.wq(x).view(batch, tokens, self.heads, self.head_dim).transpose(1, 2)
        k = self.wk(x).view(batch, tokens, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.wv(x).view(batch, tokens, self.kv_heads, self.head_dim).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.kv_heads != self.heads:
            k = k.repeat_interleave(self.heads // self.kv_heads, 1)
            v = v.repeat_interleave(self.heads // self.kv_heads, 1)
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.wo(o.transpose(1, 2).reshape(batch, tokens, -1))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, dim, heads, kv_heads, head_dim, hidden):
        super().__init__()
        self.attention = Attention(dim, heads, kv_heads, head_dim)
        self.feed_forward = FeedForward(dim, hidden)
        self.attention_norm = RMSNorm(dim)
        self.ffn_norm = RMSNorm(dim)

    def forward(self, x, cos, sin, mask):
        x = x + self.attention(self.attention_norm(x), cos, sin, mask)
        return x + self.feed_forward(self.ffn_norm(x))


class VisionTransformer(nn.Module):
    def __init__(self, p):
        super().__init__()
        dim, heads = p["hidden_size"], p["num_attention_heads"]
        self.layers = nn.ModuleList(
            Block(dim, heads, heads, dim // heads, p["intermediate_size"]) for _ in range(p["num_hidden_layers"]))


class VisionEncoder(nn.Module):
    def __init__(self, p):
        super().__init__()
        dim, patch = p["hidden_size"], p["patch_size"]
        self.patch_conv = nn.Conv2d(p["num_channels"], dim, patch, patch, bias=False)
        self.ln_pre = RMSNorm(dim)
        self.transformer = VisionTransformer(p)
        head_dim = dim // p["num_attention_heads"]
        k = torch.arange(0, head_dim, 2).double() / head_dim
        freqs = p["rope_theta"] ** -k
        self.freqs = (freqs[0::2], freqs[1::2])  # rows turn with the even, columns with the odd

    def angles(self, rows, columns):
        r = torch.arange(rows).double()[:, None] * self.freqs[0]
        c = torch.arange(columns).double()[:, None] * self.freqs[1]
        r = r[:, None].expand(rows, columns, -1)
        c = c[None].expand(rows, columns, -1)
        return torch.cat((r, c), -1).reshape(rows * columns, -1).float()

    def forward(self, pixels):
        """pixels [batch, 3, 16 rows, 16 columns] to [batch, rows * columns, dim].

        Keeps the values after half of the layers, for the extra heads of training.
        """
        x = self.patch_conv(pixels)
        rows, columns = x.shape[-2:]
        x = self.ln_pre(x.flatten(2).transpose(1, 2))
        angles = self.angles(rows, columns)
        cos, sin = angles.cos(), angles.sin()
        for i, layer in enumerate(self.transformer.layers):
            x = layer(x, cos, sin, None)
            if i + 1 == len(self.transformer.layers) // 2:
                self.middle = x
        return x


class Adapter(nn.Module):
    def __init__(self, vision_dim, dim):
        super().__init__()
        self.w_in = nn.Linear(vision_dim, dim)
        self.w_out = nn.Linear(dim, dim)

    def forward(self, x):
        return self.w_out(F.gelu(self.w_in(x)))


class Pixtral(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.tok_embeddings = nn.Embedding(p["vocab_size"], p["dim"])
        self.layers = nn.ModuleList(
            Block(p["dim"], p["n_heads"], p["n_kv_heads"], p["head_dim"], p["hidden_dim"]) for _ in range(p["n_layers"]))
        self.norm = RMSNorm(p["dim"], p["norm_eps"])
        self.output = nn.Linear(p["dim"], p["vocab_size"], bias=False)
        self.vision_encoder = VisionEncoder(p["vision_encoder"])
        self.vision_language_adapter = Adapter(p["vision_encoder"]["hidden_size"], p["dim"])
        self.freqs = p["rope_theta"] ** -(torch.arange(0, p["head_dim"], 2).double() / p["head_dim"])
        self.apply(initialise)
        depth = p["n_layers"]
        for block in [*self.layers, *self.vision_encoder.transformer.layers]:
            block.attention.wo.weight.data /= (2 * depth) ** 0.5
            block.feed_forward.w2.weight.data /= (2 * depth) ** 0.5

    def forward(self, ids, positions, mask, pictures, keep=None):
        """Logits at the tokens where keep is true (everywhere if None), and the vision features.

        ids, positions [batch, tokens]; mask [batch, 1, tokens, tokens], true where a query may
        look; pictures is a list of [batch, 3, H, W], one entry for each picture of a prompt.
        """
        seen = [self.vision_encoder(p) for p in pictures]
        return self.decode(ids, positions, mask, seen, keep), seen

    def decode(self, ids, positions, mask, seen, keep=None):
        x = self.tok_embeddings(ids)
        if seen:
            image = self.vision_language_adapter(torch.cat(seen, 1)).to(x.dtype)
            x = x.masked_scatter((ids == IMG)[..., None], image)
        angles = (positions[..., None].double() * self.freqs).float()[:, None]
        cos, sin = angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        x = self.norm(x if keep is None else x[keep])
        return self.output(x)


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=(module.weight[0].numel()) ** -0.5)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.5)
