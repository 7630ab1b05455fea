"""The official Python client of OpenAI."""

import asyncio
import json
import os
import typing
import unittest

import openai
import pydantic

from run import data_uri

BASE, KEY = os.environ["PIXTRAL_BASE"], os.environ["PIXTRAL_KEY"]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}, "unit": {"type": "string", "enum": ["C", "F"]}},
                   "required": ["city", "unit"], "additionalProperties": False}}}


def about(question="What is this?", picture="red-circle.png", **image):
    return [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": data_uri(picture), **image}}, {"type": "text", "text": question}]}]


HELLO = [{"role": "user", "content": "Hi"}]


class OpenAI(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=BASE + "/v1", api_key=KEY, max_retries=0, timeout=120)
        self.addCleanup(self.client.close)

    def ask(self, messages=HELLO, **more):
        return self.client.chat.completions.create(model="pocket", messages=messages, **more)

    def test_text(self):
        got = self.ask(max_tokens=8, temperature=0, user="someone", metadata={"a": "b"})
        self.assertTrue(got.choices[0].message.content)
        self.assertEqual(got.choices[0].message.role, "assistant")
        self.assertEqual(got.usage.total_tokens, got.usage.prompt_tokens + got.usage.completion_tokens)
        self.assertGreaterEqual(got.usage.prompt_tokens_details.cached_tokens, 0)
        self.assertTrue(got.id.startswith("chatcmpl-"))
        self.assertEqual(got.object, "chat.completion")

    def test_image(self):
        for detail in ({}, {"detail": "high"}):
            got = self.ask(about(**detail), temperature=0)
            self.assertIn("red circle", got.choices[0].message.content)
            self.assertEqual(got.choices[0].finish_reason, "stop")

    def test_two_images(self):
        parts = about()[0]["content"] + about("And this?", "sign.png")[0]["content"]
        got = self.ask([{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}], max_completion_tokens=8)
        self.assertGreater(got.usage.prompt_tokens, 100)

    def test_turns(self):
        first = self.ask(about(), temperature=0).choices[0].message
        messages = about() + [first, {"role": "user", "content": "What colour is it?"}]
        got = self.ask(messages, temperature=0)
        self.assertTrue(got.choices[0].message.content)
        self.assertGreater(got.usage.prompt_tokens_details.cached_tokens, 0)

    def test_stream(self):
        whole = self.ask(about(), temperature=0).choices[0].message.content
        text, usage, ends = "", None, []
        for chunk in self.ask(about(), temperature=0, stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                ends += [choice.finish_reason] if choice.finish_reason else []
        self.assertEqual(text, whole)
        self.assertEqual(ends, ["stop"])
        self.assertGreater(usage.completion_tokens, 1)

    def test_stream_helper(self):
        with self.client.chat.completions.stream(model="pocket", messages=about(), temperature=0) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
        self.assertIn("content.delta", kinds)
        self.assertIn("red circle", final.choices[0].message.content)

    def test_stream_left(self):
        stream = self.ask(max_tokens=1500, stream=True, extra_body={"ignore_eos": True})
        for _ in zip(range(5), stream):
            pass
        stream.close()
        self.assertTrue(self.ask(max_tokens=2).choices)

    def test_async(self):
        async def many():
            async with openai.AsyncOpenAI(base_url=BASE + "/v1", api_key=KEY, max_retries=0) as client:
                asks = [client.chat.completions.create(model="pocket", messages=about(), temperature=0) for _ in range(8)]
                return {got.choices[0].message.content for got in await asyncio.gather(*asks)}
        self.assertEqual(len(asyncio.run(many())), 1)

    def test_sampling(self):
        a, b = (self.ask(temperature=1.5, top_p=0.9, seed=3, presence_penalty=0.5, frequency_penalty=0.5, max_tokens=12).choices[0].message.content for _ in range(2))
        self.assertEqual(a, b)
        got = self.ask(about(), temperature=0, stop=["circle"])
        self.assertNotIn("circle", got.choices[0].message.content)
        got = self.ask(n=3, temperature=1.5, max_tokens=8)
        self.assertEqual([choice.index for choice in got.choices], [0, 1, 2])
        got = self.ask(temperature=0, max_tokens=3, logit_bias={"300": 100})
        self.assertEqual(got.usage.completion_tokens, 3)
        got = self.ask(max_tokens=4, extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1})
        self.assertTrue(got.choices)

    def test_logprobs(self):
        got = self.ask(about(), temperature=0, logprobs=True, top_logprobs=3).choices[0]
        self.assertEqual("".join(p.token for p in got.logprobs.content), got.message.content)
        for p in got.logprobs.content:
            self.assertLessEqual(p.logprob, 0)
            self.assertEqual(len(p.top_logprobs), 3)
            self.assertEqual(bytes(p.bytes).decode(), p.token)

    def test_tools(self):
        forced = {"type": "function", "function": {"name": "get_weather"}}
        got = self.ask(tools=[WEATHER], tool_choice=forced, temperature=0, parallel_tool_calls=False).choices[0]
        self.assertEqual(got.finish_reason, "tool_calls")
        self.assertIsNone(got.message.content)
        call = got.message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn(json.loads(call.function.arguments)["unit"], ("C", "F"))
        back = HELLO + [got.message, {"role": "tool", "tool_call_id": call.id, "content": "22 degrees"}]
        self.assertTrue(self.ask(back, tools=[WEATHER], max_tokens=8).choices)
        self.assertIsNone(self.ask(tools=[WEATHER], tool_choice="none", max_tokens=4).choices[0].message.tool_calls)

    def test_tools_streamed(self):
        name, arguments = "", ""
        for chunk in self.ask(tools=[WEATHER], tool_choice="required", temperature=0, parallel_tool_calls=False, stream=True):
            for call in chunk.choices[0].delta.tool_calls or []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
        self.assertEqual(name, "get_weather")
        self.assertEqual(set(json.loads(arguments)), {"city", "unit"})

    def test_json_schema(self):
        class Shape(pydantic.BaseModel):
            shape: typing.Literal["circle", "square"]
            count: typing.Literal[1, 2, 3]
            sure: bool

        got = self.client.chat.completions.parse(model="pocket", messages=about(), response_format=Shape, temperature=0)
        self.assertIsInstance(got.choices[0].message.parsed, Shape)

    def test_json_object(self):
        got = self.ask(temperature=0, response_format={"type": "json_object"}, max_tokens=200).choices[0]
        self.assertTrue(got.message.content.strip().startswith("{"))

    def test_completions(self):
        got = self.client.completions.create(model="pocket", prompt="A red", max_tokens=4, temperature=0, logprobs=2, echo=True)
        self.assertTrue(got.choices[0].text.startswith("A red"))
        self.assertEqual(len(got.choices[0].logprobs.top_logprobs[0]), 2)
        text = "".join(chunk.choices[0].text for chunk in self.client.completions.create(model="pocket", prompt="A red", max_tokens=4, temperature=0, stream=True))
        self.assertTrue(text)

    def test_models(self):
        self.assertEqual([m.id for m in self.client.models.list()][0], "pocket")
        self.assertEqual(self.client.models.retrieve("mistralai/Pixtral-12B-2409").id, "mistralai/Pixtral-12B-2409")
        self.assertEqual(self.client.chat.completions.create(model="pixtral-12b-2409", messages=HELLO, max_tokens=1).model, "pixtral-12b-2409")

    def test_errors(self):
        with self.assertRaises(openai.AuthenticationError) as e:
            openai.OpenAI(base_url=BASE + "/v1", api_key="another-key", max_retries=0).models.list()
        self.assertEqual(e.exception.code, "invalid_api_key")
        with self.assertRaises(openai.NotFoundError) as e:
            self.client.chat.completions.create(model="gpt-4o", messages=HELLO)
        self.assertEqual((e.exception.code, e.exception.param), ("model_not_found", "model"))
        with self.assertRaises(openai.BadRequestError) as e:
            self.ask(temperature=3)
        self.assertEqual(e.exception.param, "temperature")
        self.assertIn("must be 0 to 2", e.exception.message)
        with self.assertRaises(openai.BadRequestError) as e:
            self.ask([{"role": "user", "content": "word " * 5000}])
        self.assertEqual(e.exception.code, "context_length_exceeded")
        with self.assertRaises(openai.BadRequestError) as e:
            self.ask([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}]}])
        self.assertEqual(e.exception.code, "image_source_not_allowed")
        with self.assertRaises(openai.BadRequestError) as e:
            self.ask([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}], stream=True)
        self.assertEqual(e.exception.code, "invalid_image")
        with self.assertRaises(openai.APIStatusError) as e:
            self.client.embeddings.create(model="pocket", input="x")
        self.assertEqual((e.exception.status_code, e.exception.code), (501, "embeddings_not_offered"))
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.create(model="pocket", input="Hi")
