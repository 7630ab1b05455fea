"""Runs mistral-evals as it is, and "pixtral-wgpu eval", on the same items: all scores are to be equal.

    git clone https://github.com/mistralai/mistral-evals
    pip install -r harness/requirements.txt
    python mistral_evals.py mistral-evals ../../bin/pixtral-wgpu       # or: make mistral-evals

The items are the embedded model's held-out ones in the form of the public sets. They are
asked twice: of an engine in this file that answers in tricky forms and keeps the requests,
which are to be equal too, pictures by their pixels; and of "pixtral-wgpu serve" with the
embedded model. That one was never taught to reason to a final answer, so every second
reference is then a word of what it said before: all scores equal because they are 0 would
prove little. The judge of both is in this file and rates by the answer's hash.
"""

import argparse
import base64
import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

import pyarrow
import pyarrow.parquet
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
POCKET = os.path.join(HERE, "../../model/pocket/testdata")
TASKS = {  # ours: the harness's name, the set, the split
    "mmmu": ("mmmu", "lmms-lab/MMMU", "validation"),
    "mathvista": ("mathvista", "AI4Math/MathVista", "testmini"),
    "chartqa": ("chartqa", "lmms-lab/ChartQA", "test"),
    "docvqa": ("docvqa", "lmms-lab/DocVQA", "validation"),
    "vqav2": ("vqav2", "HuggingFaceM4/VQAv2", "validation"),
    "mm-mt-bench": ("mm_mt_bench", "mistralai/MM-MT-Bench", "eval"),
}
COLOURS = "black white red green blue yellow purple orange".split()
JUDGE = "gpt-4o-2024-05-13"


def image(name):
    with open(os.path.join(POCKET, name), "rb") as f:
        return {"bytes": f.read(), "path": name}


def rows(task, items, said):
    """The items as the task's published set would hold them; said are answers that there were."""
    for n, item in enumerate(items):
        question, answer, pictures = item["question"], item["answer"], [image(i) for i in item["images"]]
        if said and n % 2:
            answer = said[n] if task in ("docvqa", "vqav2") else said[n].split()[-1].rstrip(".")
        if task == "mmmu":
            columns = {f"image_{i + 1}": (pictures[i] if i < len(pictures) else None) for i in range(7)}
            marks = "".join(f"<image {i + 1}> " for i in range(len(pictures)))
            text = marks + question if n % 3 else question + " " + marks
            options = [answer, "Nothing.", "It's \\frac{1}{2}"] if n % 2 and not said else []
            yield {"id": f"validation_Art_{n}", "question": text, "options": repr(options),
                   "question_type": "multiple-choice" if options else "open",
                   "answer": "A" if options else (answer if n % 4 else repr([answer, answer.rstrip(".")])), **columns}
        elif task == "mathvista":
            colour = next((c for c in COLOURS if c in answer), None)
            choices = COLOURS if colour and n % 4 else None
            yield {"pid": str(n), "decoded_image": pictures[0], "query": question, "choices": choices,
                   "answer": colour if choices else answer, "question_type": "multi_choice" if choices else "free_form"}
        elif task == "chartqa":
            number = re.search(r"\d+", answer)
            yield {"type": "human_test", "question": question, "answer": [number[0] if number else answer], "image": pictures[0]}
        elif task == "docvqa":
            yield {"questionId": str(n), "question": question, "answers": [answer, answer.split()[-1].rstrip(".")], "image": pictures[0]}
        elif task == "vqav2":
            people = [answer] * (n % 5) + [answer.rstrip(".")] * 3 + [answer.lower()] * (7 - n % 5)
            yield {"question_id": n, "question": question, "answer_type": "other", "image": pictures[0],
                   "answers": [{"answer": a, "answer_confidence": "yes", "answer_id": i} for i, a in enumerate(people)]}
        else:
            turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}, {"role": "assistant", "content": answer}]
            if n % 3 == 0:
                turns += [{"role": "user", "content": "What is this?"}, {"role": "assistant", "content": "I said it: " + answer}]
            yield {"image": pictures[0], "conversation": json.dumps(turns), "category": ["charts", "misc"][n % 2]}


def make_sets(directory, each, said={}):
    with open(os.path.join(POCKET, "items.jsonl")) as f:
        items = [json.loads(line) for line in f]
    step = len(items) // each
    for task, (_, name, split) in TASKS.items():
        chosen = items[::step][:each]
        if task == "chartqa":
            chosen = [i for i in items if i["kind"] in ("chart", "table", "count")][:each]
        path = os.path.join(directory, name, split + "-00000-of-00001.parquet")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows(task, chosen, said.get(task)))), path)


def answers(log):
    """What a log says was answered, in the order of the items."""
    with open(log) as f:
        entries = [json.loads(line) for line in f][1:]
    return [e["answer"] for e in sorted(entries, key=lambda e: int(re.sub(r"\D", "", e["id"])))]


def normal(messages):
    """Messages with pictures as a hash of their pixels, however they are packed."""
    def part(p):
        if p["type"] == "text":
            return p["text"]
        picture = Image.open(io.BytesIO(base64.b64decode(p["image_url"]["url"].split(",", 1)[1]))).convert("RGBA")
        return [picture.size, hashlib.sha256(picture.tobytes()).hexdigest()]
    return [[m["role"], [m["content"]] if isinstance(m["content"], str) else [part(p) for p in m["content"]]] for m in messages]


