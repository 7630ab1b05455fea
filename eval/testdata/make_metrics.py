"""Writes metrics.json: what published scorers give for tricky answers.

    git clone https://github.com/mistralai/mistral-evals
    git clone https://github.com/GT-Vision-Lab/VQA
    git clone https://github.com/google-research/pix2struct
    python make_metrics.py mistral-evals VQA pix2struct

They are the metrics of mistral-evals, VQA v2's own script, and for ChartQA, whose
authors define relaxed accuracy in words, the code that others use. They are run as
they are; nothing of them is needed but the files named below.
"""

import contextlib
import importlib.util
import io
import json
import os
import sys
import types


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


metrics = load(os.path.join(sys.argv[1], "eval/metrics.py"))
vqa = load(os.path.join(sys.argv[2], "PythonEvaluationTools/vqaEvaluation/vqaEval.py"))
for name in ("pycocoevalcap.tokenizer.ptbtokenizer", "pycocoevalcap.cider.cider", "editdistance"):  # not used here
    sys.modules[name] = types.SimpleNamespace(PTBTokenizer=None, Cider=None)
pix2struct = load(os.path.join(sys.argv[3], "pix2struct/metrics.py"))

REASONED = [
    "", " ", "42", "The answer is 42", "The answer is 42.", "the answers are 42, 43", "answer:", "Answer:\n\n", "Answer: 42", "ANSWER: 42", "**ANSWER**: 42", "**Answer**: 42",
    "**Answer:** 42", "Answer***:*** 42", "Final Answer: 42\nAnswer: 43", "Final answer:\n\n \n  42 \n43", "Final Answer: **42**", "Final Answer: [42]", "Final Answer: (42)", "Final Answer: \\(42\\)",
    "Final Answer: 42%", "Final Answer: 42 %", "Final Answer: 0.42", "Final Answer: .42", "Final Answer: 4,200", "Final Answer: $4,200.00", "Final Answer: 4200 dollars", "Final Answer: -42",
    "Final Answer: −42", "Final Answer: 4_2", "Final Answer: 4.2e1", "Final Answer: 44.1", "Final Answer: 44.11", "Final Answer: 39.9", "Final Answer: 39.89", "Final Answer: 1e-12", "Final Answer: 0",
    "Final Answer: 1/2", "Final Answer: nan", "Final Answer: inf", "Final Answer: 0x2A", "Final Answer: 42.", "Final Answer: 42!?", "Final Answer: 42 .", "Final Answer: 42%.", "Final Answer: 42%%",
    "Final Answer: Yes", "Final Answer: yes.", "Final Answer: 'Yes'", 'Final Answer: "Yes"', "Final Answer: '", "Final Answer: \"Yes'", "Final Answer: YES, it is", "Final Answer: B", "Final Answer: b) Paris",
    "Final Answer: Bernard", "Final Answer: (B) 42", "Final Answer: _B_", "Final Answer: **", "Final Answer: É", "Final Answer: <B>", "Final Answer: Blue_bar", "Final Answer: Blue bar 2", "Final Answer: x²",
    "It is blue bar.", "The colours are red and blue", "there were blue bar, yes.", "\n\nyes it is", "this was yes", "This Is Yes", "I see 1,000 cats and 1000000 dogs", "About 12.50 or 12.5", "some 1e3 of them",
    "the unanswerable: nothing", "Final Answer: 2014\tor so", "Final Answer: café", "Answer : 42", "Final Answer:42", "answer: a answer: b", "Final Answer: 1.000.000", "Final Answer: 12:30", "Final Answer: 3:4",
]
REFERENCES = [
    ["42"], ["40"], ["0.42"], ["42%"], ["4200"], ["4,200"], ["$4200"], ["-42"], ["0"], ["1e3"], ["1000"], ["1000000"], ["12.5"], ["0.00001"], ["1e20"], ["nan"], ["1/2"], ["Yes"], ["yes"], ["'yes'"], ["No"], ["B"],
    ["b"], ["É"], ["blue bar"], ["Blue bar 2"], ["blue"], ["café"], ["x²"], [""], ["2014"], ["12:30"], ["0.75"], ["yes", "42"], ["42", "yes"], ["red", "blue", "7"], ["B", "Paris"],
]
SHORT = [
    "", "yes", "Yes", "yes.", " yes ", "'yes'", '"yes"', "two", "2", "2.", "Two dogs", "the 2 dogs", "2 dogs", "a dog", "dog", "dogs", "dont", "don't", "Dont know", "10", "ten", "none", "0", "1,000", "1000",
    "1,000 dogs", "3.5", "3.5.", ".5", "u.s.a.", "usa", "u. s. a.", "black/white", "black / white", "black white", "black-white", "t-shirt", "t shirt", "o'clock", "5 oclock", "5:30", "5 : 30", "what?", "what ?",
    "yes\nno", "\tyes", "an apple", "the", "a", "." * 40, "a." * 40, "x_y", "(left)", "left (side)", "café", "CAFE", "it's", "its", "well, yes", "well ,yes", "well,yes", "$5", "50%", "50 %", "@home", "r&b", "#1", "don't, ok",
    "The cats' tail", "couldntve", "couldn'tve", "couldnt've", "shed've", "shed", "wed", "yall'd've", "somebody'd", "ITC Limited", "itc limted.", "Hello   World!!", "1,000 %", "1,000%", "abc", "xyz", "cat", "cats",
]
PEOPLE = [
    ["yes"] * 10, ["yes"] * 6 + ["no"] * 4, ["yes"] * 3 + ["no"] * 7, ["yes"] * 2 + ["yes."] * 2 + ["Yes"] * 6, ["yes", "no"], ["yes"], ["2"] * 5 + ["two"] * 5, ["2"] * 10, ["two"] * 10, ["2 dogs"] * 4 + ["dogs"] * 6,
    ["don't know"] * 5 + ["dont know"] * 5, ["dog", "a dog", "dog", "the dog", "dog.", "dog", "dogs", "Dog", "dog!", "dog"], ["1,000"] * 4 + ["1000"] * 6, ["3.5"] * 9 + ["3.5."], ["u.s.a."] * 5 + ["usa"] * 5, ["usa"] * 10,
    ["black/white"] * 4 + ["black white"] * 3 + ["black / white"] * 3, ["t-shirt"] * 10, ["t-shirt"] * 9 + ["tshirt"], ["5 o'clock"] * 8 + ["5:30"] * 2, ["left"] * 7 + ["(left)"] * 3, ["0"] * 5 + ["none"] * 5,
    ["50%"] * 5 + ["50"] * 5, ["well yes"] * 5 + ["well, yes"] * 5, ["'yes'"] * 4 + ['"yes"'] * 6, ["cat", "cats", "CAT"], ["ITC Limited", "itc limited"], ["hello world"], ["1,000%"], [""] * 10, ["" , "x"], ["café"] * 10,
]


