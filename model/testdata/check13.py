"""Checks golden13.json against reference.py: python check13.py"""

import json
import math
import pathlib

import numpy as np

import reference

PRINTED = 1e-5  # the golden numbers have six decimals and were computed in float32
SUMMED = 1e-4  # the sums are over up to 1216 such numbers


def tensor(entry):
    """Returns the generated weight or image, float32, as a loader would see it."""
    kind, shape = entry.get("kind", "image"), entry["shape"]
    u = reference.uniform(entry["index"], math.prod(shape)).reshape(shape)
    if kind == "gain":
        u = 1 + 0.1 * u
    elif kind == "bias":
        u = 0.1 * u
    elif kind == "matrix":
        u = u / math.sqrt(math.prod(shape[1:]))
    return u.astype(np.float32)


def near(what, got, want, tolerance=PRINTED):
    want = np.array(want)
    error = np.abs(np.asarray(got).ravel()[: want.size] - want.ravel()).max()
    assert error <= tolerance, f"{what}: off by {error:.2e}"
    print(f"{what:40} {error:.1e}")


def check(golden, weights, images, case):
    images = [images[i] for i in case["images"]]
    for masked, entries in ((True, case["values"]), (False, case["unmasked"])):
        values = reference.forward(golden["params"], weights, case["prompt"], images, masked)
        for e in entries:
            what = f"{case['name']} {e['name']} row {e['row']}" + " unmasked" * (not masked)
            near(what, values[e["name"]][e["row"]], e["want"])
        for e in case["sums"] if masked else []:
            near(f"{case['name']} {e['name']} sum", values[e["name"]].sum(), [e["want"]], SUMMED)
    if case["greedy"]:
        count = len(case["greedy"])
        got, gap = reference.greedy(golden["params"], weights, case["prompt"], images, count)
        assert got == case["greedy"], f"{case['name']} greedy: {got}"
        print(f"{case['name']} greedy {got}, least gap {gap:.3f}")


def main():
    golden = json.loads((pathlib.Path(__file__).parent / "golden13.json").read_text())
    names = [t["name"] for t in golden["tensors"]]
    assert names == sorted(names) and [t["index"] for t in golden["tensors"]] == list(range(45))
    weights = {t["name"]: tensor(t) for t in golden["tensors"]}
    images = [tensor(t) for t in golden["images"]]
    for e in golden["generated"]:
        source = {t["index"]: t for t in golden["tensors"] + golden["images"]}[e["index"]]
        near(f"tensor {e['index']}", tensor(source), e["want"])
    a = golden["image_angles"]
    angles = reference.image_angles(a["row"] + 1, a["col"] + 1, a["head_dim"], a["theta"])
    near("image angles", angles[-1], a["want"])
    for case in golden["cases"]:
        check(golden, weights, images, case)


if __name__ == "__main__":
    main()
