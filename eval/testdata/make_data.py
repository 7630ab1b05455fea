"""Writes small data sets in the form in which the public ones lie on the hub: parquet by pyarrow.

    pip install pyarrow==26.0.1 pillow
    python make_data.py

Columns and types are those of lmms-lab/MMMU, AI4Math/MathVista, lmms-lab/ChartQA,
lmms-lab/DocVQA and HuggingFaceM4/VQAv2; the rows are our own.
"""

import io
import os

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def image(colour):
    out = io.BytesIO()
    Image.new("RGB", (20, 12), colour).save(out, "PNG", optimize=True)
    return {"bytes": out.getvalue(), "path": None}


RED, BLUE = image("red"), image("blue")
SETS = {
    "mmmu/validation": [
        {"id": "validation_Art_1", "question": "<image 1> Which one is like <image 2>?", "options": "['the first', \"it's $\\\\frac{1}{2}$\", 'a\\xa0b']",
         "question_type": "multiple-choice", "answer": "B", "image_1": RED, "image_2": BLUE},
        {"id": "validation_Basic_Math_2", "question": "How wide is it? <image 1>", "options": "[]",
         "question_type": "open", "answer": "['20', 'twenty']", "image_1": RED, "image_2": None},
    ],
    "mathvista/testmini": [
        {"pid": "1", "decoded_image": RED, "query": "Hint: choose.\nQuestion: Which?\nChoices:\n(A) x\n(B) y", "choices": ["x", "y"],
         "answer": "y", "question_type": "multi_choice"},
        {"pid": "2", "decoded_image": BLUE, "query": "Hint: a number.\nQuestion: How many?", "choices": None, "answer": "1.2",
         "question_type": "free_form"},
    ],
    "chartqa/test": [{"type": "human_test", "question": "How much?", "answer": ["14"], "image": RED}],
    "docvqa/validation": [{"questionId": "49153", "question": "Who?", "answers": ["ITC Limited", "itc limited"], "image": BLUE}],
    "vqav2/validation": [
        {"question_id": 262148000, "question": "What colour?", "answer_type": "other", "image": RED,
         "answers": [{"answer": a, "answer_confidence": "yes", "answer_id": i} for i, a in enumerate(["red"] * 9 + ["dark red"])]},
    ],
}

for name, rows in SETS.items():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.path.dirname(name), "data", os.path.basename(name) + "-00000-of-00001.parquet")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1)