def relaxed(metric, answer, references):
    """1, 0, or - where the metric itself fails."""
    try:
        return str(int(metric.score(answer, references)))
    except OverflowError:
        return "-"


def chart(answer, references):
    """Of the final answer, as mistral-evals finds it, or the whole where there is none."""
    answer = explicit._get_final_answer(answer) or answer.strip()
    return str(int(max(pix2struct.relaxed_correctness(r, answer) for r in references)))


class Answers:
    """As the script wants its questions and results: by a question's id."""

    def __init__(self, qa):
        self.qa = qa

    def getQuesIds(self):
        return list(self.qa)


def accuracy(answer, people):
    said = [{"answer": a, "answer_confidence": "yes", "answer_id": i + 1} for i, a in enumerate(people)]
    truth = Answers({1: {"answers": said, "question_type": "what", "answer_type": "other"}})
    e = vqa.VQAEval(truth, Answers({1: {"answer": answer}}), n=8)
    with contextlib.redirect_stdout(io.StringIO()):
        e.evaluate()
    return round(e.evalQA[1] / 100, 6)


def words():
    """The script's table of contractions, and all that looks like it."""
    e = vqa.VQAEval(Answers({}), Answers({}))
    near = set()
    for word in {*e.contractions, *e.contractions.values()}:
        near |= {word, word.replace("'", "")} | {word[:i] + word[i + 1:] for i, c in enumerate(word) if c == "'"}
    return {w: e.processDigitArticle(w) for w in sorted(near) + ["none", "Zero", "ten", "eleven", "A", "an", "the"]}


def table(answers, references, score):
    return [[score(a, r) for r in references] for a in answers]


explicit, anywhere, anls, match = (getattr(metrics, n)() for n in (
    "ExplicitPromptRelaxedCorrectness", "AnywhereInAnswerRelaxedCorrectness", "ANLS", "VQAMatch"))
golden = {
    "reasoned": REASONED, "references": REFERENCES, "short": SHORT, "people": PEOPLE, "words": words(),
    "explicit": ["".join(row) for row in table(REASONED, REFERENCES, lambda a, r: relaxed(explicit, a, r))],
    "anywhere": ["".join(row) for row in table(REASONED, REFERENCES, lambda a, r: relaxed(anywhere, a, r))],
    "relaxed_accuracy_official": ["".join(row) for row in table(REASONED, REFERENCES, chart)],
    "anls": table(SHORT, PEOPLE, lambda a, r: round(anls.score(a, r), 6)),
    "vqa_match": table(SHORT, PEOPLE, lambda a, r: round(match.score(a, r), 6)),
    "vqa_accuracy_official": table(SHORT, PEOPLE, accuracy),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as file:
    file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in golden.items()) + "\n}\n")
print({k: len(v) for k, v in golden.items()})
