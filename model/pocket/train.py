"""Trains the pocket model from nothing.

    python train.py --minutes 120 --checkpoint pocket.pt --out .

Resumes from the checkpoint if there is one. Every --every seconds it measures the
averaged weights on held-out seeds, writes params.json and consolidated.safetensors to
--out (if the mean accuracy has not fallen) and adds a line to train.log there.
"""

import argparse
import concurrent.futures
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import data
from model import PARAMS, Pixtral

SHAPES = {"scene": "shapes", "most": 5, "columns": (3, 8), "rows": (3, 8), "branches": 6}
FIRST = {**SHAPES, "most": 1, "columns": (3, 5), "rows": (3, 5), "branches": 4,
         "kinds": ["what", "colour", "shape", "ground", "exists", "refusal"]}
EARLY = {**SHAPES, "columns": (3, 7), "rows": (3, 7), "single": 0.4}
LATER = {
    "shapes": (0.48, {**SHAPES, "single": 0.15, "textured": 0.3, "branches": 8}),
    "text": (0.14, {"scene": "text", "columns": (3, 9), "rows": (2, 5), "branches": 2, "textured": 0.15, "system": 0.06}),
    "chart": (0.16, {"scene": "chart", "columns": (5, 9), "rows": (5, 8), "branches": 6}),
    "table": (0.05, {"scene": "table", "columns": (4, 8), "rows": (4, 8), "branches": 5}),
    "several": (0.14, {"scene": "several", "pictures": 2, "columns": (3, 5), "rows": (3, 5), "branches": 6, "textured": 0.2}),
    "three": (0.03, {"scene": "several", "pictures": 3, "columns": (3, 4), "rows": (3, 4), "branches": 6}),
}
LARGE = {
    "shapes": {**SHAPES, "columns": (6, 16), "rows": (6, 16), "textured": 0.3, "branches": 8},
    "text": {**LATER["text"][1], "columns": (6, 16), "rows": (3, 10)},
    "chart": {**LATER["chart"][1], "columns": (8, 14), "rows": (8, 12)},
}
EVAL = {
    "shapes": {**SHAPES, "single": 0.4, "tokens": 12_000, "columns": (3, 8), "rows": (3, 8)},
    "text": {**LATER["text"][1], "tokens": 5_000}, "chart": {**LATER["chart"][1], "tokens": 5_000},
    "table": {**LATER["table"][1], "tokens": 5_000}, "several": {**LATER["several"][1], "tokens": 5_000},
}
COLOURS, SHAPE_CLASSES, CHARS = len(data.COLOUR_IDS) + 1, len(data.SHAPE_IDS) + 1, len(data.CHAR_IDS) + 1
AUX = [COLOURS, SHAPE_CLASSES, 2, CHARS, CHARS]


class Aux(nn.Module):
    """Says from a patch's features what it shows and where it is; only training has it."""

    def __init__(self, dim):
        super().__init__()
        self.head = nn.Linear(dim, sum(AUX) + 2)
        self.mask = nn.Linear(dim, 64)

    def loss(self, features, labels, masks, rows, columns):
        out = self.head(features.float())
        *classes, place = out.split([*AUX, 2], -1)
        total = 0.0
        for i, logits in enumerate(classes):
            wanted = labels[..., i]
            each = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="none")
            weight = 1.0 + 2.0 * (wanted.flatten() > 0)  # most patches show nothing
            total = total + (each * weight).sum() / weight.sum()
        r = torch.arange(rows).float()[:, None].expand(rows, columns).flatten()
        c = torch.arange(columns).float()[None].expand(rows, columns).flatten()
        here = torch.stack(((r + 0.5) / rows, (c + 0.5) / columns), -1) * 2 - 1
        total = total + F.mse_loss(place, here.expand_as(place))
        return total + 2 * F.binary_cross_entropy_with_logits(self.mask(features.float()), masks)


class Muon(torch.optim.Optimizer):
    """Momentum with an orthogonalised step for matrices (Jordan et al., 2024), by stacks of equal shape."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.flatten(1).shape, []).append(p)
            for shape, params in shapes.items():
                moved = []
                for p in params:
                    buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    buffer.lerp_(p.grad, 1 - group["momentum"])
                    moved.append(p.grad.lerp(buffer, group["momentum"]).flatten(1))
                steps = orthogonal(torch.stack(moved))
                scale = max(1, shape[0] / shape[1]) ** 0.5
                for p, step in zip(params, steps):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(step.view_as(p), alpha=-group["lr"] * scale)


def orthogonal(g):
    """Newton-Schulz iteration of a stack [n, a, b] towards the nearest orthogonal matrices."""
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    wide = x.shape[1] > x.shape[2]
    if wide:
        x = x.mT
    for _ in range(5):
        s = x @ x.mT
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.mT if wide else x


class Bf16Matmul(torch.autograd.Function):
    """x @ w.T with bfloat16 products and float32 sums and results: the processor's fast path."""

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


