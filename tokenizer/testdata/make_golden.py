"""Records what mistral-common makes of texts, tokens and conversations.

    pip install mistral-common==1.11.7 opencv-python-headless
    python make_golden.py path/to/tekken.json golden.json

golden_test.go replays the result. golden_full.json is from Pixtral's own
vocabulary (mistralai/Pixtral-12B-2409, tekken.json), golden_cut.json from
tekken_cut.json. Version 1.11.7 is the one that was followed; the encoding of
Pixtral ("v3") must not change in later ones.
"""

import importlib.metadata
import json
import random
import sys

from pydantic import ValidationError

from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.fim.request import FIMRequest
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy
from mistral_common.tokens.tokenizers.image import image_from_chunk
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from golden_cases import CHATS, FIM, TEXTS


def texts():
    """The texts by hand, and random ones of characters that border each other."""
    rng = random.Random(20240911)
    alphabet = (
        "aB1 \n\r\t/.,'\"-_{}()é\u00df\u0130\u01c5\u02b0\u0301\u0903ªº²½٣Ⅷ一あのアーガ한กำא\u05d0\u0627\u064e"
        "\u0085\u00a0\u2028\u3000\u200b\u200d\ufeff☺😀👩🇫🇷\U0001d400\U0001d41a\U00016b7c\u0000\u007f€£+=$"
    )
    made = ["".join(rng.choices(alphabet, k=rng.randint(2, 24))) for _ in range(100)]
    spaces = ["".join(rng.choices(" \n\r\t\u0085ab/.A", k=rng.randint(2, 12))) for _ in range(30)]
    return TEXTS + made + spaces


def decodings(tekken, encoded):
    """Tokens cut and mixed at random, so that characters are torn apart."""
    rng = random.Random(6)
    specials = tekken.num_special_tokens
    for _ in range(80):
        ids = list(rng.choice(encoded))
        lo = rng.randint(0, len(ids))
        ids = ids[lo : lo + rng.randint(0, 12)]
        for _ in range(rng.randint(0, 3)):
            ids.insert(rng.randint(0, len(ids)), rng.randrange(specials if rng.random() < 0.5 else 20))
        for _ in range(rng.randint(0, 5)):
            ids.insert(rng.randint(0, len(ids)), specials + rng.randint(0x80, 0xFF))
        yield {
            "ids": ids,
            "ignore": tekken.decode(ids, SpecialTokenPolicy.IGNORE),
            "keep": tekken.decode(ids, SpecialTokenPolicy.KEEP),
        }


def grids(tokenizer, request):
    """The size of each image, in image tokens."""
    for message in request.messages:
        if isinstance(message.content, list):
            for chunk in message.content:
                if chunk.type in ("image", "image_url"):
                    encoder = tokenizer.instruct_tokenizer.image_encoder
                    yield encoder._image_to_num_tokens(image_from_chunk(chunk))


def chat(tokenizer, name, mode, body):
    """One conversation: its tokens, or the exception and its message."""
    case = {"name": name, "mode": mode, "request": body}
    try:
        request = ChatCompletionRequest.model_validate(body)
        case["ids"] = tokenizer.encode_chat_completion(request).tokens
        case["grids"] = list(grids(tokenizer, request))
    except ValidationError as e:  # raised while the messages are made
        case["error"] = {"kind": "ValueError", "message": e.errors()[0]["msg"].removeprefix("Value error, ")}
    except MistralCommonException as e:
        case["error"] = {"kind": type(e).__name__, "message": e.message}
    return case


def main(path, out):
    tokenizers = {m: MistralTokenizer.from_file(path, mode=ValidationMode(m)) for m in ("serving", "test")}
    instruct = tokenizers["test"].instruct_tokenizer
    tekken = instruct.tokenizer
    encoded = [tekken.encode(t, bos=False, eos=False) for t in texts()]
    golden = {
        "mistral_common": importlib.metadata.version("mistral-common"),
        "texts": [{"text": t, "ids": ids} for t, ids in zip(texts(), encoded)],
        "decodings": list(decodings(tekken, encoded)),
        "chats": [chat(tokenizers[mode], name, mode, body) for name, mode, body in CHATS],
        "fim": [
            {"prompt": p, "suffix": s, "ids": instruct.encode_fim(FIMRequest(prompt=p, suffix=s)).tokens}
            for p, s in FIM
        ],
    }
    with open(out, "w", encoding="utf-8") as f:
        f.write("{\n")
        for i, (key, value) in enumerate(golden.items()):
            f.write(",\n" if i else "")
            if isinstance(value, str):
                f.write(f"{json.dumps(key)}: {json.dumps(value)}")
                continue
            lines = ",\n".join(json.dumps(v, ensure_ascii=True, separators=(",", ":")) for v in value)
            f.write(f"{json.dumps(key)}: [\n{lines}\n]")
        f.write("\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
