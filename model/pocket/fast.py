"""The same products in bfloat16 with float32 sums: the processor's fast path, for training.

use(model) changes how the blocks of a model compute, not what: the query, key and value
rows are one product, and the feed-forward keeps its inner values in bfloat16. The weights
stay float32.
"""

import types

import torch
import torch.nn.functional as F

from model import rotate


class Product(torch.autograd.Function):
    """x @ w.T; x [n, a] and w [b, a] float32, the result float32."""

    @staticmethod
    def forward(ctx, x, w):
        x, w = x.to(torch.bfloat16), w.to(torch.bfloat16)
        ctx.save_for_backward(x, w)
        return torch.mm(x, w.t()).float()

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        g = g.to(torch.bfloat16)
        return torch.mm(g, w).float(), torch.mm(g.t(), x).float()


class SwiGLU(torch.autograd.Function):
    """(silu(x @ w1.T) * (x @ w3.T)) @ w2.T, with w1 and w3 stacked in w13."""

    @staticmethod
    def forward(ctx, x, w13, w2):
        x, w13, w2 = x.to(torch.bfloat16), w13.to(torch.bfloat16), w2.to(torch.bfloat16)
        both = torch.mm(x, w13.t())
        gate, up = both.chunk(2, -1)
        ctx.save_for_backward(x, w13, w2, both)
        return torch.mm(F.silu(gate) * up, w2.t()).float()

    @staticmethod
    def backward(ctx, g):
        x, w13, w2, both = ctx.saved_tensors
        gate, up = both.chunk(2, -1)
        g = g.to(torch.bfloat16)
        active = F.silu(gate)
        d = torch.mm(g, w2)
        d_both = torch.empty_like(both)
        d_gate, d_up = d_both.chunk(2, -1)
        torch.mul(d, active, out=d_up)
        d_gate.copy_(torch.ops.aten.silu_backward(d * up, gate))
        return torch.mm(d_both, w13).float(), torch.mm(d_both.t(), x).float(), torch.mm(g.t(), active * up).float()


def attention(self, x, cos, sin, mask):
    batch, tokens, _ = x.shape
    both = self.heads + self.kv_heads
    rows = Product.apply(x.flatten(0, -2), torch.cat((self.wq.weight, self.wk.weight, self.wv.weight)))
    rows = rows.view(batch, tokens, both + self.kv_heads, self.head_dim).transpose(1, 2)
    turned = rotate(rows[:, :both], cos, sin)
    q, k, v = turned[:, : self.heads], turned[:, self.heads :], rows[:, both:]
    o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=self.heads != self.kv_heads)
    return Product.apply(o.transpose(1, 2).reshape(batch * tokens, -1), self.wo.weight).view(batch, tokens, -1)


def feed_forward(self, x):
    return SwiGLU.apply(x.flatten(0, -2), torch.cat((self.w1.weight, self.w3.weight)), self.w2.weight).view_as(x)


def use(model):
    for block in [*model.layers, *model.vision_encoder.transformer.layers]:
        block.attention.forward = types.MethodType(attention, block.attention)
        block.feed_forward.forward = types.MethodType(feed_forward, block.feed_forward)
    model.output.forward = lambda x: Product.apply(x, model.output.weight)