def use_bf16(model):
    """Makes the model's matrices without bias multiply in bfloat16; the weights stay float32."""
    def forward_of(linear):
        return lambda x: Bf16Matmul.apply(x.flatten(0, -2), linear.weight).view(*x.shape[:-1], -1)

    for module in model.modules():
        if isinstance(module, nn.Linear) and module.bias is None:
            module.forward = forward_of(module)


def spec_for(step, passed, args):
    """The kind of batch for a step. `passed` is the step at which the first lessons were learned."""
    rng = random.Random(f"spec-{step}")
    if step < args.look:
        pick = rng.random()
        name = "shapes" if pick < 0.5 else "text" if pick < 0.75 else "chart" if pick < 0.9 else "table"
        spec = LARGE[name] if name in LARGE and rng.random() < 0.1 else LATER[name][1]
        return {**spec, "look": True, "tokens": args.tokens // 3}
    if passed is None:
        return {**FIRST, "tokens": args.tokens}
    if step < passed + args.early:
        return {**EARLY, "tokens": args.tokens}
    large = rng.random() < args.large
    allowed = [n for n in LATER if n in args.scenes.split(",")]
    name = rng.choices(allowed, [LATER[n][0] for n in allowed])[0]
    spec = LATER[name][1]
    spec = LARGE[name] if large and name in LARGE else spec
    return {**spec, "tokens": args.tokens}


TOK = None


def work(job):
    """Runs in the worker process: one batch for (seed, spec)."""
    global TOK
    if TOK is None:
        torch.set_num_threads(1)
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tekken.json")) as file:
            TOK = data.Tokenizer(json.load(file))
    seed, spec = job
    return data.make_batch(TOK, seed, spec)


def run(model, batch):
    """Logits and targets at the positions that count, and the vision features."""
    keep = batch["target"] != data.IGNORE
    logits, seen = model(batch["ids"], batch["position"], data.attention_mask(batch["segment"]), batch["pictures"], keep)
    return logits, batch["target"][keep], seen, keep


@torch.no_grad()
def accuracy(model, batches):
    """Share of answers all of whose tokens come first, by kind (the greedy answer is then the same)."""
    right, asked = {}, {}
    for batch in batches:
        logits, wanted, _, keep = run(model, batch)
        hit = torch.ones_like(keep)
        hit[keep] = logits.argmax(-1) == wanted
        for b, kinds in enumerate(batch["kinds"]):
            for i, kind in enumerate(kinds):
                mine = batch["segment"][b] == i + 1
                asked[kind] = asked.get(kind, 0) + 1
                right[kind] = right.get(kind, 0) + bool(hit[b][mine].all())
    return {k: right[k] / asked[k] for k in sorted(asked)}, asked


def export(model, folder):
    """Writes params.json and consolidated.safetensors (bfloat16, Mistral's names)."""
    tensors = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    temporary = os.path.join(folder, ".consolidated.tmp")
    save_file(tensors, temporary)
    os.chmod(temporary, 0o644)
    os.replace(temporary, os.path.join(folder, "consolidated.safetensors"))
    with open(os.path.join(folder, "params.json"), "w") as file:
        json.dump(PARAMS, file, indent=2)
        file.write("\n")


def rounded(average, twin):
    """The averaged weights as they will be on disk, in the model `twin`."""
    twin.load_state_dict({k: v.to(torch.bfloat16).float() for k, v in average.items()})
    return twin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--checkpoint", default="pocket.pt")
    parser.add_argument("--out", default=".")
    parser.add_argument("--tokens", type=int, default=3500)
    parser.add_argument("--early", type=int, default=900)
    parser.add_argument("--look", type=int, default=1500, help="first steps, which train the eye alone")
    parser.add_argument("--large", type=float, default=0.0)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=0.003)
    parser.add_argument("--aux", type=float, default=0.3)
    parser.add_argument("--scenes", default=",".join(LATER), help="what the last and longest part is about")
    parser.add_argument("--every", type=float, default=300)
    parser.add_argument("--decay", type=float, default=0.2, help="last share of the time in which the step size falls to nothing")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="bf16", choices=["f32", "bf16"])
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (a smoke run)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    model, aux = Pixtral(PARAMS), Aux(PARAMS["vision_encoder"]["hidden_size"])
    inner = [p for n, p in model.named_parameters() if p.ndim > 1 and (".attention." in n or ".feed_forward." in n or "patch_conv" in n or "adapter" in n)]
    names = {id(p) for p in inner}
    rest = [p for p in [*model.parameters(), *aux.parameters()] if id(p) not in names]
    muon = Muon(inner, args.lr)
    adam = torch.optim.AdamW(rest, args.adam_lr, betas=(0.9, 0.98), weight_decay=0.0)
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    state = {"step": 0, "seconds": 0.0, "passed": None, "best": 0.0}
    if os.path.exists(args.checkpoint):
        saved = torch.load(args.checkpoint, weights_only=False)
        model.load_state_dict(saved["model"])
        aux.load_state_dict(saved["aux"])
        muon.load_state_dict(saved["muon"])
        adam.load_state_dict(saved["adam"])
        average, state = saved["average"], saved["state"]
    twin = Pixtral(PARAMS).eval()
    if args.dtype == "bf16":
        use_bf16(model)
    print(sum(p.numel() for p in model.parameters()), "parameters")

    budget, begun, before = args.minutes * 60, time.time(), state["seconds"]
    last_eval, running = time.time(), None
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        tests = {k: [pool.submit(work, (f"held-out-{k}-{i}", s)) for i in range(2)] for k, s in EVAL.items()}
        tests = [f.result() for group in tests.values() for f in group]
        ahead, asked = [], state["step"]
        while True:
            while len(ahead) < 3:
                ahead.append(pool.submit(work, (f"train-{asked}", spec_for(asked, state["passed"], args))))
                asked += 1
            batch = ahead.pop(0).result()
            state["seconds"] = before + time.time() - begun
            done = state["seconds"] / budget
            finished = done >= 1 or (args.steps and state["step"] >= args.steps)
            rate = min(1.0, (state["step"] + 1) / 100) * min(1.0, max(0.0, 1 - done) / args.decay)
            for optimiser, base in ((muon, args.lr), (adam, args.adam_lr)):
                for group in optimiser.param_groups:
                    group["lr"] = base * rate
            if "ids" in batch:
                logits, wanted, seen, _ = run(model, batch)
                loss = F.cross_entropy(logits, wanted)
            else:
                seen, loss = [model.vision_encoder(p) for p in batch["pictures"]], torch.zeros(())
            extra = 0.0
            for features, labels, masks, pixels in zip(seen, batch["labels"], batch["masks"], batch["pictures"]):
                extra = extra + aux.loss(features, labels, masks, pixels.shape[2] // 16, pixels.shape[3] // 16) / len(seen)
            (loss + (args.aux if loss.requires_grad else 1.0) * extra).backward()
            nn.utils.clip_grad_norm_(rest, 1.0)
            muon.step()
            adam.step()
            muon.zero_grad()
            adam.zero_grad()
            state["step"] += 1
            keep = min(0.998, (state["step"] + 1) / (state["step"] + 20))
            torch._foreach_lerp_(list(average.values()), [v.detach() for v in model.state_dict().values()], 1 - keep)
            watched = loss.item() if "ids" in batch else extra.item()
            running = watched if running is None else 0.95 * running + 0.05 * watched
            if state["passed"] is None and "ids" in batch and running < 0.15:
                state["passed"] = state["step"]
                running = None
                print("first lessons learned at step", state["step"], flush=True)
            if state["step"] % 50 == 0:
                print(f"step {state['step']} loss {loss.item():.3f} mean {running or 0:.3f} aux {extra.item():.3f} "
                      f"{state['seconds']:.0f} s", flush=True)
            if finished or time.time() - last_eval > args.every:
                right, _ = accuracy(rounded(average, twin), tests)
                mean = sum(right.values()) / len(right)
                line = {"step": state["step"], "minutes": round(state["seconds"] / 60, 1), "loss": round(running or 0, 4),
                        "aux": round(extra.item(), 4), "mean": round(mean, 4), "accuracy": {k: round(v, 3) for k, v in right.items()}}
                print(json.dumps(line), flush=True)
                with open(os.path.join(args.out, "train.log"), "a") as file:
                    file.write(json.dumps(line) + "\n")
                if mean >= state["best"] - 0.01:
                    state["best"] = max(mean, state["best"])
                    export(twin, args.out)
                torch.save({"model": model.state_dict(), "aux": aux.state_dict(), "muon": muon.state_dict(),
                            "adam": adam.state_dict(), "average": average, "state": state}, args.checkpoint + ".tmp")
                os.replace(args.checkpoint + ".tmp", args.checkpoint)
                last_eval = time.time()
            if finished:
                for future in ahead:
                    future.cancel()
                break


if __name__ == "__main__":
    main()
