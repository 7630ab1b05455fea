"""Writes tekken.json: a small vocabulary in the official schema.

Ids 0..31 are special tokens, 32..287 the bytes 0..255, then merges in rank order.
The merges are byte-pair encoding over the words of questions.py and EXTRA, until
each is one token. Words in capitals are left as letters: the model spells what it reads.

    python make_tokenizer.py tekken.json
"""

import base64
import collections
import json
import random
import sys

import regex

import questions
import scenes

PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = 32
VOCAB = 936
NAMES = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
         "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"]
EXTRA = """ please and or photo sentence object objects figure colored coloured contain contains any only next between near
 far side corner middle centre center both neither none nothing same different bigger smaller larger taller shorter chart
 graph table row column number numbers letter letters word words digit digits big small small long short that these those
 they them are was has have can could would you me give say says said about another other first second third last many
 much more less than least most all every each with without inside outside over under between top bottom left right up
 down high low tall yes no not maybe why who when where which answer reply label value values total sum picture pictures
 image images shape shapes thing things background ground foreground""".split()


def corpus():
    """Word counts of the questions and answers about scenes of every kind."""
    rng = random.Random(0)
    counts = collections.Counter()
    for _ in range(6000):
        pick = rng.random()
        if pick < 0.5:
            found = [scenes.shapes_scene(rng, 64, 64, rng.randint(1, 5))]
        elif pick < 0.7:
            found = [scenes.shapes_scene(rng, 48, 48, 1) for _ in range(rng.randint(2, 3))]
        elif pick < 0.8:
            found = [scenes.text_scene(rng, 64, 32)]
        elif pick < 0.9:
            found = [scenes.chart_scene(rng, 96, 96, rng.randint(2, 5))]
        else:
            found = [scenes.table_scene(rng, 64, 80, 3)]
        for _, question, answer, word in questions.ask(rng, found, 6):
            for text in (question, answer, word or ""):
                counts.update(regex.findall(PATTERN, text))
    for word in EXTRA + list(scenes.COLOURS) + [questions.plural(s) for s in scenes.SHAPES]:
        counts.update([word, " " + word])
    for text in questions.SYSTEM:
        counts.update(regex.findall(PATTERN, text + "\n\n"))
    for word in list(counts):
        if regex.fullmatch(r" ?\p{Lu}+", word):
            del counts[word]
    return counts


def merges(counts, room):
    """Byte-pair encoding: the most frequent pair first, ties by its bytes."""
    words = {w.encode(): [bytes([b]) for b in w.encode()] for w in counts}
    weight = {w.encode(): max(n, 3) for w, n in counts.items()}
    found = []
    while len(found) < room:
        pairs = collections.Counter()
        for word, parts in words.items():
            for left, right in zip(parts, parts[1:]):
                if left == b" " and right.isupper():
                    continue
                pairs[left + right, left, right] += weight[word]
        if not pairs:
            break
        token, left, right = min(pairs, key=lambda p: (-pairs[p], p))
        found.append(token)
        for parts in words.values():
            i = 0
            while i < len(parts) - 1:
                if parts[i] == left and parts[i + 1] == right:
                    parts[i : i + 2] = [token]
                i += 1
    unfinished = [w for w, parts in words.items() if len(parts) > 1]
    return list(dict.fromkeys(found)), unfinished


def main(path):
    found, unfinished = merges(corpus(), VOCAB - SPECIAL - 256)
    tokens = [bytes([b]) for b in range(256)] + found
    vocab = []
    for rank, token in enumerate(tokens):
        try:
            text = token.decode()
        except UnicodeDecodeError:
            text = None
        vocab.append({"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": text})
    data = {
        "config": {"pattern": PATTERN, "num_vocab_tokens": len(vocab), "default_vocab_size": len(vocab) + SPECIAL,
                   "default_num_special_tokens": SPECIAL, "version": "v3"},
        "vocab": vocab,
        "special_tokens": [{"rank": i, "token_str": NAMES[i] if i < len(NAMES) else f"<SPECIAL_{i}>", "is_control": True}
                           for i in range(SPECIAL)],
        "multimodal": {"image_patch_size": scenes.PATCH, "max_image_size": scenes.MAX_SIDE},
        "version": 1,
        "type": "Tekken",
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=True, indent=1)
        file.write("\n")
    print(len(tokens) + SPECIAL, "ids;", len(unfinished), "words of several tokens:", unfinished[:40])


if __name__ == "__main__":
    main(sys.argv[1])
