"""Writes the held-out items: items.jsonl with a PNG for each picture.

    python heldout.py --each 50 --out testdata

Seeds begin with "item", training's with "train". An item has id, kind, images, question
and answer; where they apply, system (the system prompt), history (the first turn, as
[question, answer]) and box (left, top, right, bottom in pixels of the one thing meant).
"""

import argparse
import json
import os
import random

from PIL import Image

import questions
import scenes

# What is counted together, and the askers of each.
KINDS = {
    "describe": ["what", "describe"],
    "colour": ["colour"],
    "shape": ["shape"],
    "count": ["count", "countof"],
    "exists": ["exists"],
    "refusal": ["refusal"],
    "background": ["ground"],
    "where": ["where"],
    "relation": ["relation", "extreme", "size"],
    "text": ["text"],
    "chart": ["bar", "value", "which", "bars"],
    "table": ["value", "which"],
    "several": ["several"],
    "one word": ["colour", "shape", "count", "countof", "exists"],
    "second turn": ["colour", "shape", "exists", "count"],
}


def side(rng, least, most):
    """A length in pixels, small ones more often, and as often as not a multiple of the patch."""
    n = round(least * (most / least) ** rng.random())
    return n - n % scenes.PATCH if rng.random() < 0.5 and n - n % scenes.PATCH >= least else n


def picture(rng, kind):
    if kind == "text":
        return scenes.text_scene(rng, side(rng, 48, 256), side(rng, 48, 160), 8, rng.random() < 0.15)
    if kind == "chart":
        return scenes.chart_scene(rng, side(rng, 80, 256), side(rng, 80, 256), rng.randint(2, 5))
    if kind == "table":
        return scenes.table_scene(rng, side(rng, 64, 256), side(rng, 64, 256), rng.randint(2, 5))
    if kind == "several":
        return scenes.shapes_scene(rng, side(rng, 48, 128), side(rng, 48, 128), rng.randint(1, 2), rng.random() < 0.2)
    count = rng.choice([1, 1, 2, 3, 4, 5] if kind != "count" else [1, 2, 3, 4, 5])
    return scenes.shapes_scene(rng, side(rng, 48, 256), side(rng, 48, 256), count, rng.random() < 0.25)


def box(scene, answer):
    """The bounds of the only shape the answer can mean, or None."""
    words = set(answer.lower().strip(".").split())
    shapes, colours = words & set(scenes.SHAPES), words & set(scenes.COLOURS)
    meant = [o for o in scene.objects if o.shape in (shapes or scenes.SHAPES) and o.colour in (colours or scenes.COLOURS)]
    if len(meant) != 1:
        return None
    xs, ys = zip(*meant[0].polygon)
    return [round(v, 1) for v in (min(xs), min(ys), max(xs), max(ys))]


def build(kind, number):
    """One item and its pictures, from the seed of its kind and number alone."""
    rng = random.Random(f"item-{kind}-{number}")
    for _ in range(1000):
        found = [picture(rng, kind) for _ in range(rng.choice([2, 2, 3]) if kind == "several" else 1)]
        asked = questions.ask(rng, found, 2, KINDS[kind], tries=6)
        if not asked or (kind == "second turn" and len(asked) < 2):
            continue
        _, question, answer, word = asked[0]
        item = {"id": f"{kind.replace(' ', '-')}-{number:03d}", "kind": kind, "images": [], "question": question, "answer": answer}
        if kind == "one word":
            if not word:
                continue
            item.update(system=rng.choice(questions.SYSTEM), answer=word)
        if kind == "second turn":
            _, first, reply, _ = asked[1]
            item["history"] = [first, reply]
        if kind in ("describe", "colour", "shape", "where") and (bounds := box(found[0], answer)):
            item["box"] = bounds
        return item, found
    raise RuntimeError(f"no item of kind {kind} from seed {number}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=50, help="items of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", default="testdata")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "items.jsonl"), "w") as file:
        for kind in args.kinds.split(","):
            for number in range(args.each):
                item, found = build(kind, number)
                for i, scene in enumerate(found):
                    name = item["id"] + (f"-{i + 1}" if len(found) > 1 else "") + ".png"
                    Image.fromarray(scene.image).save(os.path.join(args.out, name), optimize=True)
                    item["images"].append(name)
                file.write(json.dumps(item) + "\n")


if __name__ == "__main__":
    main()
