"""Cuts a small vocabulary for the tests out of a released tekken.json.

    python cut_tekken.py tekken.json tekken_cut.json

The first ranks of a byte-level BPE are a byte-level BPE of their own. The
result has 32 special tokens instead of 1,000, so that a test which passes with
both files depends on neither number. The vocabulary is Mistral AI's, released
under Apache-2.0 with Mistral-Nemo and Pixtral-12B.
"""

import json
import sys

ENTRIES = 4000
SPECIAL = 32

with open(sys.argv[1], encoding="utf-8") as f:
    tekken = json.load(f)
tekken["config"] |= {
    "num_vocab_tokens": ENTRIES,
    "default_vocab_size": ENTRIES + SPECIAL,
    "default_num_special_tokens": SPECIAL,
}
# token_str repeats token_bytes for the human reader.
tekken["vocab"] = [e | {"token_str": None} for e in tekken["vocab"][:ENTRIES]]
with open(sys.argv[2], "w", encoding="utf-8") as f:
    head = {k: v for k, v in tekken.items() if k != "vocab"}
    f.write(json.dumps(head, indent=1)[:-2] + ',\n "vocab": [\n')
    f.write(",\n".join(json.dumps(e, separators=(",", ":")) for e in tekken["vocab"]))
    f.write("\n]}\n")
