"""Stands in for Hugging Face's datasets: the harness finds it first and gets local files."""

import glob
import io
import os

import pyarrow.parquet
from PIL import Image


def decoded(value):
    """An image column as the real package gives it."""
    if isinstance(value, dict) and "bytes" in value:
        return Image.open(io.BytesIO(value["bytes"]))
    return value


def load_dataset(name, config=None):
    splits = {}
    for path in glob.glob(os.path.join(os.environ["PIXTRAL_EVAL_DATA"], name, "*.parquet")):
        rows = [{k: decoded(v) for k, v in row.items()} for row in pyarrow.parquet.read_table(path).to_pylist()]
        if name.endswith("/VQAv2"):  # the harness wants texts where the set has records, and fails on them
            for row in rows:
                row["answers"] = [a["answer"] for a in row["answers"]]
        splits[os.path.basename(path).split("-")[0]] = rows
    return splits
