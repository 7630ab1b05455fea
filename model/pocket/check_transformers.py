"""Loads the very same files into transformers' Llava/Pixtral and compares greedy answers.

    pip install transformers==5.23.0
    python check_transformers.py --items testdata/items.jsonl --count 100

transformers wants half-split query and key rows and its own names; both are changed in
memory here. Tokens and pixels come from mistral-common.
"""

import argparse
import json
import os
import re

import torch
from safetensors.torch import load_file
from transformers import LlavaConfig, LlavaForConditionalGeneration, MistralConfig, PixtralVisionConfig

import evaluate

NAMES = [
    (r"^tok_embeddings", "model.language_model.embed_tokens"), (r"^output\.", "lm_head."),
    (r"^norm\.", "model.language_model.norm."), (r"^layers\.", "model.language_model.layers."),
    (r"^vision_encoder\.", "model.vision_tower."),
    (r"^vision_language_adapter\.w_in", "model.multi_modal_projector.linear_1"),
    (r"^vision_language_adapter\.w_out", "model.multi_modal_projector.linear_2"),
]
TEXT = [("attention.w", "self_attn."), ("attention_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm"),
        ("feed_forward.w1", "mlp.gate_proj"), ("feed_forward.w2", "mlp.down_proj"), ("feed_forward.w3", "mlp.up_proj")]
EYE = [("attention.w", "attention."), ("feed_forward.w1", "feed_forward.gate_proj"),
       ("feed_forward.w2", "feed_forward.down_proj"), ("feed_forward.w3", "feed_forward.up_proj")]


def config(p):
    v = p["vision_encoder"]
    text = MistralConfig(
        hidden_size=p["dim"], num_hidden_layers=p["n_layers"], head_dim=p["head_dim"], intermediate_size=p["hidden_dim"],
        num_attention_heads=p["n_heads"], num_key_value_heads=p["n_kv_heads"], rms_norm_eps=p["norm_eps"],
        vocab_size=p["vocab_size"], sliding_window=None, tie_word_embeddings=False, max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": p["rope_theta"]}, bos_token_id=1, eos_token_id=2, pad_token_id=11)
    eye = PixtralVisionConfig(
        hidden_size=v["hidden_size"], num_hidden_layers=v["num_hidden_layers"], num_attention_heads=v["num_attention_heads"],
        head_dim=v["hidden_size"] // v["num_attention_heads"], intermediate_size=v["intermediate_size"],
        image_size=v["image_size"], patch_size=v["patch_size"], hidden_act="silu",
        rope_parameters={"rope_type": "default", "rope_theta": v["rope_theta"]})
    return LlavaConfig(text_config=text, vision_config=eye, image_token_index=v["image_token_id"], projector_hidden_act="gelu",
                       vision_feature_layer=-1, vision_feature_select_strategy="full", multimodal_projector_bias=True,
                       tie_word_embeddings=False)


def half_split(weight, head_dim):
    """Rows of each head from adjacent pairs to halves."""
    rows, columns = weight.shape
    return weight.view(rows // head_dim, head_dim // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def rename(tensors, p):
    renamed = {}
    for name, weight in tensors.items():
        eye = name.startswith("vision_encoder")
        if name.endswith(("wq.weight", "wk.weight")):
            v = p["vision_encoder"]
            weight = half_split(weight, v["hidden_size"] // v["num_attention_heads"] if eye else p["head_dim"])
        for pattern, new in NAMES:
            if re.search(pattern, name):
                name = re.sub(pattern, new, name)
                break
        for old, new in EYE if eye else TEXT:
            name = name.replace(old, new)
        name = re.sub(r"((?:self_attn|attention)\.[qkvo])\.weight", r"\1_proj.weight", name)
        renamed[name] = weight.float()
    return renamed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", default="testdata/items.jsonl")
    parser.add_argument("--model", default=".")
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    ours, tokenizer = evaluate.load(args.model)
    with open(os.path.join(args.model, "params.json")) as file:
        p = json.load(file)
    theirs = LlavaForConditionalGeneration(config(p)).float().eval()
    weights = rename(load_file(os.path.join(args.model, "consolidated.safetensors")), p)
    missing, extra = theirs.load_state_dict(weights, strict=False)
    if extra or [m for m in missing if "inv_freq" not in m]:
        raise SystemExit(f"names do not match: missing {missing}, extra {extra}")
    with open(args.items) as file:
        items = [json.loads(line) for line in file]
    items = items[:: max(1, len(items) // args.count)][: args.count]
    folder, same = os.path.dirname(args.items), 0
    for item in items:
        encoded = tokenizer.encode_chat_completion(evaluate.request(item, folder))
        tokens = torch.tensor([encoded.tokens])
        sizes = torch.tensor([i.shape[1:] for i in encoded.images])
        high, wide = sizes.max(0).values.tolist()
        pixels = torch.zeros(len(encoded.images), 3, high, wide)
        for i, image in enumerate(encoded.images):
            pixels[i, :, : image.shape[1], : image.shape[2]] = torch.from_numpy(image)
        with torch.no_grad():
            out = theirs.generate(input_ids=tokens, attention_mask=torch.ones_like(tokens), pixel_values=pixels,
                                  image_sizes=sizes, max_new_tokens=48, do_sample=False)
        got = tokenizer.decode([i for i in out[0, tokens.shape[1] :].tolist() if i != evaluate.EOS])
        want = evaluate.answer(ours, tokenizer, item, folder)
        same += got == want
        if got != want:
            print(item["id"], "| here", want, "| transformers", got)
    print(f"{same} of {len(items)} answers are the same")


if __name__ == "__main__":
    main()
