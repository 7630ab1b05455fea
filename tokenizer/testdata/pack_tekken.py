"""Packs a released tekken.json for the tests: 9 MB become half a megabyte.

    python pack_tekken.py path/to/tekken.json tekken_full.bz2

The result is the file without its vocabulary as one line of JSON, then for each
entry a byte with its length and its bytes, all compressed by bzip2. The
vocabulary is Mistral AI's, released under Apache-2.0 with Pixtral-12B-2409.
"""

import base64
import bz2
import json
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    tekken = json.load(f)
entries = [base64.b64decode(e["token_bytes"]) for e in tekken.pop("vocab")]
packed = json.dumps(tekken).encode() + b"\n" + b"".join(bytes([len(e)]) + e for e in entries)
with open(sys.argv[2], "wb") as f:
    f.write(bz2.compress(packed, 9))
