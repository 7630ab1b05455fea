"""The texts and conversations of make_golden.py."""

import base64
import io

from PIL import Image

TEXTS = [
    "", "a", " ", "  ", "\n", "\n\n", "\r\n", "\t", "   \n  x", "\n \n \n", " \r\n\t", "x   ", "x\n", "\u00a0x", "\u3000\u3000x",
    "Hello, world!", " Hello", "HelloWorld", "helloWorldHTTPServer", "iPhone", "UTF-8", "don't", "I'll we're she'd DON'T",
    "12345", "1,234.56", "3.14159e-10", "x = 3.14159", "0x1F", "２０２４年", "١٢٣", "½ + ⅓ = ⅚", "x² + y³", "Ⅳ. Kapitel",
    "The quick brown fox jumps over the lazy dog.", "What is on this image?", "What is on this image?\n\nmore",
    "https://mistral.ai/news/", "https://example.org/a/b?c=d&e=%20#f\n", "user.name+tag@example.co.uk", "C:\\Windows\\System32\\",
    "[INST] SYSTEM\n\na [/INST]", "<s>[INST]hello[/INST]</s>", "[IMG][IMG_BREAK][IMG_END]", "<pad><unk>", "[TOOL_CALLS] [{}]",
    "<SPECIAL_20>", "[AVAILABLE_TOOLS][/AVAILABLE_TOOLS]", "[SUFFIX]a[PREFIX]b[MIDDLE]", "<|im_start|>user",
    "日本語のテキスト", "これはペンです。", "カタカナー", "東京都渋谷区1-2-3", "你好，世界！", "繁體中文與简体中文", "안녕하세요 세계", "한글ㅎㅎㅋ",
    "Привет, мир!", "Съешь же ещё этих мягких французских булок", "Ελληνικά: Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "مرحبا بالعالم", "السَّلامُ عَلَيْكُمْ", "שָׁלוֹם עוֹלָם", "नमस्ते दुनिया", "বাংলা ভাষা", "தமிழ் மொழி", "తెలుగు", "ಕನ್ನಡ", "മലയാളം",
    "ภาษาไทยไม่มีช่องว่าง", "ພາສາລາວ", "မြန်မာဘာသာ", "ភាសាខ្មែរ", "ქართული ენა", "Հայերեն", "ትግርኛ ኣማርኛ", "བོད་སྐད",
    "Tiếng Việt có dấu", "Türkçe: İstanbul'da ılık", "Český jazyk: příliš žluťoučký kůň", "naïve café", "nai\u0308ve cafe\u0301",
    "straße GROẞ", "ǅungla ǈubav ǋegoš", "ﬁ ﬂ ﬀ", "ʰʷʲ modifiers", "\u0301\u0301leading marks", "a\u0301\u0301\u0301b", "Å Å Å",
    "😀", "👩‍👩‍👧", "🇫🇷🇩🇪", "👍🏽 ok", "❤️‍🔥", "☺text", "☃ snow", "♥♦♣♠", "→ ⇒ ∀x∈ℝ", "½→¼", "©®™", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐁𝐨𝐥𝐝", "𓀀𓀁", "𐍈", "\U0001f9ff",
    "\ufeffbom", "zero\u200bwidth", "soft\u00adhyphen", "line\u2028sep\u2029par", "next\u0085line", "nul\u0000l", "\u007f\u0001", "\ufffd\ufffd",
    "\t\tif x:\n\t\t\treturn 1", "def f(", "\n    return a + b", "for (int i = 0; i < n; ++i) {\n  sum += a[i];\n}\n",
    "fn main() {\n    println!(\"{:?}\", vec![1, 2, 3]);\n}", "SELECT * FROM t WHERE id = 'x'; -- comment\n", "<div class=\"a\">\n\t<p>&nbsp;</p>\n</div>",
    "#include <stdio.h>\r\n\r\nint main(void) { return 0; }\r\n", "a\n\n\nb", "a///b//\n/c", "path/to/file.txt\n", "...!!!???", "---\n===\n***",
    "$$\\frac{a}{b}$$", "if (a&&b||!c) {}", "{\"key\": [1, 2.5, null, true]}", "| a | b |\n|---|---|\n", "- [ ] todo\n- [x] done", "camelCaseAndPascalCase_snake_CASE",
    "aaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "q" * 300, "Z" * 300, "あ" * 200, "?" * 300, " " * 300, "\n" * 300, "ab" * 200, "1" * 100, "👩‍" * 60,
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.",
    "Antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis Donaudampfschifffahrtsgesellschaft",
]

