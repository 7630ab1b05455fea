"""Questions and answers about scenes.

ask(rng, scenes, kinds) returns conversations: lists of (kind, question, answer, word)
where word is the one-word answer used under a system prompt that asks for one.
"""

import random

from scenes import COLOURS, SHAPES

NUMBERS = ["no", "one", "two", "three", "four", "five"]
ORDINALS = ["first", "second", "third"]
SYSTEM = [
    "Answer with one word.",
    "Answer in one word.",
    "One word answers only.",
    "Please answer with a single word.",
    "Reply with one word only.",
]

TEMPLATES = {
    "what": ["What is this?", "What is it?", "What is in the picture?", "What do you see?", "What can you see here?",
             "What is shown?", "What does the picture show?", "What is in this image?"],
    "describe": ["Describe the picture.", "Describe this picture.", "Describe the image.", "Describe what you see.",
                 "Describe this image in one sentence.", "Tell me what is in the picture.", "What is in the picture?",
                 "What do you see?", "What can you see?"],
    "colour": ["What colour is the {s}?", "Which colour is the {s}?", "What is the colour of the {s}?",
               "Tell me the colour of the {s}.", "What colour does the {s} have?", "Name the colour of the {s}."],
    "colour1": ["What colour is this?", "What colour is it?", "Which colour is it?", "What is its colour?",
                "What colour is the shape?", "Name the colour.", "What colour do you see?"],
    "shape1": ["What shape is this?", "Which shape is this?", "What shape is it?", "Name the shape.",
               "What kind of shape is this?", "Which shape do you see?"],
    "shape": ["What shape is {c}?", "Which shape is {c}?", "What is the shape of the {c} thing?", "What is {c}?",
              "Name the {c} shape.", "What shape is the {c} one?"],
    "count": ["How many shapes are there?", "How many shapes do you see?", "Count the shapes.", "How many things are there?",
              "How many shapes are in the picture?", "What is the number of shapes?"],
    "countof": ["How many {n} are there?", "How many {n} do you see?", "Count the {n}.", "How many {n} are in the picture?",
                "What is the number of {n}?"],
    "exists": ["Is there {n}?", "Is there {n} in the picture?", "Do you see {n}?", "Can you see {n}?",
               "Does the picture show {n}?", "Is {n} here?"],
    "ground": ["What colour is the background?", "What colour is the ground?", "Which colour is the background?",
               "What is the colour of the background?"],
    "where": ["Where is the {s}?", "Where is the {s} in the picture?", "In which part is the {s}?", "Where do you see the {s}?"],
    "left": ["What is left of the {n}?", "What is to the left of the {n}?", "Which shape is left of the {n}?"],
    "right": ["What is right of the {n}?", "What is to the right of the {n}?", "Which shape is right of the {n}?"],
    "above": ["What is above the {n}?", "Which shape is above the {n}?", "What is over the {n}?"],
    "below": ["What is below the {n}?", "Which shape is below the {n}?", "What is under the {n}?"],
    "largest": ["Which shape is largest?", "What is the largest shape?", "Which is the biggest shape?", "What is biggest?"],
    "smallest": ["Which shape is smallest?", "What is the smallest shape?", "Which one is the smallest?"],
    "leftmost": ["What is on the left?", "Which shape is on the left?", "What is at the left?"],
    "rightmost": ["What is on the right?", "Which shape is on the right?", "What is at the right?"],
    "top": ["What is at the top?", "Which shape is at the top?", "What is on top?"],
    "bottom": ["What is at the bottom?", "Which shape is at the bottom?", "What is lowest?"],
    "text": ["What does the text say?", "Read the text.", "What is written here?", "What does it say?", "Read the word.",
             "What text is in the picture?", "Which word is this?", "What is the text?", "What is written in the picture?",
             "Read this.", "What is this?"],
    "tallest": ["Which bar is tallest?", "Which is the tallest bar?", "What is the highest bar?", "Which bar is the highest?",
                "Which bar has the largest value?"],
    "shortest": ["Which bar is shortest?", "Which is the shortest bar?", "What is the lowest bar?", "Which bar is the smallest?",
                 "Which bar has the smallest value?"],
    "value": ["What value has {l}?", "What is the value of {l}?", "How much is {l}?", "Which value has {l}?", "Read the value of {l}."],
    "which": ["Which one is {v}?", "What has the value {v}?", "Which one has the value {v}?", "Which letter has {v}?"],
    "bars": ["How many bars are there?", "Count the bars.", "How many bars do you see?"],
    "picture": ["Which picture has {n}?", "Which picture shows {n}?", "In which picture is {n}?", "Where is {n}?",
                "Which image contains {n}?", "Which picture contains {n}?"],
    "nth": ["What is in the {o} picture?", "What does the {o} picture show?", "Describe the {o} picture.",
            "What do you see in the {o} image?"],
    "pictures": ["How many pictures are there?", "How many pictures do you see?", "Count the pictures."],
}


