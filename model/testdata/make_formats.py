"""Makes formats/: the same small models as Hugging Face and llama.cpp have them.

formats/hf_old   hf_a in float16, as transformers itself saves it: several shards
                 with an index, the names of old, rope_parameters in the config
formats/hf_new   the same in one file, with the names since transformers 4.52 and
                 a config as of before transformers 5, defaults left out
formats/gguf     the same as text and mmproj, written by the package gguf
formats/llama    a LlamaForCausalLM with tied embeddings, saved by transformers,
                 its greedy continuation, and the same as GGUF
formats/llama3   the same model with Llama 3.1's frequencies, and as GGUF split
                 into files of a few tensors

Run after make_hf_golden.py: python make_formats.py
"""

import json
import pathlib
import shutil

import gguf
import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

import make_hf_golden as golden
import reference

ROOT = pathlib.Path(__file__).parent / "formats"
SHARD = "100KB"
LLAMA_SEED = 1

# Mistral's name to GGUF's, in order; spec section 2.1.
TEXT = [
    ("tok_embeddings", "token_embd"), ("layers.", "blk."), ("attention_norm", "attn_norm"),
    ("attention.wq", "attn_q"), ("attention.wk", "attn_k"), ("attention.wv", "attn_v"), ("attention.wo", "attn_output"),
    ("feed_forward.w1", "ffn_gate"), ("feed_forward.w2", "ffn_down"), ("feed_forward.w3", "ffn_up"),
]
VISION = [
    ("vision_encoder.patch_conv", "v.patch_embd"), ("vision_encoder.ln_pre", "v.pre_ln"),
    ("vision_encoder.transformer.layers.", "v.blk."), ("attention_norm", "ln1"), ("ffn_norm", "ln2"),
    ("attention.wq", "attn_q"), ("attention.wk", "attn_k"), ("attention.wv", "attn_v"), ("attention.wo", "attn_out"),
    ("feed_forward.w1", "ffn_gate"), ("feed_forward.w2", "ffn_down"), ("feed_forward.w3", "ffn_up"),
    ("vision_language_adapter.w_in", "mm.1"), ("vision_language_adapter.w_out", "mm.2"),
]


def renamed(name, table):
    for ours, theirs in table:
        name = name.replace(ours, theirs)
    return "output_norm.weight" if name == "norm.weight" else name


def fresh(name):
    directory = ROOT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def hf_old(model):
    directory = fresh("hf_old")
    model.save_pretrained(directory, max_shard_size=SHARD)
    (directory / "generation_config.json").unlink()


def hf_new(params):
    """Renames what transformers wrote; the config says only what is not a default."""
    directory = fresh("hf_new")
    weights = {}
    for shard in sorted((ROOT / "hf_old").glob("*.safetensors")):
        for name, value in load_file(shard).items():
            for old, new in [("language_model.lm_head", "lm_head"), ("language_model.model", "model.language_model"),
                             ("vision_tower", "model.vision_tower"), ("multi_modal_projector", "model.multi_modal_projector")]:
                if name.startswith(old):
                    name = name.replace(old, new, 1)
                    break
            weights[name] = value
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    v = params["vision_encoder"]
    config = {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "torch_dtype": "float16",
        "ignore_index": -100, "image_seq_length": 1, "image_token_index": 10, "projector_hidden_act": "gelu",
        "vision_feature_layer": -1, "vision_feature_select_strategy": "full",
        "text_config": {
            "model_type": "mistral", "is_composition": True, "hidden_size": params["dim"], "head_dim": params["head_dim"],
            "intermediate_size": params["hidden_dim"], "num_hidden_layers": params["n_layers"],
            "num_attention_heads": params["n_heads"], "num_key_value_heads": params["n_kv_heads"],
            "rms_norm_eps": params["norm_eps"], "rope_theta": params["rope_theta"], "sliding_window": None,
            "max_position_embeddings": 1024, "vocab_size": params["vocab_size"],
        },
        "vision_config": {
            "model_type": "pixtral", "is_composition": True, "hidden_act": "silu", "hidden_size": v["hidden_size"],
            "head_dim": v["hidden_size"] // v["num_attention_heads"], "image_size": v["image_size"],
            "intermediate_size": v["intermediate_size"], "num_attention_heads": v["num_attention_heads"],
            "num_hidden_layers": v["num_hidden_layers"], "rope_theta": v["rope_theta"],
        },
    }
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def add_tensors(writer, weights, table):
    """Matrices keep their type, vectors become float32, as llama.cpp's converter has it."""
    for name, value in weights.items():
        writer.add_tensor(renamed(name, table), value if value.ndim > 1 else value.astype(np.float32))


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_text(path, params, weights, **split):
    w = gguf.GGUFWriter(path, "llama", **split)
    w.add_type(gguf.GGUFType.MODEL)
    w.add_name(path.stem)
    w.add_block_count(params["n_layers"])
    w.add_context_length(1024)
    w.add_embedding_length(params["dim"])
    w.add_feed_forward_length(params["hidden_dim"])
    w.add_head_count(params["n_heads"])
    w.add_head_count_kv(params["n_kv_heads"])
    w.add_key_length(params["head_dim"])
    w.add_value_length(params["head_dim"])
    w.add_layer_norm_rms_eps(params["norm_eps"])
    w.add_rope_freq_base(params["rope_theta"])
    w.add_rope_dimension_count(params["head_dim"])
    w.add_vocab_size(params["vocab_size"])
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_tensors(w, weights, TEXT)
    finish(w)


