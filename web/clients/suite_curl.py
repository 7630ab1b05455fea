"""Bodies as people paste them: of the model's announcement, of vLLM, and others."""

import json
import os
import subprocess
import unittest

from run import EXAMPLES, data_uri

BASE, KEY = os.environ["PIXTRAL_BASE"], os.environ["PIXTRAL_KEY"]


def curl(path, body=None, *more, key=KEY):
    """Returns the status and the text of an answer."""
    command = ["curl", "-sS", "-w", "\n%{http_code}", "--location", BASE + path, "--header", "Authorization: Bearer " + key, *more]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data", "@-"]
    out = subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, check=True).stdout
    text, _, status = out.rpartition("\n")
    return int(status), text


class Curl(unittest.TestCase):
    def ok(self, path, body=None, *more):
        status, text = curl(path, body, *more)
        self.assertEqual(status, 200, text)
        return json.loads(text) if text else None

    def test_announcement(self):
        """Two images between texts, as the announcement of Pixtral asks vLLM."""
        got = self.ok("/v1/chat/completions", {
            "model": "mistralai/Pixtral-12B-2409",
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Describe this image in detail please."},
                {"type": "image_url", "image_url": {"url": data_uri("red-circle.png")}},
                {"type": "text", "text": "and this one as well. Answer in French."},
                {"type": "image_url", "image_url": {"url": data_uri("sign.png")}}]}]})
        self.assertEqual(got["model"], "mistralai/Pixtral-12B-2409")
        self.assertTrue(got["choices"][0]["message"]["content"])

    def test_model_card(self):
        """The model card's request: max_tokens high, temperature and a URL, which is off until it is allowed."""
        status, text = curl("/v1/chat/completions", {
            "model": "mistralai/Pixtral-12B-2409", "max_tokens": 1024, "temperature": 0.7,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "Describe the image in a short sentence."},
                {"type": "image_url", "image_url": {"url": "https://picsum.photos/id/237/200/300"}}]}]})
        self.assertEqual(status, 400)
        self.assertIn("--allow-image-hosts", json.loads(text)["error"]["message"])

    def test_vllm(self):
        """What vLLM adds: sampling, guided answers, its way to continue, its other routes."""
        got = self.ok("/v1/chat/completions", {
            "model": "pocket", "messages": [{"role": "user", "content": "Yes or no?"}], "max_tokens": 8, "top_k": 20, "min_p": 0.05,
            "repetition_penalty": 1.05, "skip_special_tokens": True, "add_generation_prompt": True, "guided_choice": ["yes", "no"]})
        self.assertIn(got["choices"][0]["message"]["content"], ("yes", "no"))
        got = self.ok("/v1/chat/completions", {
            "model": "pocket", "messages": [{"role": "user", "content": "A number?"}], "guided_regex": "[0-9]{3}"})
        self.assertRegex(got["choices"][0]["message"]["content"], "^[0-9]{3}$")
        schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False}
        got = self.ok("/v1/chat/completions", {
            "model": "pocket", "messages": [{"role": "user", "content": "Hi"}], "guided_json": schema})
        self.assertIn("a", json.loads(got["choices"][0]["message"]["content"]))
        tokens = self.ok("/tokenize", {"model": "pocket", "prompt": "Hello, world!"})
        self.assertEqual(tokens["count"], len(tokens["tokens"]))
        self.assertIn("Hello, world!", self.ok("/detokenize", {"model": "pocket", "tokens": tokens["tokens"]})["prompt"])
        self.assertIsNone(self.ok("/health"))
        self.assertIn("version", self.ok("/version"))
        self.assertEqual(self.ok("/v1/models")["data"][0]["max_model_len"], 2048)

    def test_stream(self):
        status, text = curl("/v1/chat/completions", {
            "stream": True, "temperature": 0, "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}, "--no-buffer")
        self.assertEqual(status, 200)
        lines = [line for line in text.split("\n") if line]
        self.assertTrue(all(line.startswith("data: ") for line in lines))
        self.assertEqual(lines[-1], "data: [DONE]")

    def test_image_in_base64(self):
        got = self.ok("/v1/chat/completions", {"temperature": 0, "messages": [{"role": "user", "content": [
            {"type": "image", "image": data_uri("red-circle.png").partition(",")[2]}, {"type": "text", "text": "What is this?"}]}]})
        self.assertIn("red circle", got["choices"][0]["message"]["content"])

    def test_file(self):
        got = self.ok("/v1/chat/completions", {"temperature": 0, "messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": f"file://{EXAMPLES.resolve()}/red-circle.png"}}, {"type": "text", "text": "What is this?"}]}]})
        self.assertIn("red circle", got["choices"][0]["message"]["content"])
        status, _ = curl("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}]})
        self.assertEqual(status, 400)

    def test_keys(self):
        status, text = curl("/v1/models", key="wrong-key-here")
        self.assertEqual((status, json.loads(text)["error"]["code"]), (401, "invalid_api_key"))

    def test_metrics(self):
        status, text = curl("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("pixtral_completion_tokens_total", text)

    def test_description(self):
        self.assertIn("/v1/chat/completions", self.ok("/openapi.json")["paths"])
