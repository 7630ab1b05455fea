"""Turns scenes and conversations into batches.

A batch has one kind of scene and one grid of patches for each picture, so that pictures are dense.
Each row of tokens is a prompt's beginning (<s>[INST]{system}{pictures}) and then several
branches, each a question with its answer. Branches do not see each other (model.py).
"""

import random
from functools import lru_cache

import cv2
import numpy as np
import regex
import tiktoken
import torch

import make_tokenizer
import questions
import scenes

BOS, EOS, INST, END_INST, IMG, BREAK, END = 1, 2, 3, 4, 10, 12, 13
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)  # mistral_common, image.py, DATASET_MEAN
STD = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)
COLOUR_IDS = {c: i + 1 for i, c in enumerate(scenes.COLOURS)}
SHAPE_IDS = {s: i + 1 for i, s in enumerate([*scenes.SHAPES, "bar"])}
CHAR_IDS = {c: i + 1 for i, c in enumerate(scenes.LETTERS)}
IGNORE = -100


class Tokenizer:
    """tekken.json by tiktoken, one pre-token at a time so that words are cached."""

    def __init__(self, data):
        import base64
        ranks = {base64.b64decode(v["token_bytes"]): v["rank"] for v in data["vocab"]}
        self.offset = data["config"]["default_num_special_tokens"]
        self.bpe = tiktoken.Encoding("pocket", pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
        self.encode = lru_cache(maxsize=100_000)(self._encode)

    def _encode(self, text):
        return tuple(i + self.offset for i in self.bpe.encode(text))

    def decode(self, ids):
        return self.bpe.decode([i - self.offset for i in ids if i >= self.offset])


def grid(width, height):
    """Columns and rows of patches (mistral_common, image.py, _image_to_num_tokens)."""
    ratio = max(width / scenes.MAX_SIDE, height / scenes.MAX_SIDE)
    if ratio > 1:
        width, height = round(width / ratio), round(height / ratio)
    return (width - 1) // scenes.PATCH + 1, (height - 1) // scenes.PATCH + 1


def preprocess(image):
    """RGB [H, W, 3] uint8 to normalised [3, 16 rows, 16 columns] float32, as mistral_common does."""
    columns, rows = grid(image.shape[1], image.shape[0])
    pixels = cv2.resize(image.astype(np.float32), (columns * scenes.PATCH, rows * scenes.PATCH), interpolation=cv2.INTER_CUBIC)
    return ((pixels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)


def picture_tokens(columns, rows):
    row = [IMG] * columns
    tokens = []
    for _ in range(rows):
        tokens += row + [BREAK]
    tokens[-1] = END
    return tokens


# What an extra head says of a patch (patch_labels), with the number of classes of each.
C, S, T = len(scenes.COLOURS) + 1, len(scenes.SHAPES) + 2, len(scenes.LETTERS) + 1
SIDES = ("left", "right", "above", "below")
LABELS = {
    "colour": C, "shape": S, "centre": 2, "first": T, "second": T,  # 0 is nothing; these are seen in the patch itself
    "ground": C + 1, "objects": 6, "same shape": 6, "same colour": 6, "from left": 5, "from top": 5, "size": 3,
    "row": 3, "column": 3, **{f"{s} {w}": n for s in SIDES for w, n in (("colour", C), ("shape", S))},
    "place": 9, "length": 9, "label": T, "tens": T, "ones": T, "height": 3, "bars": 6,
}
NEAR = 5  # so many of them are near: known from the patch and its neighbours
SLOT = {name: i for i, name in enumerate(LABELS)}
GROUND_IDS = {c: i + 1 for i, c in enumerate(scenes.GROUNDS)}


def ranks(values, gap):
    """The rank of each value from the least, IGNORE where another is nearer than gap."""
    return [IGNORE if any(0 < abs(v - w) < gap or (v == w and i != j) for j, w in enumerate(values)) else sum(w < v for w in values)
            for i, v in enumerate(values)]


def object_labels(scene):
    """For each shape of a scene, the labels that tell of it among the others."""
    found, size = scene.objects, scene.size
    xs, ys = ranks([o.x for o in found], 6), ranks([o.y for o in found], 6)
    radii = sorted(o.r for o in found)
    facts = []
    for i, o in enumerate(found):
        one = {"same shape": sum(p.shape == o.shape for p in found), "same colour": sum(p.colour == o.colour for p in found),
               "from left": xs[i], "from top": ys[i]}
        if len(found) > 1:
            one["size"] = 1 if o.r / radii[-2] >= 1.3 else 2 if radii[1] / o.r >= 1.3 else 0
            if one["size"] == 0 and (o.r == radii[0] or o.r == radii[-1]):
                one["size"] = IGNORE
        for name, at in (("row", o.y / size[1]), ("column", o.x / size[0])):
            if not (0.28 < at < 0.38 or 0.62 < at < 0.72):
                one[name] = 0 if at < 0.33 else 1 if at < 0.67 else 2
        if 2 <= len(found) <= 3:
            for s in SIDES:
                sign = 1 if s in ("right", "below") else -1
                gaps = [(sign * ((p.x - o.x) if s in ("left", "right") else (p.y - o.y)), p) for p in found if p is not o]
                there = [p for g, p in gaps if g >= 10]
                if any(-2 < g < 10 for g, _ in gaps) or len(there) > 1:
                    continue
                one[s + " colour"] = COLOUR_IDS[there[0].colour] if there else 0
                one[s + " shape"] = SHAPE_IDS[there[0].shape] if there else 0
        facts.append(one)
    return facts


def row_labels(scene):
    """For each bar of a chart or row of a table, the labels that tell of it."""
    values = [v for _, v in scene.rows]
    facts = []
    for label, value in scene.rows:
        text = str(value)
        one = {"label": CHAR_IDS[label], "tens": CHAR_IDS[text[0]], "ones": CHAR_IDS[text[1]] if len(text) > 1 else 0}
        if scene.kind == "chart":
            one["height"] = 1 if value == max(values) else 2 if value == min(values) else 0
            one["bars"] = len(values)
        facts.append(one)
    return facts


def patch_labels(scene):
    """What each patch shows: [rows * columns, len(LABELS)], IGNORE where nothing is asked."""
    width, height = scene.size
    columns, rows = grid(width, height)
    labels = np.full((rows, columns, len(LABELS)), IGNORE, np.int64)
    labels[..., :NEAR] = 0
    labels[..., SLOT["ground"]] = GROUND_IDS[scene.ground]
    sx, sy = columns * scenes.PATCH / width, rows * scenes.PATCH / height
    owner = np.zeros((rows * scenes.PATCH, columns * scenes.PATCH), np.uint8)
    for i, o in enumerate(scene.objects):
        points = np.array([(x * sx, y * sy) for x, y in o.polygon]).round().astype(np.int32)
        cv2.fillPoly(owner, [points], i + 1)
    tiles = owner.reshape(rows, scenes.PATCH, columns, scenes.PATCH)
    best = np.full((rows, columns), 0.12)
    mine = np.full((rows, columns), -1)
    for i, o in enumerate(scene.objects):
        cover = (tiles == i + 1).mean((1, 3))
        hit = cover > best
        best[hit], mine[hit] = cover[hit], i
        labels[hit, 0], labels[hit, 1] = COLOUR_IDS[o.colour], SHAPE_IDS[o.shape]
    for i, o in enumerate(scene.objects):
        r, c = min(rows - 1, int(o.y * sy / scenes.PATCH)), min(columns - 1, int(o.x * sx / scenes.PATCH))
        labels[r, c, 2] = 1
        if scene.kind == "shapes":
            mine[r, c] = i
    facts = object_labels(scene) if scene.kind == "shapes" else row_labels(scene)
    if scene.kind == "shapes":
        labels[..., SLOT["objects"]] = len(scene.objects)
    order = sorted(range(len(scene.glyphs)), key=lambda i: scene.glyphs[i].x)
    owners = glyph_owners(scene)
    for n, i in enumerate(order):
        g = scene.glyphs[i]
        r, c = int(g.y * sy / scenes.PATCH), int(g.x * sx / scenes.PATCH)
        if 0 <= r < rows and 0 <= c < columns:
            slot = 3 if labels[r, c, 3] == 0 else 4
            labels[r, c, slot] = CHAR_IDS[g.char]
            if scene.kind == "text":
                labels[r, c, SLOT["length"]] = len(order)
                if slot == 3:
                    labels[r, c, SLOT["place"]] = n
            elif owners and slot == 3:
                mine[r, c] = owners[i]
    for i, one in enumerate(facts):
        for name, value in one.items():
            labels[mine == i, SLOT[name]] = value
    scene.mine = mine
    scene.reading = [(int(scene.glyphs[i].y * sy / scenes.PATCH), int(scene.glyphs[i].x * sx / scenes.PATCH)) for i in order]
    return labels.reshape(rows * columns, len(LABELS))


PLACES = {"top", "bottom", "left", "right", "middle", "yes"} | set(questions.NUMBERS[1:])


def singular(word):
    word = word.lower().strip(" .,?")
    return word if word in SHAPE_IDS else word[:-1] if word[:-1] in SHAPE_IDS else word[:-2] if word[:-2] in SHAPE_IDS else word


def named(found, words):
    """Which shapes of a scene have every shape and colour among words."""
    words = {singular(w) for w in words}
    shapes, colours = words & set(SHAPE_IDS), words & set(COLOUR_IDS)
    return {i for i, o in enumerate(found.objects) if (not shapes or o.shape in shapes) and (not colours or o.colour in colours)}


def aims(found, kind, question, words):
    """What each word of an answer is about: [(place of the word, picture, rows and columns of its patches)].

    words are the answer's tokens as text. Training tells one head of the decoder to look there.
    """
    asked = question.rstrip("?.").split()
    picture = next((i for i, o in enumerate(questions.ORDINALS[: len(found)]) if o in asked), 0)
    scene, spots = found[picture], []
    plain = [singular(w) for w in words]
    if scene.kind == "text":
        letters = [k for k, w in enumerate(words) if w in CHAR_IDS]
        if len(letters) == len(scene.reading):
            spots = [(k, picture, [at]) for k, at in zip(letters, scene.reading)]
    elif scene.kind in ("chart", "table"):
        letters = [k for k, w in enumerate(words) if w in CHAR_IDS]
        text = "".join(words[k] for k in letters)
        for i, (label, value) in enumerate(scene.rows):
            if text and text in (label, str(value), label + str(value)):
                spots = [(k, picture, np.argwhere(scene.mine == i)) for k in letters]
    elif len(found) > 1 and "picture" in plain:
        i = next((i for i, o in enumerate(questions.ORDINALS) if o in plain), None)
        if i is not None and i < len(found):
            hits = named(found[i], asked)
            spots = [(plain.index(questions.ORDINALS[i]), i, np.argwhere(np.isin(found[i].mine, list(hits))))]
    elif "no" not in plain:
        pairs = {}
        for k in range(len(plain) - 1):
            if plain[k] in COLOUR_IDS and plain[k + 1] in SHAPE_IDS:
                pairs[k] = pairs[k + 1] = named(scene, plain[k : k + 2])
        rest = named(scene, plain)
        for k, w in enumerate(plain):
            if w in SHAPE_IDS or w in COLOUR_IDS or w in PLACES:
                hits = pairs.get(k, rest)
                if kind == "relation":
                    hits = hits | named(scene, asked)
                spots.append((k, picture, np.argwhere(np.isin(scene.mine, list(hits)))))
            elif kind == "where" and k > plain.index("is"):  # "at" or "in", and whether a second word follows
                spots.append((k, picture, np.argwhere(np.isin(scene.mine, list(rest)))))
    return [(k, p, at) for k, p, at in spots if len(at)]


def glyph_owners(scene):
    """Which row of a chart or table each glyph belongs to: its label, then the digits of its value."""
    return [i for i, (label, value) in enumerate(scene.rows) for _ in label + str(value)]


def present(scene):
    """Which shapes and colours a picture of shapes has: [shapes + colours], 0 or 1; -1 for other pictures."""
    if scene.kind != "shapes":
        return np.full(len(scenes.SHAPES) + len(scenes.COLOURS), -1, np.float32)
    return np.array([any(o.shape == s for o in scene.objects) for s in scenes.SHAPES]
                    + [any(o.colour == c for o in scene.objects) for c in scenes.COLOURS], np.float32)


def patch_masks(scene):
    """Which of 8 x 8 cells of each patch are drawn on: [rows * columns, 64], 0 or 1."""
    width, height = scene.size
    columns, rows = grid(width, height)
    drawn = cv2.resize(scene.drawn, (columns * 8, rows * 8), interpolation=cv2.INTER_AREA) > 0.5
    tiles = drawn.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    return tiles.reshape(rows * columns, 64).astype(np.float32)


def branch(tok, rng, turns, system):
    """Tokens and targets of one or two turns; the first turn's [INST] stands before the pictures.

    turns are (question, answer) pairs; of an earlier turn's answer only the text counts, not the loss.
    """
    ids, learn, replies = [], [], []
    for i, (question, answer, counts) in enumerate(turns):
        text = question
        if i:
            ids.append(INST)
            text = (system + "\n\n" if system else "") + question
        prompt = [*tok.encode(text), END_INST] if i or text else [END_INST]
        ids += prompt
        reply = [*tok.encode(answer), EOS]
        learn += [False] * (len(ids) - len(learn)) + [counts] * len(reply)
        replies.append((len(ids), [tok.decode([t]) for t in reply[:-1]]))
        ids += reply
    return ids, learn, replies


def conversations(rng, found, system):
    """Pairs some of the questions into two turns; yields (kinds, turns, system for the last turn)."""
    found = list(found)
    while found:
        kind, question, answer, word = found.pop()
        if system:
            if word:
                yield [kind], [(question, word, True)]
            continue
        if found and rng.random() < 0.12:
            kind2, question2, answer2, _ = found.pop()
            yield [kind, kind2], [(question, answer, True), (question2, answer2, True)]
        else:
            yield [kind], [(question, answer, True)]


def make_scenes(rng, spec, grids):
    """One prompt's pictures, one for each grid of columns and rows."""
    def side(n):
        return 16 * n if rng.random() < 0.5 else rng.randint(max(16 * n - 15, min(40, 16 * n)), 16 * n)

    width, height = map(side, grids[0])
    kind = spec["scene"]
    textured = rng.random() < spec.get("textured", 0.0)
    if kind == "shapes":
        most = spec["most"]
        if most == 1 or rng.random() < spec.get("single", 0.4):
            n = 1
        else:
            n = min(most, rng.choice(spec.get("counts", [2, 2, 2, 3, 3, 4, 5])))
        return [scenes.shapes_scene(rng, width, height, n, textured)]
    if kind == "text":
        return [scenes.text_scene(rng, width, height, spec.get("longest", 8), textured, spec.get("words", scenes.WORDS_SHARE))]
    if kind == "page":
        return [scenes.page_scene(rng, width, height, textured)]
    if kind == "chart":
        return [scenes.chart_scene(rng, width, height, rng.randint(2, 5))]
    if kind == "table":
        return [scenes.table_scene(rng, width, height, rng.randint(2, 5))]
    if kind == "several":
        return [scenes.shapes_scene(rng, side(columns), side(rows), rng.randint(1, 2), textured) for columns, rows in grids]
    raise ValueError(kind)


def length(rng, least, most):
    """A number of patches; small ones are cheaper and come more often."""
    return least + int((most - least + 1) * rng.random() ** 1.7)


def make_batch(tok, seed, spec):
    """One batch as tensors. spec: scene, columns, rows (ranges), branches, batch, kinds and scene options."""
    rng = random.Random(seed)
    grids = [(length(rng, *spec["columns"]), length(rng, *spec["rows"])) for _ in range(spec.get("pictures", 1))]
    system = rng.choice(questions.SYSTEM) if rng.random() < spec.get("system", 0.12) else None
    if spec.get("look"):
        return look_batch(rng, spec, grids)
    count = spec["branches"]
    per_row = sum((columns + 1) * rows for columns, rows in grids) + 20 * count
    batch = max(4, spec["tokens"] // per_row)
    rows_of_ids, pictures, labels, masks, there, kinds = [], [], [], [], [], []
    aim_at, aim_on = [], []  # of some tokens, where to look: (row, token), and tokens of the row
    for _ in range(batch):
        found = make_scenes(rng, spec, grids)
        asked = questions.ask(rng, found, count, spec.get("kinds"))
        prefix, starts = [BOS, INST, *(tok.encode(system + "\n\n") if system else ())], []
        for columns, rows in grids:
            starts.append(len(prefix))
            prefix += picture_tokens(columns, rows)
        labels.append([patch_labels(s) for s in found])
        ids, learn, segment, position = list(prefix), [False] * len(prefix), [0] * len(prefix), list(range(len(prefix)))
        row_kinds = []
        for i, (about, turns) in enumerate(conversations(rng, asked, system)):
            b_ids, b_learn, replies = branch(tok, rng, turns, None)
            for kind, (question, _, _), (begin, words) in zip(about, turns, replies):
                for k, p, at in aims(found, kind, question, words):
                    aim_at.append((len(rows_of_ids), len(ids) + begin + k - 1))
                    aim_on.append([starts[p] + r * (grids[p][0] + 1) + c for r, c in at])
            ids += b_ids
            learn += b_learn
            segment += [i + 1] * len(b_ids)
            position += range(len(prefix), len(prefix) + len(b_ids))
            row_kinds.append("word" if system else "turn2" if len(turns) > 1 else about[0])
        rows_of_ids.append((ids, learn, segment, position))
        kinds.append(row_kinds)
        pictures.append([preprocess(s.image) for s in found])
        masks.append([patch_masks(s) for s in found])
        there.append([present(s) for s in found])
    batch = collate(rows_of_ids, pictures, labels, masks, there, kinds)
    on = np.zeros((len(aim_on), batch["ids"].shape[1]), bool)
    for i, places in enumerate(aim_on):
        on[i, places] = True
    return {**batch, "aim_at": torch.tensor(aim_at, dtype=torch.long).view(-1, 2), "aim_on": torch.from_numpy(on)}


def look_batch(rng, spec, grids):
    """Pictures and what their patches show, without questions."""
    columns, rows = grids[0]
    found = [make_scenes(rng, spec, grids)[0] for _ in range(max(4, spec["tokens"] // (columns * rows)))]
    return {"pictures": [torch.from_numpy(np.stack([preprocess(s.image) for s in found]))],
            "labels": [torch.from_numpy(np.stack([patch_labels(s) for s in found]))],
            "masks": [torch.from_numpy(np.stack([patch_masks(s) for s in found]))],
            "present": [torch.from_numpy(np.stack([present(s) for s in found]))]}


def collate(rows_of_ids, pictures, labels, masks, there, kinds):
    longest = -(-max(len(r[0]) for r in rows_of_ids) // 8) * 8
    shape = (len(rows_of_ids), longest)
    ids, target = np.zeros(shape, np.int64), np.full(shape, IGNORE, np.int64)
    segment, position = np.full(shape, -1, np.int16), np.zeros(shape, np.int64)
    for b, (i, learn, s, p) in enumerate(rows_of_ids):
        n = len(i)
        ids[b, :n], segment[b, :n], position[b, :n] = i, s, p
        following = np.array(i[1:] + [0])
        wanted = np.array(learn[1:] + [False])
        target[b, :n] = np.where(wanted, following, IGNORE)
    slots = range(len(pictures[0]))
    return {
        "ids": torch.from_numpy(ids), "target": torch.from_numpy(target), "segment": torch.from_numpy(segment),
        "position": torch.from_numpy(position), "kinds": kinds,
        "pictures": [torch.from_numpy(np.stack([p[s] for p in pictures])) for s in slots],
        "labels": [torch.from_numpy(np.stack([p[s] for p in labels])) for s in slots],
        "masks": [torch.from_numpy(np.stack([m[s] for m in masks])) for s in slots],
        "present": [torch.from_numpy(np.stack([t[s] for t in there])) for s in slots],
    }


def attention_mask(segment):
    """[batch, 1, tokens, tokens]: the beginning and a token's own branch, never what comes later."""
    tokens = segment.shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    shared = (segment == 0)[:, None, :] | (segment[:, :, None] == segment[:, None, :])
    return (causal & shared)[:, None]