def capital(text):
    return text[0].upper() + text[1:]


def a(name):
    return ("an " if name[0] in "aeio" else "a ") + name


def plural(noun):
    return noun + ("es" if noun.endswith("s") else "s")


def phrase(rng, template, **words):
    """One wording of a question, sometimes careless or polite as people are."""
    text = rng.choice(TEMPLATES[template]).format(**words)
    if text.split()[0] in ("Read", "Describe", "Count", "Name", "Tell") and rng.random() < 0.2:
        text = "Please " + text[0].lower() + text[1:]
    if rng.random() < 0.3:
        text = text.replace("colour", "color")
    if rng.random() < 0.1:
        text = text[:-1]
    if rng.random() < 0.1:
        text = text[0].lower() + text[1:]
    return text


def listing(names):
    names = [a(n) for n in names]
    if len(names) == 1:
        return capital(names[0]) + "."
    return capital(", ".join(names[:-1]) + " and " + names[-1]) + "."


def by_shape(scene, shape):
    return [o for o in scene.objects if o.shape == shape]


def one_of_its_shape(rng, scene):
    """An object whose shape occurs once, or None."""
    single = [o for o in scene.objects if len(by_shape(scene, o.shape)) == 1]
    return rng.choice(single) if single else None


def ask_what(rng, s):
    if len(s.objects) == 1:
        o = s.objects[0]
        return phrase(rng, "what"), capital(a(o.name)) + ".", capital(o.shape)


def ask_describe(rng, s):
    xs = sorted(o.x for o in s.objects)
    if all(q - p >= 10 for p, q in zip(xs, xs[1:])):
        names = [o.name for o in sorted(s.objects, key=lambda o: o.x)]
        word = capital(names[0].split()[1]) if len(names) == 1 else None
        return phrase(rng, "describe"), listing(names), word


def ask_colour(rng, s):
    if len(s.objects) == 1 and rng.random() < 0.5:
        o = s.objects[0]
        return phrase(rng, "colour1"), f"It is {o.colour}.", capital(o.colour)
    if o := one_of_its_shape(rng, s):
        return phrase(rng, "colour", s=o.shape), f"The {o.shape} is {o.colour}.", capital(o.colour)


def ask_shape(rng, s):
    if len(s.objects) == 1 and rng.random() < 0.6:
        o = s.objects[0]
        return phrase(rng, "shape1"), f"It is a {o.shape}.", capital(o.shape)
    single = [o for o in s.objects if sum(p.colour == o.colour for p in s.objects) == 1]
    if single:
        o = rng.choice(single)
        return phrase(rng, "shape", c=o.colour), f"The {o.colour} shape is a {o.shape}.", capital(o.shape)


def ask_count(rng, s):
    n = len(s.objects)
    return phrase(rng, "count"), capital(f"{NUMBERS[n]} shape{'s' * (n > 1)}."), capital(NUMBERS[n])


def ask_countof(rng, s):
    o = rng.choice(s.objects)
    if rng.random() < 0.6:
        n = len(by_shape(s, o.shape))
        return phrase(rng, "countof", n=plural(o.shape)), capital(f"{NUMBERS[n]} {o.shape if n == 1 else plural(o.shape)}."), capital(NUMBERS[n])
    n = sum(p.colour == o.colour for p in s.objects)
    return phrase(rng, "countof", n=f"{o.colour} shapes"), capital(f"{NUMBERS[n]} {o.colour} shape{'s' * (n > 1)}."), capital(NUMBERS[n])


