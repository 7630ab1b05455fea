"""Answers the held-out items with the files as they stand and prints accuracy by kind.

    python evaluate.py --items testdata/items.jsonl --model .

Tokens and pixels come from mistral-common itself, and decoding is greedy, so that this
also checks that the official tokenizer reads tekken.json.
"""

import argparse
import collections
import json
import os

import torch
from mistral_common.protocol.instruct.chunk import ImageChunk, TextChunk
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from PIL import Image
from safetensors.torch import load_file

from model import Pixtral

EOS = 2


def load(folder):
    with open(os.path.join(folder, "params.json")) as file:
        model = Pixtral(json.load(file))
    weights = load_file(os.path.join(folder, "consolidated.safetensors"))
    model.load_state_dict({k: v.float() for k, v in weights.items()})
    return model.eval(), MistralTokenizer.from_file(os.path.join(folder, "tekken.json"))


def request(item, folder):
    pictures = [ImageChunk(image=Image.open(os.path.join(folder, name))) for name in item["images"]]
    messages = [SystemMessage(content=item["system"])] if "system" in item else []
    question = item["question"]
    if "history" in item:
        first, reply = item["history"]
        messages += [UserMessage(content=[*pictures, TextChunk(text=first)]), AssistantMessage(content=reply)]
        messages.append(UserMessage(content=question))
    else:
        messages.append(UserMessage(content=[*pictures, TextChunk(text=question)]))
    return ChatCompletionRequest(messages=messages)


@torch.no_grad()
def answer(model, tokenizer, item, folder, longest=48):
    encoded = tokenizer.encode_chat_completion(request(item, folder))
    pictures = [torch.from_numpy(i).float()[None] for i in encoded.images]
    ids = list(encoded.tokens)
    start = len(ids)
    seen = [model.vision_encoder(p) for p in pictures]  # once, not for every token
    while len(ids) - start < longest:
        tokens = torch.tensor([ids])
        mask = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()[None, None]
        keep = torch.zeros_like(tokens, dtype=torch.bool)
        keep[0, -1] = True
        logits = model.decode(tokens, torch.arange(len(ids))[None], mask, seen, keep)
        ids.append(int(logits[0].argmax()))
        if ids[-1] == EOS:
            break
    return tokenizer.decode([i for i in ids[start:] if i != EOS])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", default="testdata/items.jsonl")
    parser.add_argument("--model", default=".")
    parser.add_argument("--wrong", action="store_true", help="print the wrong answers")
    args = parser.parse_args()
    model, tokenizer = load(args.model)
    right, asked = collections.Counter(), collections.Counter()
    with open(args.items) as file:
        items = [json.loads(line) for line in file]
    for item in items:
        got = answer(model, tokenizer, item, os.path.dirname(args.items))
        asked[item["kind"]] += 1
        right[item["kind"]] += got == item["answer"]
        if args.wrong and got != item["answer"]:
            print(item["id"], item["question"], "| wanted", item["answer"], "| got", got)
    for kind in asked:
        print(f"{kind:12s} {right[kind]:3d}/{asked[kind]:3d}  {100 * right[kind] / asked[kind]:5.1f} %")
    print(f"{'all':12s} {sum(right.values()):3d}/{sum(asked.values()):3d}  {100 * sum(right.values()) / sum(asked.values()):5.1f} %")


if __name__ == "__main__":
    main()