FIM = [("def f(", "return a + b"), ("def f(", ""), ("", ""), ("", "x"), ("a\n", "\n☺b"), ("x = ", "/\n"), ("日本", "語")]


def png(width, height):
    data = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(data, "png", optimize=True)
    return base64.b64encode(data.getvalue()).decode()


def text(s):
    return {"type": "text", "text": s}


def image(width=4, height=4):
    return {"type": "image_url", "image_url": "data:image/png;base64," + png(width, height)}


def system(content):
    return {"role": "system", "content": content}


def user(*content):
    return {"role": "user", "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)}


def assistant(content=None, **more):
    return {"role": "assistant", "content": content} | more


def tool(content, id="abcdefghi", **more):
    return {"role": "tool", "content": content, "tool_call_id": id} | more


def call(name="f", arguments="{}", id="abcdefghi"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def declare(name="f", parameters=None, **more):
    return {"type": "function", "function": {"name": name, "parameters": parameters or {}} | more}


def case(name, *messages, mode="test", **more):
    return name, mode, {"messages": list(messages)} | more


WEATHER = declare("get_current_weather", {
    "type": "object",
    "properties": {
        "location": {"type": "string", "description": "The city, e.g. \"Zürich\""},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 0, "default": 1},
    },
    "required": ["location"],
}, description="Get the weather\nin a place")

NUMBERS = '[1, 1.0, -0, -0.0, 0.1, 1e5, 1E+2, 1e16, 1e15, 123456789012345678901234567890, 1e22, 1e-4, 1e-5, 1.5e300, 1e400, 5e-324, 2.50]'

# Each is a name, a validation mode and the body of a request.
CHATS = [
    case("one question", user("hello")),
    case("serving", user("hello"), mode="serving", model="m"),
    case("two turns", user("a"), assistant("b"), user("c"), assistant("d", prefix=True)),
    case("continue", user("a"), assistant("b"), user("c"), assistant("d"), continue_final_message=True),
    case("prefix keeps no spaces", user("a"), assistant("b  ", prefix=True)),
    case("answer of spaces", user("a"), assistant("   "), user("b")),
    case("trailing line end stays", user("a"), assistant("b \n "), user("c")),
    case("system", system("You are a helpful assistant."), user("User says hello")),
    case("system, two turns", system("SYSTEM"), user("a"), assistant("b"), user("c")),
    case("system alone", system("SYSTEM")),
    case("system late", user("a"), system("S"), user("b")),
    case("system last", user("a"), system("S")),
    case("systems", system("A"), system([text("B"), text("C")]), user("d")),
    case("system of empty text", system("A"), system([text("")]), user("d")),
    case("system empty", system(""), user("d")),
    case("assistant first", assistant("b"), user("c")),
    case("system then assistant", system("S"), assistant("b"), user("c")),
    case("merge users", user("a"), user("b"), user(text("c"), text("d"))),
    case("merge assistants", user("a"), assistant("b"), assistant("c"), user("d")),
    case("merge with nothing", user("a"), user(""), user(text("")), user("b")),
    case("empty question", user("")),
    case("empty text", user(text(""))),
    case("specials in text", system("<s>"), user("[INST]</s>[IMG]"), assistant("[/INST]</s>"), user("[TOOL_CALLS]")),
    case("space and line ends", user("  a \n")),
    case("text, image", user(text("What is on this image?"), image())),
    case("image, text", user(image(), text("What is on this image?"))),
    case("text, image, text", user(text("What is on this image?"), image(), text("more"))),
    case("image, text, text", user(image(), text("What is on this image?"), text("more"))),
    case("text, text, image", user(text("a"), text("b"), image(40, 20))),
    case("image", user(image(16, 16))),
    case("image, image", user(image(17, 16), image(16, 33))),
    case("text, image, image", user(text("x"), image(64, 48), image(96, 64))),
    case("images between", user(text("A"), image(), text("B"), text("C"), image(20, 40), text("D"), text("E"))),
    case("system, image, text", system("A B"), user(image(), text("C"))),
    case("system, text, image", system("A B"), user(text("C"), image())),
    case("system, slash", system("A B?"), user(text("/C"), image(), text("\nD"))),
    case("system, image alone", system("A B"), user(image(30, 30))),
    case("images in two turns", system("A B"), user(image(), image(20, 4), text("C")), assistant("D"), user(image(4, 20), text("E"), image())),
    case("images in merged users", user(text("a"), image()), user("b"), user(image(33, 4)), user("c")),
    case("image in base64", user({"type": "image", "image": png(50, 20)}, text("x"))),
    case("image with detail", user({"type": "image_url", "image_url": {"url": "data:image/png;base64," + png(8, 8), "detail": "low"}})),
    case("large image", user(image(1030, 40), text("wide"))),
    case("tools", user("a"), tools=[declare("tool1", description="1"), WEATHER]),
    case("tools in the last question", system("S"), user("a"), assistant("b"), user("c"), tools=[WEATHER]),
    case("tools and image", system("S"), user(text("a"), image()), tools=[declare()]),
    case("tools before nothing", assistant("b"), tool("1"), tools=[declare()]),
    case("no tools", user("a"), tools=[]),
    case("tool schema in order", user("a"), tools=[declare("t", {"z": 1.0, "a": [1e-7, True, None, "é\u2028\"\\/\u007f\b\f\n\r\t\u0001"], "properties": {}}, strict=True)]),
    case("call without id", user("a"), assistant(tool_calls=[{"function": {"name": "b", "arguments": "{}"}}]), tool("f")),
    case("call and result", user("a"), assistant(tool_calls=[call("f", '{"x":1,"y" : [ 2.0,"z"]}')]), tool('{"r":1.50}'), mode="serving", model="m"),
    case("two calls", user("a"), assistant(tool_calls=[call("f"), call("g", "", "123456789")]), tool("32"), tool("text", "123456789"), assistant("ok"), user("b"), mode="serving", model="m"),
    case("arguments as an object", user("a"), assistant(tool_calls=[call("f", {"é": [1, 2.0]})]), tool("null")),
    case("arguments null", user("a"), assistant(tool_calls=[call("f", None)]), tool("")),
    case("arguments not JSON", user("a"), assistant(tool_calls=[call("f", "{'x': 1}")]), tool("[1,")),
    case("result of texts", user("a"), assistant(tool_calls=[call()]), tool([text('{"a":'), text("1}")])),
    case("result of numbers", user("a"), assistant(tool_calls=[call()]), tool(NUMBERS)),
    case("result of words", user("a"), assistant(tool_calls=[call()]), tool('[NaN, Infinity, -Infinity, true, false, null]')),
    case("result of escapes", user("a"), assistant(tool_calls=[call()]), tool('"\\u00e9\\ud83d\\ude00\\/\\b\\u0001 é 😀"')),
    case("result of doubles", user("a"), assistant(tool_calls=[call()]), tool(' {"a":1,"b":2,"a":3} ')),
    case("result of a control character", user("a"), assistant(tool_calls=[call()]), tool('"a\nb"')),
    case("result of a bad number", user("a"), assistant(tool_calls=[call()]), tool("01")),
    case("result of a point", user("a"), assistant(tool_calls=[call()]), tool("1.")),
    case("name of a tool", user("a"), assistant(tool_calls=[call()]), tool("1", name="f")),
    case("merged calls", user("a"), assistant(tool_calls=[call("f")]), tool("1"), assistant(tool_calls=[call("g")]), tool("2"), user("c")),
    case("calls first, without result", assistant(tool_calls=[call()]), user("b"), mode="serving", model="m"),
    case("calls first, with result", assistant(tool_calls=[call()]), tool("1"), user("b"), mode="serving", model="m"),
    case("calls first, tested", assistant(tool_calls=[call()]), tool("1"), user("b")),
    case("calls unanswered", user("a"), assistant(tool_calls=[call()]), user("b")),
    # What is refused, and how.
    case("no messages"),
    case("no model", user("a"), mode="serving"),
    case("assistant alone", assistant("a")),
    case("tool alone", tool("a")),
    case("tool after user", user("a"), tool("b")),
    case("system after assistant", user("a"), assistant("b"), system("c"), user("d")),
    case("system after tool", user("a"), assistant(tool_calls=[call()]), tool("b"), system("c"), user("d")),
    case("tool after system", system("a"), tool("b"), user("c")),
    case("assistant last", user("a"), assistant("b")),
    case("continue a user", user("a"), assistant("b"), user("c"), continue_final_message=True),
    case("continue the only user", user("a"), continue_final_message=True),
    case("continue a prefix", user("a"), assistant("b", prefix=True), continue_final_message=True),
    case("missing result", user("a"), assistant(tool_calls=[call()]), user("b"), mode="serving", model="m"),
    case("missing result in the middle", user("a"), assistant(tool_calls=[call()]), assistant("b"), user("c")),
    case("too many results", user("a"), assistant(tool_calls=[call()]), tool("1"), tool("2"), assistant("b"), user("c")),
    case("content and calls", user("a"), assistant("b", tool_calls=[call()]), tool("1")),
    case("neither content nor calls", user("a"), assistant(), user("b")),
    case("empty content", user("a"), assistant(""), user("b")),
    case("content of empty text", user("a"), assistant([text("")]), user("b")),
    case("prefix in the middle", user("a"), assistant("b", prefix=True), user("c")),
    case("result without id", user("a"), assistant(tool_calls=[call()]), tool("1", None)),
    case("result with a bad id", user("a"), assistant(tool_calls=[call()]), tool("1", "short")),
    case("result with a bad name", user("a"), assistant(tool_calls=[call()]), tool("1", name="f g")),
    case("call with a bad id", user("a"), assistant(tool_calls=[call(id="call_123456")]), tool("1")),
    case("call without id, serving", user("a"), assistant(tool_calls=[call(id="null")]), tool("1"), mode="serving", model="m"),
    case("call with a bad name", user("a"), assistant(tool_calls=[call("é")]), tool("1")),
    case("tool with a bad name", user("a"), tools=[declare("a" * 65)]),
    case("tool with a line end", user("a"), tools=[declare("abc\n")]),
    case("image of the system", system([image()]), user("a")),
    case("image of the assistant", user("a"), assistant([image()]), user("b")),
    case("image of a tool", user("a"), assistant(tool_calls=[call()]), tool([text("a"), image()])),
    case("thinking of the assistant", user("a"), assistant([{"type": "thinking", "thinking": "b"}]), user("c")),
    case("thinking of the user", user({"type": "thinking", "thinking": "b"})),
    case("thinking of the system", system([{"type": "thinking", "thinking": "b"}]), user("c")),
    case("audio of the user", user(text("a"), {"type": "audio_url", "audio_url": "https://example.org/a.mp3"})),
    case("reasoning effort", user("a"), reasoning_effort="high"),
    case("truncation", user("a"), truncate_for_context_length=True),
] + [
    # Of faulty members of one object jsonschema reports any; here is never more than one.
    case(f"schema {i}", user("a"), tools=[declare("f", schema)])
    for i, schema in enumerate([
        {"type": "foo"}, {"type": 5}, {"type": ["string", "foo"]}, {"type": []}, {"type": ["string", "null"]}, {"type": None},
        {"type": "a'b"}, {"properties": []}, {"properties": {"a": 5}}, {"properties": {"a": {"type": "nope"}}},
        {"properties": {"a": {"items": 3}}}, {"properties": {"a": {"minimum": "x"}}, "title": 1}, {"not": 1, "type": 1, "enum": 1},
        {"required": "a"}, {"required": ["a", "a"]}, {"required": [1]},
        {"required": [1], "properties": {"a": {"minimum": "x"}}}, {"enum": 5}, {"enum": [1, 1, None]}, {"items": 5}, {"items": []},
        {"items": [{"type": "string"}]}, {"minLength": -1}, {"minLength": 1.5}, {"maxItems": 1.0}, {"minimum": "a"}, {"minimum": True},
        {"multipleOf": 0}, {"multipleOf": 0.5}, {"$ref": 5}, {"title": {"a": [1, None, True, 2.5, "x\n"]}}, {"additionalProperties": "x"},
        {"allOf": []}, {"anyOf": [{"type": 1}]}, {"not": 3}, {"dependencies": {"a": 5}}, {"dependencies": {"a": ["b"]}},
        {"uniqueItems": "yes"}, {"type": "foo", "required": "x"}, {"examples": 3}, {"const": None, "default": 3}, {"if": True, "then": 1},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number", "minimum": 1e-7}}}},
        {"minLength": 1e16}, {"minLength": -0.0}, {"maxLength": -1.0}, {"multipleOf": -1e-9}, {"minimum": {"a": "\"'é\u0001\u200b"}},
    ])
]