def ask_exists(rng, s):
    if rng.random() < 0.5:
        o = rng.choice(s.objects)
        name = rng.choice([o.shape, o.name])
        return phrase(rng, "exists", n=a(name)), f"Yes, there is {a(name)}.", "Yes"
    shape = rng.choice(SHAPES)
    name = shape
    if rng.random() < 0.5:
        name = rng.choice(list(COLOURS)) + " " + shape
    if any(name in (o.shape, o.name) for o in s.objects):
        return phrase(rng, "exists", n=a(name)), f"Yes, there is {a(name)}.", "Yes"
    return phrase(rng, "exists", n=a(name)), f"No, there is no {name}.", "No"


def ask_refusal(rng, s):
    missing = [t for t in SHAPES if not by_shape(s, t)]
    if not missing:
        return None
    t = rng.choice(missing)
    form = rng.choice(["colour", "colour", "countof", "where", "left", "right", "above", "below"])
    word = "None"
    return phrase(rng, form, s=t, n=plural(t)), f"There is no {t}.", word


def ask_ground(rng, s):
    return phrase(rng, "ground"), f"The background is {s.ground}.", capital(s.ground)


def ask_where(rng, s):
    o = one_of_its_shape(rng, s)
    if not o:
        return None
    w, h = s.size
    u, v = o.x / w, o.y / h
    edges = (0.28, 0.38, 0.62, 0.72)
    if any(edges[0] < p < edges[1] or edges[2] < p < edges[3] for p in (u, v)):
        return None
    row = "top" if v < 0.3 else "bottom" if v > 0.7 else ""
    column = "left" if u < 0.3 else "right" if u > 0.7 else ""
    spot = " ".join(p for p in (row, column) if p)
    answer = f"The {o.shape} is at the {spot}." if spot else f"The {o.shape} is in the middle."
    return phrase(rng, "where", s=o.shape), answer, None


def unique(s, o):
    return sum(p.name == o.name for p in s.objects) == 1


def ask_relation(rng, s):
    """Left of, right of, above, below: asked where at most one shape can be meant."""
    if not 2 <= len(s.objects) <= 3:
        return None
    side = rng.choice(["left", "right", "above", "below"])
    o = rng.choice(s.objects)
    name = o.shape if len(by_shape(s, o.shape)) == 1 else o.name
    if not unique(s, o):
        return None
    sign = 1 if side in ("right", "below") else -1
    gaps = [sign * ((p.x - o.x) if side in ("left", "right") else (p.y - o.y)) for p in s.objects if p is not o]
    others = [p for p in s.objects if p is not o]
    if any(-2 < g < 10 for g in gaps):
        return None
    found = [p for p, g in zip(others, gaps) if g >= 10]
    tail = {"left": "left of", "right": "right of", "above": "above", "below": "below"}[side]
    if not found:
        return phrase(rng, side, n=name), f"Nothing is {tail} the {name}.", "Nothing"
    if len(found) == 1:
        return phrase(rng, side, n=name), capital(a(found[0].name)) + ".", capital(found[0].shape)
    return None


def ask_extreme(rng, s):
    """The leftmost, rightmost, highest or lowest shape."""
    if len(s.objects) < 2:
        return None
    form = rng.choice(["leftmost", "rightmost", "top", "bottom"])
    key = (lambda o: o.x) if form in ("leftmost", "rightmost") else (lambda o: o.y)
    ranked = sorted(s.objects, key=key, reverse=form in ("rightmost", "bottom"))
    if abs(key(ranked[0]) - key(ranked[1])) < 10:
        return None
    return phrase(rng, form), capital(a(ranked[0].name)) + ".", capital(ranked[0].shape)


def ask_size(rng, s):
    if len(s.objects) < 2:
        return None
    form = rng.choice(["largest", "smallest"])
    ranked = sorted(s.objects, key=lambda o: o.r, reverse=form == "largest")
    first, second = ranked[0].r, ranked[1].r
    if max(first, second) / min(first, second) < 1.3:
        return None
    return phrase(rng, form), capital(a(ranked[0].name)) + ".", capital(ranked[0].shape)


