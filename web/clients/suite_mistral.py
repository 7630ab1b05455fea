"""The official Python client of Mistral."""

import asyncio
import json
import os
import typing
import unittest

import pydantic
from mistralai.client import Mistral
from mistralai.client import errors

from run import data_uri
from suite_openai import HELLO, WEATHER

BASE, KEY = os.environ["PIXTRAL_BASE"], os.environ["PIXTRAL_KEY"]


def about(question="What is this?"):
    return [{"role": "user", "content": [{"type": "text", "text": question}, {"type": "image_url", "image_url": data_uri("red-circle.png")}]}]


class ByMistral(unittest.TestCase):
    def setUp(self):
        self.client = Mistral(api_key=KEY, server_url=BASE)

    def ask(self, messages=HELLO, **more):
        return self.client.chat.complete(model="pixtral-12b-2409", messages=messages, **more)

    def test_text(self):
        got = self.ask(max_tokens=8, temperature=0)
        self.assertTrue(got.choices[0].message.content)
        self.assertEqual(got.usage.total_tokens, got.usage.prompt_tokens + got.usage.completion_tokens)

    def test_image(self):
        self.assertIn("red circle", self.ask(about(), temperature=0).choices[0].message.content)
        messages = about()
        messages[0]["content"][1]["image_url"] = {"url": data_uri("red-circle.png")}
        self.assertIn("red circle", self.ask(messages, temperature=0).choices[0].message.content)

    def test_stream(self):
        text, usage = "", None
        for event in self.client.chat.stream(model="pixtral-12b-2409", messages=about(), temperature=0):
            text += event.data.choices[0].delta.content or ""
            usage = event.data.usage or usage
        self.assertEqual(text, self.ask(about(), temperature=0).choices[0].message.content)
        self.assertGreater(usage.completion_tokens, 1)

    def test_async(self):
        async def both():
            async with Mistral(api_key=KEY, server_url=BASE) as client:
                whole = await client.chat.complete_async(model="pixtral-12b-2409", messages=about(), temperature=0)
                text = ""
                async for event in await client.chat.stream_async(model="pixtral-12b-2409", messages=about(), temperature=0):
                    text += event.data.choices[0].delta.content or ""
                return whole.choices[0].message.content, text
        whole, text = asyncio.run(both())
        self.assertEqual(whole, text)

    def test_sampling(self):
        a, b = (self.ask(temperature=1.5, top_p=0.9, random_seed=3, max_tokens=12).choices[0].message.content for _ in range(2))
        self.assertEqual(a, b)
        self.assertEqual(len(self.ask(n=2, temperature=1.5, max_tokens=4).choices), 2)
        self.assertNotIn("circle", self.ask(about(), temperature=0, stop="circle").choices[0].message.content)
        plain = self.ask(max_tokens=2, presence_penalty=1, frequency_penalty=1, top_k=9, min_tokens=1, repetition_penalty=1.1)
        safe = self.ask(max_tokens=2, safe_prompt=True)
        self.assertGreater(safe.usage.prompt_tokens, plain.usage.prompt_tokens)

    def test_prefix(self):
        got = self.ask(about() + [{"role": "assistant", "content": "A blue", "prefix": True}], temperature=0)
        self.assertTrue(got.choices[0].message.content.startswith("A blue"))

    def test_tools(self):
        got = self.ask(tools=[WEATHER], tool_choice="any", parallel_tool_calls=False, temperature=0).choices[0]
        self.assertEqual(got.finish_reason, "tool_calls")
        call = got.message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn(json.loads(call.function.arguments)["unit"], ("C", "F"))
        back = HELLO + [got.message, {"role": "tool", "name": "get_weather", "tool_call_id": call.id, "content": "22"}]
        self.assertTrue(self.ask(back, tools=[WEATHER], max_tokens=8).choices)

    def test_tools_streamed(self):
        calls = []
        for event in self.client.chat.stream(model="pixtral-12b-2409", messages=HELLO, tools=[WEATHER], tool_choice="any", parallel_tool_calls=False, temperature=0):
            calls += event.data.choices[0].delta.tool_calls or []
        self.assertEqual([call.function.name for call in calls], ["get_weather"])

    def test_json(self):
        class Shape(pydantic.BaseModel):
            shape: typing.Literal["circle", "square"]
            sure: bool

        got = self.client.chat.parse(Shape, model="pixtral-12b-2409", messages=about(), temperature=0)
        self.assertIsInstance(got.choices[0].message.parsed, Shape)
        got = self.ask(response_format={"type": "json_object"}, max_tokens=100, temperature=0)
        self.assertTrue(got.choices[0].message.content.strip().startswith("{"))

    def test_logprobs(self):
        self.assertTrue(self.ask(about(), temperature=0, logprobs=True, top_logprobs=2).choices)

    def test_models(self):
        self.assertIn("pixtral-12b-2409", [m.id for m in self.client.models.list().data])
        card = self.client.models.retrieve(model_id="pixtral-12b-2409")
        self.assertTrue(card.capabilities.vision and card.capabilities.function_calling)

    def test_errors(self):
        with self.assertRaises(errors.SDKError) as e:
            Mistral(api_key="another-key", server_url=BASE).chat.complete(model="pocket", messages=HELLO)
        self.assertEqual(e.exception.status_code, 401)
        with self.assertRaises(errors.SDKError) as e:
            self.client.chat.complete(model="mistral-large", messages=HELLO)
        self.assertEqual(e.exception.status_code, 404)
        with self.assertRaises(errors.MistralError) as e:
            self.ask(temperature=3)
        self.assertEqual(e.exception.status_code, 400)
        self.assertIn("must be 0 to 2", e.exception.body)
