"""Makes fixture.safetensors with the official library.

    pip install safetensors==0.8.0 torch numpy
    python model/safetensors/testdata/make_fixture.py
"""
import pathlib

import torch
from safetensors.torch import save_file

values = torch.tensor([[0.0, 1.0, -2.5], [65504.0, 2.0**-24, float("inf")]])  # all exact in f16
save_file(
    {
        "f32": values,
        "f16": values.half(),
        "bf16": torch.tensor([1.0, -3.0, 2.0**127, 0.15625], dtype=torch.bfloat16),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(3, 0),
        "i64": torch.tensor([-1, 2**40]),
        "bool": torch.tensor([True, False, True]),
        "layers.0.\u00e9\u4e16": torch.arange(5, dtype=torch.uint8),
    },
    pathlib.Path(__file__).parent / "fixture.safetensors",
    metadata={"format": "pt", "note": "line\nbreak"},
)
