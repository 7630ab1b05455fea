"""Draws the README's picture: what the model is given, its patches, and where it looks.

    python picture.py --image examples/bars.png --question "Which bar is tallest?" --layer 3 ../../docs/what-the-model-sees.png

The answer is the model's own. A patch is as bright as the attention it gets (a mean over
the heads of a layer) at the position where the answer's last word is picked.
"""

import argparse

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import evaluate
import model as pixtral
import scenes

PAGE, INK, GRID = (255, 255, 255), (40, 40, 40), (150, 150, 150)


def attention(net, ids, pictures, layer):
    """The attention of the last position over the image's patches: [patches]."""
    kept = {}

    def keep(module, args):
        x, cos, sin, mask = args
        batch, tokens, _ = x.shape
        q = module.wq(x).view(batch, tokens, module.heads, -1).transpose(1, 2)
        k = module.wk(x).view(batch, tokens, module.kv_heads, -1).transpose(1, 2).repeat_interleave(module.heads // module.kv_heads, 1)
        q, k = pixtral.rotate(q, cos, sin), pixtral.rotate(k, cos, sin)
        scores = (q[:, :, -1:] @ k.mT).squeeze(2)[0] / module.head_dim**0.5
        kept["weights"] = scores.softmax(-1).mean(0)

    hook = net.layers[layer].attention.register_forward_pre_hook(keep)
    tokens = torch.tensor([ids])
    mask = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()[None, None]
    net(tokens, torch.arange(len(ids))[None], mask, pictures)
    hook.remove()
    return kept["weights"][tokens[0] == pixtral.IMG].numpy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--image", default="examples/bars.png")
    parser.add_argument("--question", default="Which bar is tallest?")
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--zoom", type=int, default=3)
    args = parser.parse_args()
    net, tokenizer = evaluate.load(".")
    item = {"images": [args.image], "question": args.question}
    with torch.no_grad():
        answer = evaluate.answer(net, tokenizer, item, ".")
        encoded = tokenizer.encode_chat_completion(evaluate.request(item, "."))
        words = tokenizer.instruct_tokenizer.tokenizer.encode(answer, bos=False, eos=False)
        pictures = [torch.from_numpy(i).float()[None] for i in encoded.images]
        weights = attention(net, [*encoded.tokens, *words[:-2]], pictures, args.layer)  # before the word and its full stop
    given = Image.open(args.image).convert("RGB")
    given = given.resize((given.width * args.zoom, given.height * args.zoom), Image.LANCZOS)
    rows, columns = pictures[0].shape[2] // 16, pictures[0].shape[3] // 16
    heat = (weights / weights.max()).reshape(rows, columns) ** 0.6
    dark = np.kron(0.12 + 0.88 * heat, np.ones((16, 16)))
    dark = np.asarray(Image.fromarray((dark * 255).astype(np.uint8)).resize(given.size, Image.NEAREST), np.float32)[..., None] / 255
    seen = Image.fromarray((np.asarray(given, np.float32) * dark).astype(np.uint8))
    patches = given.copy()
    draw = ImageDraw.Draw(patches)
    for i in range(1, columns):
        draw.line([i * given.width // columns, 0, i * given.width // columns, given.height], fill=GRID)
    for i in range(1, rows):
        draw.line([0, i * given.height // rows, given.width, i * given.height // rows], fill=GRID)
    word = answer.rstrip(".").split()[-1]
    gap, below = 24, 44
    page = Image.new("RGB", (3 * given.width + 2 * gap, given.height + below), PAGE)
    face, draw = ImageFont.truetype(scenes.font_files()[0], 20), ImageDraw.Draw(page)
    for i, (panel, text) in enumerate([(given, args.question), (patches, f"{rows * columns} patches"), (seen, f"where it looks to write \N{LEFT DOUBLE QUOTATION MARK}{word}\N{RIGHT DOUBLE QUOTATION MARK}")]):
        page.paste(panel, (i * (given.width + gap), 0))
        draw.text((i * (given.width + gap), given.height + 12), text, font=face, fill=INK)
    page.save(args.out, optimize=True)
    print(answer)


if __name__ == "__main__":
    main()
