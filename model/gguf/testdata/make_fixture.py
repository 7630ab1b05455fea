"""Writes fixture.gguf with the Python package gguf (0.19.0), and reads
written.gguf, which the test writes, with its GGUFReader into written.json.

    go test ./model/gguf -update && cd model/gguf/testdata && python make_fixture.py
"""
import hashlib
import json

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader, GGUFValueType as V
from gguf import GGUFWriter

w = GGUFWriter("fixture.gguf", "llama")
for kind, value in [
    (V.UINT8, 255), (V.INT8, -128), (V.UINT16, 65535), (V.INT16, -32768), (V.UINT32, 4294967295),
    (V.INT32, -2147483648), (V.FLOAT32, 1e-5), (V.BOOL, True), (V.UINT64, 2**64 - 1), (V.INT64, -(2**63)),
    (V.FLOAT64, 0.1), (V.STRING, "tekken Ġ 世界"),
]:
    w.add_key_value("test." + kind.name.lower(), value, kind)
w.add_key_value("test.empty", "", V.STRING)
w.add_key_value("test.strings", ["<unk>", "", "Ġthe"], V.ARRAY, V.STRING)
w.add_key_value("test.int32s", [1, 3, -1], V.ARRAY, V.INT32)
w.add_key_value("test.uint64s", [2**63 - 1, 0], V.ARRAY, V.UINT64)
w.add_key_value("test.floats", [0.5, -0.25], V.ARRAY, V.FLOAT32)
w.add_key_value("test.bools", [True, False], V.ARRAY, V.BOOL)
ramp = np.arange(24, dtype=np.float32)
w.add_tensor("f32", ramp[:3])
w.add_tensor("f16", ramp.astype(np.float16).reshape(4, 6))
w.add_tensor("conv", ramp.reshape(2, 3, 2, 2))
w.add_tensor("q8_0", (np.arange(3 * 68) % 251).astype(np.uint8).reshape(3, 68), raw_dtype=T.Q8_0)
w.add_tensor("q6_k", (np.arange(2 * 210) % 251).astype(np.uint8).reshape(2, 210), raw_dtype=T.Q6_K)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()


def plain(x):
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x.item() if isinstance(x, np.generic) else x


r = GGUFReader("written.gguf")
out = {
    "alignment": int(r.alignment),
    "keys": [[k, plain(f.contents())] for k, f in r.fields.items() if not k.startswith("GGUF.")],
    "tensors": [
        {
            "name": t.name,
            "type": t.tensor_type.name,
            "dims": [int(n) for n in reversed(t.shape)],
            "sha256": hashlib.sha256(t.data.tobytes()).hexdigest(),
        }
        for t in r.tensors
    ],
}
with open("written.json", "w") as f:
    json.dump(out, f, indent=1, ensure_ascii=False)
    f.write("\n")
