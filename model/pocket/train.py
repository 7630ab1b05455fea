"""Trains the pocket model from nothing.

    python train.py --minutes 165 --checkpoint pocket.pt --out .

First the eye alone learns to say what each patch shows and what that means in the whole
picture (heads that only training has, data.LABELS); then the whole model learns to answer,
from single shapes to everything. Shares of the time decide what comes when, so a machine
twice as fast takes twice the steps. Resumes from the checkpoint if there is one. --from goes
on from the checkpoint of a finished run, as if --done of the time had passed. Every --every
seconds it measures the averaged weights on seeds of its own, writes params.json and
consolidated.safetensors to --out (if the mean accuracy has not fallen) and adds a line to
train.log there.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import random
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import data
import fast
from model import PARAMS, Pixtral, rotate

SHAPES = {"scene": "shapes", "most": 5, "columns": (3, 8), "rows": (3, 8), "branches": 7, "textured": 0.25}
FIRST = {**SHAPES, "most": 1, "columns": (3, 5), "rows": (3, 5), "branches": 4, "textured": 0.0,
         "kinds": ["what", "colour", "shape", "ground", "exists", "refusal"]}
SOME_SHAPES = {**SHAPES, "single": 0.05, "columns": (3, 6), "rows": (3, 6), "system": 0.0,
               "kinds": ["colour", "shape", "relation", "extreme", "size", "countof"]}
TEXT = {"scene": "text", "columns": (3, 10), "rows": (2, 6), "branches": 2, "textured": 0.15, "words": 0.35, "system": 0.06}
CHART = {"scene": "chart", "columns": (5, 12), "rows": (5, 12), "branches": 6}
TABLE = {"scene": "table", "columns": (4, 12), "rows": (4, 12), "branches": 5}
SEVERAL = {"scene": "several", "columns": (3, 8), "rows": (3, 8), "branches": 6, "textured": 0.2}
LATER = {
    "shapes": (0.15, {**SHAPES, "single": 0.15, "branches": 8}),
    "many shapes": (0.09, {**SHAPES, "single": 0.0, "counts": [3, 4, 5, 5], "columns": (4, 14), "rows": (4, 14), "branches": 4,
                           "system": 0.0, "kinds": ["describe", "count", "countof"]}),
    "where": (0.05, {**SHAPES, "single": 0.3, "columns": (3, 12), "rows": (3, 12), "branches": 2, "system": 0.0, "kinds": ["where"]}),
    "large shapes": (0.06, {**SHAPES, "single": 0.15, "columns": (4, 16), "rows": (4, 16), "branches": 10}),
    "text": (0.30, TEXT),
    "large text": (0.08, {**TEXT, "columns": (4, 16), "rows": (3, 12)}),
    "chart": (0.07, CHART),
    "large chart": (0.03, {**CHART, "columns": (6, 16), "rows": (6, 16)}),
    "table": (0.07, TABLE),
    "large table": (0.04, {**TABLE, "columns": (5, 16), "rows": (5, 16)}),
    "two": (0.05, {**SEVERAL, "pictures": 2}),
    "three": (0.05, {**SEVERAL, "pictures": 3}),
}
LOOK = {"shapes": 0.25, "large shapes": 0.06, "page": 0.28, "text": 0.18, "large text": 0.03, "chart": 0.12, "large chart": 0.02, "table": 0.06}
LOOK_LATER = {"page": 0.7, "text": 0.2, "shapes": 0.05, "table": 0.05}  # letters take longest
PAGE = {"scene": "page", "columns": (3, 10), "rows": (2, 8), "textured": 0.15}
# Shares of the time: the eye alone until LOOKS, then single shapes, then more of them, then everything.
LOOKS, SINGLE, SOME = 0.25, 0.26, 0.44
EVAL = {n: {**LATER[n][1], "tokens": 12_000 if n == "shapes" else 5_000, "system": 0.05}
        for n in ("shapes", "where", "large shapes", "text", "chart", "table", "two", "three")}
NEAR = list(data.LABELS.values())[: data.NEAR]


class Heads(nn.Module):
    """Say from a patch's features what it shows and what that is in the picture; only training has them."""

    def __init__(self, dim):
        super().__init__()
        self.sizes = list(data.LABELS.values())
        self.far = nn.Linear(dim, sum(self.sizes))
        self.near = nn.Linear(dim, sum(NEAR))
        self.mask = nn.Linear(dim, 64)
        self.present = nn.Linear(dim, len(data.scenes.SHAPES) + len(data.scenes.COLOURS))

    def loss(self, middle, features, labels, masks, present):
        near = sum(weighted(*pair) for pair in zip(self.near(middle).split(NEAR, -1), labels.unbind(-1)))
        total = near + F.binary_cross_entropy_with_logits(self.mask(middle), masks)
        for i, logits in enumerate(self.far(features).split(self.sizes, -1)):
            wanted = labels[..., i]
            if i < data.NEAR:
                total = total + weighted(logits, wanted)
                continue
            asked = wanted != data.IGNORE
            if asked.any():
                total = total + 0.5 * F.cross_entropy(logits[asked], wanted[asked])
        if present[0, 0] >= 0:
            wanted = present[:, None].expand(-1, features.shape[1], -1)
            total = total + 2 * F.binary_cross_entropy_with_logits(self.present(features), wanted)
        return total

    @torch.no_grad()
    def hits(self, features, labels, count):
        """Adds to count how often each label that is not 'nothing' comes first, and how often it is asked."""
        for name, logits, wanted in zip(data.LABELS, self.far(features).split(self.sizes, -1), labels.unbind(-1)):
            asked = wanted > 0
            n = count.setdefault(name, [0, 0])
            n[0] += int((logits.argmax(-1) == wanted)[asked].sum())
            n[1] += int(asked.sum())