def ask_text(rng, s):
    return phrase(rng, "text"), f"It says {s.text}.", s.text


def ask_bar(rng, s):
    form = rng.choice(["tallest", "shortest"])
    ranked = sorted(s.rows, key=lambda r: r[1], reverse=form == "tallest")
    if s.kind == "table" or abs(ranked[0][1] - ranked[1][1]) < 2:
        return None
    return phrase(rng, form), f"Bar {ranked[0][0]}.", ranked[0][0]


def ask_value(rng, s):
    label, value = rng.choice(s.rows)
    if rng.random() < 0.15:
        absent = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in dict(s.rows)]
        label = rng.choice(absent)
        return phrase(rng, "value", l=label), f"There is no {label}.", "None"
    return phrase(rng, "value", l=label), f"{label} is {value}.", str(value)


def ask_which(rng, s):
    label, value = rng.choice(s.rows)
    return phrase(rng, "which", v=value), f"{label} is {value}.", label


def ask_bars(rng, s):
    if s.kind == "chart" and len(s.rows) <= 5:
        return phrase(rng, "bars"), capital(f"{NUMBERS[len(s.rows)]} bars."), capital(NUMBERS[len(s.rows)])


ASKERS = {
    "what": ask_what, "describe": ask_describe, "colour": ask_colour, "shape": ask_shape, "count": ask_count,
    "countof": ask_countof, "exists": ask_exists, "refusal": ask_refusal, "ground": ask_ground, "where": ask_where,
    "relation": ask_relation, "extreme": ask_extreme, "size": ask_size, "text": ask_text, "bar": ask_bar,
    "value": ask_value, "which": ask_which, "bars": ask_bars,
}
SCENE_KINDS = {  # what takes longer to learn is asked more often
    "shapes": ["what", "describe", "describe", *["colour"] * 5, "shape", "shape", "count", "count", "countof", "countof",
               "exists", "exists", "refusal", "refusal", "ground", "where", "where", *["relation"] * 4, "extreme", "extreme", "size", "size"],
    "text": ["text", "text", "text", "ground"],
    "chart": ["bar", "bar", "value", "which", "bars"],
    "table": ["value", "value", "which"],
}


def ask_pictures(rng, scenes):
    """A question about several pictures of shapes."""
    form = rng.choice(["picture", "picture", "nth", "nth", "pictures"])
    if form == "pictures":
        return "several", phrase(rng, form), capital(f"{NUMBERS[len(scenes)]} pictures."), capital(NUMBERS[len(scenes)])
    if form == "nth":
        i = rng.randrange(len(scenes))
        xs = sorted(o.x for o in scenes[i].objects)
        if any(q - p < 10 for p, q in zip(xs, xs[1:])):
            return None
        names = [o.name for o in sorted(scenes[i].objects, key=lambda o: o.x)]
        return "several", phrase(rng, form, o=ORDINALS[i]), listing(names), None
    o = rng.choice(rng.choice(scenes).objects)
    name = rng.choice([o.shape, o.name])
    if rng.random() < 0.15:
        name = rng.choice(SHAPES)
    hits = [i for i, s in enumerate(scenes) if any(name in (p.shape, p.name) for p in s.objects)]
    if not hits:
        return "several", phrase(rng, form, n=a(name)), f"There is no {name}.", "None"
    if len(hits) == 1:
        return "several", phrase(rng, form, n=a(name)), f"The {ORDINALS[hits[0]]} picture.", capital(ORDINALS[hits[0]])
    return None


def ask(rng, scenes, count, kinds=None, tries=4):
    """Up to `count` different questions about the scenes: [(kind, question, answer, word)]."""
    found, seen = [], set()
    for _ in range(count * tries):
        if len(found) == count:
            break
        if len(scenes) > 1:
            item = ask_pictures(rng, scenes)
        else:
            allowed = [k for k in SCENE_KINDS[scenes[0].kind] if kinds is None or k in kinds]
            kind = rng.choice(allowed)
            item = ASKERS[kind](rng, scenes[0])
            item = item and (kind, *item)
        if item and (item[0], item[2]) not in seen:
            seen.add((item[0], item[2]))
            found.append(item)
    return found
