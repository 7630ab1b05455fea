"""Writes golden.json: what lm-evaluation-harness says of answers, for IFEval and MATH.

    pip install --no-deps lm-eval==0.4.13 langdetect==1.0.9 immutabledict==4.3.1 nltk==3.10.4 regex six packaging
    python make_golden.py

Its IFEval is google-research's, its MATH is Hendrycks'. NLTK's data are not needed: sentences
are left out, and words are split by the tokenizer that word_tokenize uses within a sentence.
"""

import json
import os
import random
import sys
import types

import nltk

nltk.data.find = lambda *a, **k: True
nltk.word_tokenize = lambda text: nltk.tokenize.NLTKWordTokenizer().tokenize(text)
sys.modules["datasets"] = types.SimpleNamespace(Dataset=object)

import importlib.util

import langdetect

langdetect.DetectorFactory.seed = 0


BASE = os.path.dirname(importlib.util.find_spec("lm_eval").submodule_search_locations[0])


def load(name):
    """A module of the harness by its file: the package itself would want torch."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(BASE, *name.split(".")) + ".py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for package in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):
    sys.modules[package] = types.ModuleType(package)
for name in ("instructions_util", "instructions", "instructions_registry", "utils"):
    module = load("lm_eval.tasks.ifeval." + name)
    setattr(sys.modules["lm_eval.tasks.ifeval"], name, module)
ifeval = sys.modules["lm_eval.tasks.ifeval.utils"]
math = load("lm_eval.tasks.hendrycks_math.utils")

EN = "The quick brown fox jumps over the lazy dog and then it goes home to sleep for the whole night. "
DE = "Der schnelle braune Fuchs springt über den faulen Hund und geht danach nach Hause, um zu schlafen. "
ANSWERS = [
    "", " \n ", EN, EN.upper(), EN.lower(), DE, "My answer is yes.", "Well. My answer is maybe. Really.", '"' + EN.strip() + '"', '"', '{"a": [1, 2]}',
    "```json\n{\"a\": 1}\n```", "```\n[1,\n```", "<<A title>>\n" + EN, "<< >>\n" + EN, EN + "\n***\n" + EN, "***\n" + EN + "***" + EN + "\n***",
    EN + "***\n\n***" + EN, "first ****** second", "same ******same", "****** one ****** two ******", "a ****** ****** b", "* one\n* two\n- three\n ** four",
    "*bold* and **bolder** and ** ** and *x*", "Section 1\nabc\nSection 2 def\nSECTION 3", "Dear [name],\nfrom [address] [] [\n]", "P.S. I like it", "text\nP.P.S more",
    "p. p. s. spaced", "PS: no dots", "alpha beta Alpha ALPHABET", "NASA's U.S.A. DON'T A-B YES/NO, (OK) iPhone X1 3D", "Is there anything else I can help with?",
    "He said: Is there anything else I can help with?\"", "Hello there\n\n'world' is first, here.\n\n\nThird", "one\n\ntwo\n\nTHREE. four", "say it again please\nand here it is",
    "Say it again please. Then more", "un été très chaud à la plage avec des amis français qui parlent beaucoup", "a,b", "a b", "one two three four five six seven",
]
INSTRUCTIONS = [
    ("keywords:existence", {"keywords": ["fox", "dog"]}), ("keywords:frequency", {"keyword": "alpha", "frequency": 3, "relation": "at least"}),
    ("keywords:frequency", {"keyword": "the", "frequency": 2, "relation": "less than"}), ("keywords:forbidden_words", {"forbidden_words": ["alpha", "fox"]}),
    ("keywords:letter_frequency", {"letter": "e", "let_frequency": 6, "let_relation": "at least"}),
    ("keywords:letter_frequency", {"letter": "o", "let_frequency": 2, "let_relation": "less than"}),
    ("language:response_language", {"language": "de"}), ("language:response_language", {"language": "fr"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}), ("length_constraints:number_words", {"num_words": 7, "relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 5, "relation": "less than"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "world"}),
    ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 3, "nth_paragraph": 3, "first_word": "three"}),
    ("detectable_content:number_placeholders", {"num_placeholders": 3}), ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}), ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:constrained_response", {}), ("detectable_format:number_highlighted_sections", {"num_highlights": 3}),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2}), ("detectable_format:json_format", {}),
    ("detectable_format:title", {}), ("combination:two_responses", {}), ("combination:repeat_prompt", {"prompt_to_repeat": "Say it again please"}),
    ("startend:end_checker", {"end_phrase": "Is there anything else I can help with?"}), ("startend:quotation", {}),
    ("change_case:capital_word_frequency", {"capital_frequency": 5, "capital_relation": "at least"}),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "less than"}),
    ("change_case:english_capital", {}), ("change_case:english_lowercase", {}), ("punctuation:no_comma", {}),
]
MATHS = [
    r"\frac12", r"\frac{1}{2}", "1/2", "0.5", ".5", r"\dfrac 1 2", r"x=5", "5", r"\left( 3, 4 \right)", "(3,4)", r"90^\circ", "90", r"12\text{ cm}", r"50\%", r"\$10", "10",
    r"\sqrt3", r"\sqrt{3}", r"2\sqrt 3", r"\frac{\sqrt3}{2}", r"\frac1{72}", r"\frac{1}2", "1,000", "1000", r"\text{east}", "east", r"3\!\cdot 4", "-3/4", r"-\frac{3}{4}", "a/b", "k = -1",
    r"\frac{a^{2}}{b}", r"x^2+1", "x^{2}+1", r"\tfrac{3}{5}", " 7 ", "7.", "y=mx+b",
]
SOLUTIONS = [r"So the answer is \boxed{5}.", r"$\boxed{\frac{1}{2}}$ or \boxed{x^{2}}", r"\boxed 7$.", "no box", r"\boxed{1", r"first \boxed{1} then \boxed{\text{two}}"]

cases = []
for id, args in INSTRUCTIONS:
    for answer in ANSWERS:
        example = ifeval.InputExample(1, [id], "prompt", [args])
        cases.append([id, args, answer, ifeval.test_instruction_following_strict(example, answer).follow_all_instructions,
                      ifeval.test_instruction_following_loose(example, answer).follow_all_instructions])
unboxed = []
for s in SOLUTIONS:
    try:
        unboxed.append([s, math.remove_boxed(math.last_boxed_only_string(s))])
    except (TypeError, AssertionError):
        unboxed.append([s, None])
equal = [[a, b] for a in MATHS for b in MATHS if a < b and math.is_equiv(a, b)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as file:
    json.dump({"ifeval": cases, "maths": MATHS, "equal": equal, "boxed": unboxed}, file, ensure_ascii=False)
print(len(cases), len(equal), unboxed)