class Engine(http.server.BaseHTTPRequestHandler):
    """Answers in tricky forms, chosen by the request's hash; or judges."""

    asked = {}  # by who asks: what was asked
    who = ""
    forms = ["Final Answer: {}", "**Final Answer:** {}", "I see.\n\nAnswer: {}\n", "It is {}", "{}", " {} ", '"{}"', "The answer is {}.", "Final Answer:\n\n**{}**"]

    def do_GET(self):
        self.reply(b"" if self.path == "/health" else json.dumps({"data": [{"id": "engine"}]}).encode())

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["model"] == JUDGE:
            answer = json.dumps(request["messages"][-1]["content"]).split("### Assistant's answer:\\n")[1]
            text = f"Well. Rating: [[{1 + digest(answer) % 91 / 10}]]"
        else:
            messages = normal(request["messages"])
            question = json.dumps({"messages": messages, "max_tokens": request["max_tokens"], "temperature": float(request["temperature"])})
            Engine.asked.setdefault(Engine.who, []).append(question)
            text = self.answer(messages, digest(question), Engine.forms if request["max_tokens"] > 10 else Engine.forms[3:7])
        message = {"role": "assistant", "content": text}
        self.reply(json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": request["model"],
                               "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode())

    def answer(self, messages, n, forms):
        text = "".join(p for p in messages[-1][1] if isinstance(p, str))
        for question, answer in Engine.known:
            if question in text:
                said = ["A", "B. It", "17", answer, answer.rstrip("."), answer.lower(), (re.findall(r"\d+", answer) or ["5%"])[0]][n // 16 % 7]
                return forms[n % len(forms)].format(said)
        return "Nothing."

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def digest(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def harness(checkout, directory, task, url, model, judge):
    """The harness's scores, by its own command."""
    out = os.path.join(directory, "harness")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.join(HERE, "harness"), os.path.abspath(checkout)]),
                   "PIXTRAL_EVAL_DATA": directory, "OPENAI_BASE_URL": judge + "/v1", "OPENAI_API_KEY": "none"}
    name = TASKS[task][0]
    done = subprocess.run([sys.executable, "-m", "eval.run", "eval_vllm", "--model_name", model, "--url", url, "--output_dir", out, "--eval_name", name],
                          env=environment, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    with open(os.path.join(out, name + ".json")) as f:
        return json.load(f)


def ours(binary, directory, task, url, model, judge):
    """Our scores under the harness's names, of how many items they are, and the log."""
    log = os.path.join(directory, f"{model}.{task}.jsonl")
    command = [binary, "eval", task, "--data", os.path.join(directory, TASKS[task][1]), "--endpoint", url, "-m", model, "--json", "--out", log]
    if task == "mm-mt-bench":
        command += ["--judge", judge, "--judge-model", JUDGE]
    r = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if task != "mm-mt-bench":
        return {m["name"]: m["value"] for m in r["metrics"]}, r["items"], log
    m = r["metrics"][0]
    groups = {f"{value}_average": mean["value"] for of in m["groups"].values() for value, mean in of.items()}
    return {"micro_average_score": m["value"], "macro_average_score": sum(groups.values()) / len(groups), **groups}, r["items"], log


def serve(binary):
    process = subprocess.Popen([binary, "serve", "--port", "0", "--log", "off"], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"(http\S+)/v1 ", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found[1]
    sys.exit("pixtral-wgpu serve did not start")


def compare(checkout, binary, directory, model, url, judge):
    """Prints every task's scores and returns how many tasks differ."""
    wrong = 0
    for task in TASKS:
        Engine.who = ("harness", task)
        want = harness(checkout, directory, task, url, model, judge)
        Engine.who = ("ours", task)
        got, n, _ = ours(binary, directory, task, url, model, judge)
        same = all(abs(got[k] - v) < 1e-9 for k, v in want.items())
        if model == "engine":
            same = same and sorted(Engine.asked["harness", task]) == sorted(Engine.asked["ours", task])
        wrong += not same
        print(f"{'equal ' if same else 'DIFFER'}  {model:6}  {task:11}  {n:3} items  " + "  ".join(f"{k} {v:.6g}" for k, v in want.items()), flush=True)
        if not same:
            print(f"        ours {got}")
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("harness", help="checkout of mistral-evals")
    p.add_argument("binary", help="pixtral-wgpu")
    p.add_argument("--items", type=int, default=24, help="of each task")
    a = p.parse_args()
    binary = os.path.abspath(a.binary)
    with tempfile.TemporaryDirectory() as directory:
        make_sets(directory, a.items)
        with open(os.path.join(POCKET, "items.jsonl")) as f:
            known = [(i["question"], i["answer"]) for i in map(json.loads, f)]
        Engine.known = sorted(known, key=lambda k: -len(k[0]))
        scripted = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
        threading.Thread(target=scripted.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{scripted.server_address[1]}"
        process, server = serve(binary)
        try:
            wrong = compare(a.harness, binary, directory, "engine", here, here)
            said = {task: answers(log) for task in TASKS if task != "mm-mt-bench"
                    for log in [ours(binary, directory, task, server, "pocket", here)[2]]}
            for task in said:
                os.remove(os.path.join(directory, f"pocket.{task}.jsonl"))
            make_sets(directory, a.items, said)
            wrong += compare(a.harness, binary, directory, "pocket", server, here)
        finally:
            process.terminate()
            process.wait()
    sys.exit(bool(wrong))


main()