def weighted(logits, wanted):
    """Cross-entropy in which showing something weighs more, as most patches show nothing."""
    weight = torch.full((logits.shape[-1],), 3.0)
    weight[0] = 1.0
    return F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), weight)


class Muon(torch.optim.Optimizer):
    """Momentum with an orthogonalised step for matrices (Jordan et al., 2024), by stacks of equal shape."""

    def __init__(self, groups, lr, momentum=0.95):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

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
    x = (g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(torch.bfloat16)
    wide = x.shape[1] > x.shape[2]
    if wide:
        x = x.mT
    for _ in range(5):
        s = x @ x.mT
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return (x.mT if wide else x).to(g.dtype)


def spec_for(step, done, tokens):
    """The kind of batch for a step, when so much of the time is done."""
    rng = random.Random(f"spec-{step}")
    if done < LOOKS or rng.random() < (0.3 if done < SOME else 0.35 if done < 0.85 else 0.1):
        look = LOOK if done < SOME else LOOK_LATER
        name = rng.choices(list(look), look.values())[0]
        return {**(PAGE if name == "page" else LATER[name][1]), "look": True, "tokens": tokens // 3}
    if done < SINGLE:
        return {**FIRST, "tokens": tokens}
    if done < SOME:
        return {**SOME_SHAPES, "tokens": tokens * 2 // 3}
    name = rng.choices(list(LATER), [share for share, _ in LATER.values()])[0]
    return {**LATER[name][1], "tokens": tokens}


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
    logits, _ = model(batch["ids"], batch["position"], data.attention_mask(batch["segment"]), batch["pictures"], keep)
    return logits, batch["target"][keep], keep


@torch.no_grad()
def accuracy(model, batches):
    """Share of answers all of whose tokens come first, by kind (the greedy answer is then the same)."""
    right, asked = {}, {}
    for batch in batches:
        logits, wanted, keep = run(model, batch)
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


AIM_LAYER = 2  # the decoder's layer whose first head is told where to look


def aim_loss(attention, args, at, on):
    """How far the first head is from looking at what a word is about: -log of its attention there."""
    x, cos, sin, mask = args
    row, token = at.unbind(1)
    half = attention.head_dim
    q = F.linear(x[row, token], attention.wq.weight[:half])[:, None, None]
    k = F.linear(x, attention.wk.weight[:half])[:, None]
    q = rotate(q, cos[row, :, token][:, :, None], sin[row, :, token][:, :, None])[:, 0, 0]
    k = rotate(k, cos, sin)[:, 0]
    scores = (k[row] @ q[..., None])[..., 0] / half**0.5
    scores = scores.masked_fill(~mask[row, 0, token], -1e9)
    return (scores.logsumexp(-1) - scores.masked_fill(~on, -1e9).logsumexp(-1)).mean()


def loss_of(model, heads, batch, weight):
    """The loss of a batch; the answers' loss (None if nothing is asked), the heads' loss and the aims'."""
    middles, looks = [], []
    hooks = [model.vision_encoder.register_forward_hook(lambda m, _, out: middles.append((m.middle, out))),
             model.layers[AIM_LAYER].attention.register_forward_pre_hook(lambda m, args: looks.append(args))]
    try:
        answers, aim = None, torch.zeros(())
        if "ids" in batch:
            logits, wanted, _ = run(model, batch)
            answers = F.cross_entropy(logits, wanted, reduction="sum") / max(1, len(wanted))
            if len(batch["aim_at"]):
                aim = aim_loss(model.layers[AIM_LAYER].attention, looks[0], batch["aim_at"], batch["aim_on"])
        else:
            for pixels in batch["pictures"]:
                model.vision_encoder(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    extra = sum(heads.loss(*pair, *wanted) for pair, *wanted in zip(middles, batch["labels"], batch["masks"], batch["present"])) / len(middles)
    return (extra if answers is None else answers + weight * extra + 0.2 * aim), answers, extra, aim


@torch.no_grad()
def look_accuracy(model, heads, tests):
    count = {}
    for batch in tests:
        for pixels, labels in zip(batch["pictures"], batch["labels"]):
            heads.hits(model.vision_encoder(pixels), labels, count)
    return {k: round(right / asked, 3) for k, (right, asked) in count.items() if asked}


class Clock:
    """How much of the time is done, from 0 to 1. A pause of the machine is not taken for work, and
    what is left is spread over the time left before the end."""

    def __init__(self, done, minutes, end_by):
        self.done, self.last = done, time.time()
        self.end = self.last + (1 - done) * minutes * 60
        if end_by:
            now = datetime.datetime.now(datetime.timezone.utc)
            hour, minute = map(int, end_by.split(":"))
            self.end = now.replace(hour=hour, minute=minute, second=0).timestamp()

    def tick(self):
        now = time.time()
        passed, self.last = min(now - self.last, 30), now
        left = self.end - now
        self.done = 1.0 if left <= passed else min(1.0, self.done + (1 - self.done) * passed / (left + passed))
        return passed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=165)
    parser.add_argument("--end-by", help="end at this time of day instead (UTC, HH:MM)")
    parser.add_argument("--checkpoint", default="pocket.pt")
    parser.add_argument("--out", default=".")
    parser.add_argument("--tokens", type=int, default=5000, help="tokens of a batch")
    parser.add_argument("--lr", type=float, default=0.02, help="step size of the matrices while the eye learns alone")
    parser.add_argument("--answer-lr", type=float, default=0.008, help="and after that, falling to nothing")
    parser.add_argument("--from", dest="finished", help="checkpoint of a finished run to go on from, at --done")
    parser.add_argument("--done", type=float, default=0.45, help="the share of the time that counts as done then")
    parser.add_argument("--eye", help="checkpoint to take the eye from, instead of training it first")
    parser.add_argument("--adam-lr", type=float, default=0.003)
    parser.add_argument("--heads", type=float, default=0.3, help="weight of the extra heads beside answers")
    parser.add_argument("--every", type=float, default=300, help="seconds between measurements")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (a smoke run)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    model, heads = Pixtral(PARAMS), Heads(PARAMS["vision_encoder"]["hidden_size"])
    eye, mind, rest = [], [], list(heads.parameters())
    for name, p in model.named_parameters():
        matrix = p.ndim > 1 and any(part in name for part in (".attention.", ".feed_forward.", "patch_conv", "adapter"))
        (rest if not matrix else eye if name.startswith("vision_encoder") else mind).append(p)
    # Without decay the queries and keys of the decoder grow until attention is all or nothing, and no longer learns.
    muon = Muon([{"params": eye, "weight_decay": 0.02}, {"params": mind, "weight_decay": 0.1}], args.lr)
    adam = torch.optim.AdamW(rest, args.adam_lr, betas=(0.9, 0.98), weight_decay=0.0)
    state = {"step": 0, "seconds": 0.0, "done": 0.0, "best": 0.0, "answering": 0}
    average = None
    resumed = os.path.exists(args.checkpoint)
    if resumed or args.finished:
        saved = torch.load(args.checkpoint if resumed else args.finished, weights_only=False)
        model.load_state_dict(saved["model"])
        heads.load_state_dict(saved["heads"])
        muon.load_state_dict(saved["muon"])
        adam.load_state_dict(saved["adam"])
        average, state = saved["average"], saved["state"]
        if not resumed:
            state.update(done=args.done, best=0.0)
    elif args.eye:
        saved = torch.load(args.eye, weights_only=False)
        model.vision_encoder.load_state_dict({k.removeprefix("vision_encoder."): v for k, v in saved["model"].items() if k.startswith("vision_encoder.")})
        heads.load_state_dict(saved["heads"])
        state.update(done=LOOKS)
    if average is None:
        average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    twin = Pixtral(PARAMS).eval()
    fast.use(model)
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)

    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        tests = {k: [pool.submit(work, (f"check-{k}-{i}", s)) for i in range(2)] for k, s in EVAL.items()}
        tests = [f.result() for group in tests.values() for f in group]
        clock, last_eval, running = Clock(state["done"], args.minutes, args.end_by), time.time(), None
        aimed = 3.0
        ahead, asked, started = [], state["step"], state["step"]
        while True:
            while len(ahead) < 3:
                ahead.append(pool.submit(work, (f"train-{asked}", spec_for(asked, clock.done, args.tokens))))
                asked += 1
            batch = ahead.pop(0).result()
            state["seconds"] += clock.tick()
            state["done"] = clock.done
            finished = clock.done >= 1 or (args.steps and state["step"] >= started + args.steps)
            if clock.done < LOOKS:
                rate, base = min(1.0, (state["step"] + 1) / 100), args.lr
            else:
                rate, base = min(1.0, (state["answering"] + 1) / 100) * (1 - clock.done) / (1 - LOOKS), args.answer_lr
                state["answering"] += 1
            for optimiser, each in ((muon, base), (adam, args.adam_lr)):
                for group in optimiser.param_groups:
                    group["lr"] = each * rate
            loss, answers, extra, aim = loss_of(model, heads, batch, args.heads)
            loss.backward()
            nn.utils.clip_grad_norm_(rest, 1.0)
            muon.step()
            adam.step()
            muon.zero_grad()
            adam.zero_grad()
            state["step"] += 1
            age = state["answering"] or state["step"]
            keep = min(0.997, (age + 1) / (age + 20))
            torch._foreach_lerp_(list(average.values()), [v.detach() for v in model.state_dict().values()], 1 - keep)
            if answers is not None:
                aimed = 0.98 * aimed + 0.02 * aim.item()
                running = answers.item() if running is None else 0.98 * running + 0.02 * answers.item()
            if state["step"] % 100 == 0:
                print(f"step {state['step']} done {clock.done:.3f} loss {running or 0:.3f} heads {extra.item():.3f} aim {aimed:.3f} "
                      f"{state['seconds']:.0f} s", flush=True)
            if finished or time.time() - last_eval > args.every:
                report(args, state, running, rounded(average, twin), look_accuracy(model, heads, tests), tests)
                torch.save({"model": model.state_dict(), "heads": heads.state_dict(), "muon": muon.state_dict(),
                            "adam": adam.state_dict(), "average": average, "state": state}, args.checkpoint + ".tmp")
                os.replace(args.checkpoint + ".tmp", args.checkpoint)
                last_eval = time.time()
            if finished:
                for future in ahead:
                    future.cancel()
                break


def report(args, state, running, twin, seen, tests):
    """Measures the averaged weights, logs a line and, if they are the best so far, writes them."""
    right = accuracy(twin, tests)[0] if running is not None else {}
    mean = sum(right.values()) / max(1, len(right))
    line = {"step": state["step"], "minutes": round(state["seconds"] / 60, 1), "loss": round(running or 0, 4), "mean": round(mean, 4),
            "accuracy": {k: round(v, 3) for k, v in right.items()}, "heads": seen}
    print(json.dumps(line), flush=True)
    with open(os.path.join(args.out, "train.log"), "a") as file:
        file.write(json.dumps(line) + "\n")
    if mean >= state["best"] - 0.01:
        state["best"] = max(mean, state["best"])
        export(twin, args.out)


if __name__ == "__main__":
    main()