def gguf_mmproj(path, params, weights, img_break):
    v = params["vision_encoder"]
    w = gguf.GGUFWriter(path, "clip")
    w.add_type(gguf.GGUFType.MMPROJ)
    w.add_name(path.stem)
    w.add_clip_has_vision_encoder(True)
    w.add_clip_projector_type("pixtral")
    w.add_vision_projection_dim(params["dim"])
    w.add_vision_image_size(v["image_size"])
    w.add_vision_patch_size(v["patch_size"])
    w.add_vision_embedding_length(v["hidden_size"])
    w.add_vision_feed_forward_length(v["intermediate_size"])
    w.add_vision_block_count(v["num_hidden_layers"])
    w.add_vision_head_count(v["num_attention_heads"])
    w.add_vision_attention_layernorm_eps(1e-5)
    w.add_vision_image_mean(golden.CLIP_MEAN.tolist())
    w.add_vision_image_std(golden.CLIP_STD.tolist())
    w.add_vision_use_silu(True)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_tensors(w, weights, VISION)
    w.add_tensor("v.token_embd.img_break", img_break.astype(np.float32))
    finish(w)


def pixtral():
    params = golden.PARAMS["hf_a"]
    model = golden.build(params, golden.SEEDS["hf_a"]).half()
    hf_old(model)
    hf_new(params)
    weights = golden.native(model, params)
    directory = fresh("gguf")
    images = {n: v for n, v in weights.items() if n.startswith("vision_")}
    gguf_text(directory / "tiny-f16.gguf", params, {n: v for n, v in weights.items() if n not in images})
    gguf_mmproj(directory / "mmproj-tiny-f16.gguf", params, images, weights["tok_embeddings.weight"][12])


def llama(name="llama", seed=LLAMA_SEED, prompt=(1, 40, 21, 66, 9, 33, 58), scaling=None, **split):
    """Three heads share one key; the seed is the first of a lively continuation."""
    params = {"dim": 72, "n_layers": 2, "head_dim": 24, "hidden_dim": 40, "n_heads": 3, "n_kv_heads": 1,
              "norm_eps": 1e-6, "rope_theta": 10000.0, "vocab_size": 72}
    model = LlamaForCausalLM(LlamaConfig(
        hidden_size=params["dim"], num_hidden_layers=params["n_layers"], intermediate_size=params["hidden_dim"],
        num_attention_heads=params["n_heads"], num_key_value_heads=params["n_kv_heads"],
        vocab_size=params["vocab_size"], tie_word_embeddings=True, max_position_embeddings=512,
        attn_implementation="eager", **({"rope_parameters": scaling} if scaling else {}))).half()
    model.model.rotary_emb = LlamaRotaryEmbedding(model.config)  # in float32: half() rounded its frequencies
    weights = {}
    if scaling:  # as convert_hf_to_gguf.py has it: transformers' frequencies, the plain ones by its own
        plain = 1 / params["rope_theta"] ** (torch.arange(0, params["head_dim"], 2) / params["head_dim"])
        weights["rope_freqs.weight"] = (plain / model.model.rotary_emb.inv_freq).numpy().astype(np.float32)
    for i, (tensor, p) in enumerate(sorted(model.named_parameters())):
        u = reference.uniform(seed * 1000 + i, p.numel()).reshape(p.shape) * np.sqrt(3)
        boost = 2 if tensor.endswith(("q_proj.weight", "k_proj.weight", "o_proj.weight", "down_proj.weight")) else 1
        u = 1 + 0.1 * u if p.ndim == 1 else boost * u / np.sqrt(p.shape[1])
        p.data = torch.tensor(u, dtype=torch.float16)
        value = p.data.numpy()
        for kind, heads in ("q", params["n_heads"]), ("k", params["n_kv_heads"]):
            if f"{kind}_proj" in tensor:
                value = golden.interleave(value, heads)
        tensor = tensor.removeprefix("model.")
        for hf, ours in golden.NAMES:
            tensor = tensor.replace(hf, ours)
        weights[tensor] = np.ascontiguousarray(value)
    directory = fresh(name)
    model.save_pretrained(directory)
    (directory / "generation_config.json").unlink()
    prompt = list(prompt)
    ids, gap = golden.greedy(model.float(), prompt, [])
    assert gap > golden.GAP and len(set(ids)) > 8, (gap, ids)
    (directory / "golden.json").write_text(json.dumps({"prompt": prompt, "greedy": ids, "min_gap": gap}) + "\n")
    gguf_text(fresh(name + "_gguf") / "tied-f16.gguf", params, weights, **split)


def llama3():
    """A prompt so long that the scaled frequencies matter: far beyond the old context."""
    prompt = [1] + [5 + i * i % 67 for i in range(90)]
    llama("llama3", 6, prompt, {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                                "high_freq_factor": 4.0, "original_max_position_embeddings": 16}, split_max_tensors=8)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pixtral()
    llama()
    llama3()
