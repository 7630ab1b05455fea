package web

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A malformed request, by what is wrong with it.
type malformed struct {
	name, path, body string
}

// with is a chat request with one more field.
func with(field string) string { return `{"max_tokens": 1, ` + hello + `, ` + field + `}` }

// said is a chat request of these messages.
func said(messages string) string { return `{"max_tokens": 1, "messages": [` + messages + `]}` }

// shown is a chat request about an image.
func shown(source string) string {
	url, _ := json.Marshal(source)
	return said(`{"role": "user", "content": [{"type": "image_url", "image_url": {"url": ` + string(url) + `}}]}`)
}

func dataURI(data []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
}

// malformedRequests are those that must all get 4xx.
func malformedRequests() (list []malformed) {
	const chat = "/v1/chat/completions"
	add := func(path, name string, bodies ...string) {
		for _, body := range bodies {
			list = append(list, malformed{name, path, body})
		}
	}
	for _, path := range []string{chat, "/v1/completions", "/tokenize", "/detokenize", "/inspect", "/inspect/image"} {
		add(path, "no JSON object", " ", "null", "[]", `"text"`, "17", "{", "}", "{]", `{"messages"`, `{"messages":`, `{"messages": [}`, "{'messages': []}", "{messages: []}",
			"\ufeff{}", "{}{}", `{"a": 1,}`, "{} // no", "<xml/>", "messages=1", strings.Repeat("[", 200_000), `{"a":`+strings.Repeat(`[`, 200_000), strings.Repeat(`{"a":`, 200_000), "{\"messages\": \"\x01\"}", `{"model": "\u12"}`)
		add(path, "nothing that it needs", "{}")
	}
	add(chat, "no number", with(`"temperature": NaN`), with(`"temperature": Infinity`), with(`"top_p": -Infinity`), with(`"seed": 0x10`), with(`"max_tokens": 01`), with(`"temperature": .5`), with(`"temperature": +1`), with(`"temperature": 1e999`), with(`"logit_bias": {"5": NaN}`))
	for _, field := range []string{"temperature", "top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty"} {
		for _, value := range []string{`"1"`, "[]", "{}", "true", "-3", "11", "1e300"} {
			add(chat, field, with(fmt.Sprintf("%q: %s", field, value)))
		}
		add("/v1/completions", field, fmt.Sprintf(`{"prompt": "x", "max_tokens": 1, %q: "high"}`, field))
	}
	for _, field := range []string{"max_tokens", "max_completion_tokens", "n", "top_k", "min_tokens", "seed", "random_seed", "top_logprobs"} {
		for _, value := range []string{`"1"`, "1.5", "[1]", "{}", "true", "1e30", "99999999999999999999"} {
			add(chat, field, with(fmt.Sprintf("%q: %s", field, value)))
		}
	}
	add(chat, "out of range", with(`"max_tokens": 0`), with(`"max_tokens": -1`), with(`"n": 0`), with(`"n": 1000000`), with(`"top_k": -2`), with(`"min_tokens": -1`), with(`"logprobs": true, "top_logprobs": 21`),
		with(`"logprobs": true, "top_logprobs": -1`), with(`"top_logprobs": 3`), with(`"repetition_penalty": 0`), with(`"max_completion_tokens": 0`), with(`"min_p": 1.5`))
	for _, field := range []string{"stream", "logprobs", "safe_prompt", "ignore_eos", "parallel_tool_calls", "echo", "return_token_ids"} {
		add(chat, field, with(fmt.Sprintf(`%q: "yes"`, field)), with(fmt.Sprintf("%q: 1", field)), with(fmt.Sprintf("%q: []", field)))
	}
	many := func(n int, value string) string { return "[" + strings.Repeat(value+",", n-1) + value + "]" }
	add(chat, "stop", with(`"stop": 1`), with(`"stop": {}`), with(`"stop": [1]`), with(`"stop": [""]`), with(`"stop": ""`), with(`"stop": [[]]`), with(`"stop": `+many(65, `"x"`)), with(`"stop": "`+strings.Repeat("x", 2000)+`"`))
	add(chat, "logit_bias", with(`"logit_bias": []`), with(`"logit_bias": {"x": 1}`), with(`"logit_bias": {"-1": 1}`), with(`"logit_bias": {"99999999": 1}`), with(`"logit_bias": {"5": 101}`), with(`"logit_bias": {"5": "1"}`), with(`"logit_bias": {"5": -1e9}`), with(`"logit_bias": {"1.5": 1}`))
	add(chat, "stream_options", with(`"stream_options": {"include_usage": true}`), with(`"stream": true, "stream_options": 1`), with(`"stream": true, "stream_options": {"include_usage": "yes"}`))
	add(chat, "model", with(`"model": "gpt-4"`), with(`"model": 1`), with(`"model": {}`), with(`"model": "`+strings.Repeat("x", 100_000)+`"`), with(`"model": "../../etc/passwd"`))
	add(chat, "not offered", with(`"functions": [{}]`), with(`"function_call": "auto"`), with(`"best_of": 2`), with(`"audio": {"voice": "x"}`), with(`"modalities": ["audio"]`), with(`"prediction": {"type": "content"}`), with(`"suffix": "x"`), with(`"chat_template": "{{"`), with(`"guided_grammar": "root ::= x"`))
	add(chat, "messages", `{}`, `{"messages": null}`, `{"messages": []}`, `{"messages": {}}`, `{"messages": "Hi"}`, `{"messages": 1}`, `{"messages": [1]}`, `{"messages": [null]}`, `{"messages": ["Hi"]}`, `{"messages": [[]]}`, `{"messages": [{}]}`)
	for _, role := range []string{`"robot"`, `""`, `1`, `null`, `["user"]`, `"USER"`, `"user "`, `"function"`} {
		add(chat, "role", said(`{"role": `+role+`, "content": "Hi"}`))
	}
	add(chat, "turns", said(`{"content": "Hi"}`), said(`{"role": "assistant", "content": "Hi"}`), said(`{"role": "tool", "content": "Hi"}`), said(`{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}`),
		said(`{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "abcdefghi", "content": "x"}`),
		said(`{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{}]}, {"role": "user", "content": "x"}`),
		said(`{"role": "user", "content": "Hi"}, {"role": "assistant"}`), said(`{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A", "prefix": "yes"}`))
	for _, content := range []string{"1", "true", "{}", "[1]", "[{}]", "[null]", "[[]]", `[{"type": 1}]`, `[{"type": "video"}]`, `[{"type": "input_audio", "input_audio": {}}]`, `[{"type": "text"}]`, `[{"type": "text", "text": 1}]`, `[{"type": "text", "text": null}]`,
		`[{"type": "image_url"}]`, `[{"type": "image_url", "image_url": null}]`, `[{"type": "image_url", "image_url": 1}]`, `[{"type": "image_url", "image_url": {}}]`, `[{"type": "image_url", "image_url": {"url": 1}}]`, `[{"type": "image_url", "image_url": []}]`, `[{"type": "image_url", "image_url": ""}]`,
		`[{"type": "image"}]`, `[{"type": "image", "image": 1}]`, `[{"type": "image", "image": ""}]`, `[{"type": "image", "image": {}}]`, `[{"text": "no type"}]`} {
		add(chat, "content", said(`{"role": "user", "content": `+content+`}`))
	}
	add(chat, "content", said(`{"role": "user"}`), said(`{"role": "user", "content": null}`), said(`{"role": "system", "content": [{"type": "image_url", "image_url": "data:,x"}]}, {"role": "user", "content": "x"}`))
	for _, tools := range []string{"1", `"f"`, "{}", "[1]", "[{}]", "[null]", `[{"type": "function"}]`, `[{"type": "retrieval", "function": {"name": "f"}}]`, `[{"type": "function", "function": 1}]`, `[{"type": "function", "function": {}}]`,
		`[{"type": "function", "function": {"name": ""}}]`, `[{"type": "function", "function": {"name": 1}}]`, `[{"type": "function", "function": {"name": "f g"}}]`, `[{"type": "function", "function": {"name": "f", "parameters": 1}}]`,
		`[{"type": "function", "function": {"name": "f", "parameters": []}}]`, `[{"type": "function", "function": {"name": "f", "parameters": "{}"}}]`, `[{"type": "function", "function": {"name": "` + strings.Repeat("f", 300) + `"}}]`,
		`[{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {"a": {"not": {}}}}}}]`, `[{"type": "function", "function": {"name": "f", "parameters": {"type": "objekt"}}}]`} {
		add(chat, "tools", with(`"tools": `+tools))
	}
	const f = `"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]`
	add(chat, "tool_choice", with(`"tool_choice": "required"`), with(f+`, "tool_choice": "maybe"`), with(f+`, "tool_choice": 1`), with(f+`, "tool_choice": []`), with(f+`, "tool_choice": {}`), with(f+`, "tool_choice": {"type": "function"}`),
		with(f+`, "tool_choice": {"type": "function", "function": {"name": "g"}}`), with(f+`, "tool_choice": {"type": "tool", "function": {"name": "f"}}`), with(`"tool_choice": {"type": "function", "function": {"name": "f"}}`))
	for _, format := range []string{"1", `"json_object"`, "{}", "[]", `{"type": "yaml"}`, `{"type": 1}`, `{"type": "json_schema"}`, `{"type": "json_schema", "json_schema": {}}`, `{"type": "json_schema", "json_schema": []}`, `{"type": "json_schema", "json_schema": {"name": "x", "schema": null}}`} {
		add(chat, "response_format", with(`"response_format": `+format))
	}
	deep := func(n int) string {
		return strings.Repeat(`{"type": "array", "items": `, n) + "{}" + strings.Repeat("}", n)
	}
	for _, schema := range []string{"1", `"x"`, "[]", `{"type": "thing"}`, `{"type": 1}`, `{"type": []}`, `{"type": "object", "properties": []}`, `{"type": "object", "required": "a"}`, `{"$ref": "http://169.254.169.254/schema"}`, `{"$ref": "#/nowhere"}`, `{"$ref": "file:///etc/passwd"}`,
		`{"$ref": "#"}`, `{"allOf": [{"$ref": "#"}]}`, `{"anyOf": []}`, `{"anyOf": {}}`, `{"enum": []}`, `{"enum": 1}`, `{"type": "string", "pattern": "("}`, `{"type": "string", "pattern": "(?=x)"}`, `{"type": "string", "pattern": "(a{1000}){1000}"}`, `{"type": "string", "minLength": -1}`, `{"type": "string", "minLength": 5, "maxLength": 2}`,
		`{"type": "array", "items": 1}`, `{"type": "integer", "minimum": "x"}`, `{"type": "integer", "minimum": 5, "maximum": 1}`, `{"not": {}}`, `{"if": {}, "then": {}}`, "false", deep(5000), `{"type": "string", "maxLength": 1e12, "minLength": 1e12}`} {
		add(chat, "schema", with(`"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": `+schema+`}}`))
	}
	add(chat, "guided", with(`"guided_json": "{"`), with(`"guided_json": 1`), with(`"guided_regex": "("`), with(`"guided_regex": 1`), with(`"guided_regex": "(?<=x)y"`), with(`"guided_regex": "((a{100}){100}){100}"`), with(`"guided_choice": []`), with(`"guided_choice": [1]`), with(`"guided_choice": "a"`), with(`"guided_choice": [""]`),
		with(`"guided_regex": "a", "response_format": {"type": "json_object"}`), with(`"guided_regex": "a", "guided_choice": ["a"]`))
	add(chat, "too much", said(`{"role": "user", "content": "`+strings.Repeat("word ", 5000)+`"}`), with(`"x": "`+strings.Repeat("x", 3<<20)+`"`), said(strings.TrimSuffix(strings.Repeat(`{"role": "user", "content": "x"},`, 5000), ",")))
	for _, image := range badImages() {
		add(chat, "image", shown(image))
	}
	for _, source := range forgeries {
		add(chat, "source of an image", shown(source))
	}
	add("/inspect/image", "source of an image", `{"image": "http://169.254.169.254/"}`, `{"image": "file:///etc/passwd"}`, `{"image": "!"}`)
	add("/tokenize", "source of an image", shown("http://127.0.0.1/"))
	add(chat, "too many images", said(`{"role": "user", "content": `+many(65, `{"type": "image_url", "image_url": "data:,x"}`)+`}`))
	add("/v1/completions", "prompt", `{"prompt": null}`, `{"prompt": 1}`, `{"prompt": {}}`, `{"prompt": []}`, `{"prompt": [[]]}`, `{"prompt": [1.5]}`, `{"prompt": [-1]}`, `{"prompt": [99999999]}`, `{"prompt": ["a", 1]}`, `{"prompt": [[1], "a", true]}`, `{"prompt": `+many(65, `"x"`)+`}`,
		`{"prompt": "`+strings.Repeat("word ", 5000)+`"}`, `{"prompt": "x", "logprobs": 21}`, `{"prompt": "x", "logprobs": -1}`, `{"prompt": "x", "logprobs": true}`, `{"prompt": "x", "n": 33}`, `{"prompt": "x", "best_of": 3}`, `{"prompt": "x", "suffix": "y"}`, `{"prompt": "x", "model": "davinci"}`, `{"prompt": [10]}`)
	add("/tokenize", "wrong", `{"prompt": 1}`, `{"prompt": "x", "messages": [{"role": "user", "content": "x"}]}`, `{"messages": [1]}`, `{"prompt": "x", "model": "y"}`, `{"prompt": "x", "add_special_tokens": "y"}`, said(`{"role": "robot", "content": "x"}`))
	add("/detokenize", "wrong", `{"tokens": 1}`, `{"tokens": ["x"]}`, `{"tokens": [-1]}`, `{"tokens": [99999999]}`, `{"tokens": [1.5]}`, `{"tokens": null}`, `{"tokens": [1], "model": "y"}`, `{"tokens": [9999999999999]}`)
	return list
}

// forgeries are sources of images that must lead nowhere, on a server that
// fetches from any host of the open internet.
var forgeries = []string{
	"http://127.0.0.1/", "http://localhost:8080/v1/models", "http://[::1]/", "http://0.0.0.0/", "http://10.0.0.1/x.png", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.100.100.200/", "http://[fd00:ec2::254]/",
	"http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://private.example/", "http://mixed.example/", "http://redirects.example/", "http://rebinds.example/",
	"http://user:pw@public.example/", "http://public.example:6379/", "ftp://public.example/x.png", "gopher://127.0.0.1/", "file:///etc/passwd", "file://localhost/etc/shadow", "file:///proc/self/environ", "javascript:alert(1)", "blob:http://x/y", "//127.0.0.1/x", "http://", "http://[", "HTTP://LOCALHOST/", "http://unknown.example/",
}

// badImages are those that are no images, or too much of one.
func badImages() (list []string) {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	header := func(width, height uint32) []byte {
		h := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
		return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(h, 8, 0, 0, 0, 0))...)
	}
	var zeros bytes.Buffer
	z := zlib.NewWriter(&zeros)
	z.Write(make([]byte, 20<<20))
	z.Close()
	bomb := append(append(header(60000, 60000), chunk("IDAT", zeros.Bytes())...), chunk("IEND", nil)...)
	thin := append(append(header(1<<30, 1), chunk("IDAT", zeros.Bytes())...), chunk("IEND", nil)...)
	short := append(append(header(100, 100), chunk("IDAT", zeros.Bytes()[:20])...), chunk("IEND", nil)...)
	var animated bytes.Buffer
	gif.Encode(&animated, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil)
	wide := bytes.Clone(animated.Bytes())
	binary.LittleEndian.PutUint16(wide[6:], 65535)
	binary.LittleEndian.PutUint16(wide[8:], 65535)
	jpeg := append([]byte{0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1}, 0xff, 0xd9)
	bmp := append([]byte("BM"), make([]byte, 60)...)
	binary.LittleEndian.PutUint32(bmp[10:], 54)
	binary.LittleEndian.PutUint32(bmp[14:], 40)
	binary.LittleEndian.PutUint32(bmp[18:], 1<<20)
	binary.LittleEndian.PutUint32(bmp[22:], 1<<20)
	binary.LittleEndian.PutUint16(bmp[26:], 1)
	binary.LittleEndian.PutUint16(bmp[28:], 24)
	webp := append([]byte("RIFF\x1e\x00\x00\x00WEBPVP8L\x11\x00\x00\x00\x2f"), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)
	tiff := []byte("II*\x00\x08\x00\x00\x00\x02\x00\x00\x01\x04\x00\x01\x00\x00\x00\xff\xff\xff\x7f\x01\x01\x04\x00\x01\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x00")
	for _, data := range [][]byte{
		bomb, thin, header(0, 0), header(0xffffffff, 0xffffffff), short, header(10, 10), wide, jpeg, bmp, webp, tiff, nil, {0}, []byte("\x89PNG\r\n\x1a\n"), []byte("GIF89a"), {0xff, 0xd8, 0xff},
		[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), []byte("%PDF-1.7"), []byte("PK\x03\x04"), bytes.Repeat([]byte{0xff}, 1000), []byte("\x1f\x8b\x08"), animated.Bytes()[:20],
	} {
		list = append(list, dataURI(data))
	}
	return append(list, "data:", "data:,", "data:image/png;base64", "data:image/png;base64,", "data:image/png;base64,!!!!", "data:image/png;base64,AAA", "data:image/png;base64,====", "data:image/png,%zz", "data:text/html,<script>", "AAAA", "no base64 at all!", strings.Repeat("A", 1<<20))
}

// inside is what only we know of, and no error says.
var inside = regexp.MustCompile(`json: |Go (struct|value)|tokenizer\.|sampling|wire[A-Z]|\b(int|float|uint)(32|64)`)

// What is wrong is told: 4xx, in OpenAI's shape, with a cause, quickly; nothing
// is dialled that must not be, and the server answers afterwards.
func TestMalformed(t *testing.T) {
	c := serve(t, shared(t), Options{ImageHosts: []string{"*"}, MaxBodyBytes: 2 << 20})
	n := newInternet(t, map[string][]string{
		"private.example": {"10.0.0.1"}, "mixed.example": {somewhere, "127.0.0.1"}, "redirects.example": {somewhere}, "public.example": {somewhere}, "rebinds.example": {somewhere, "then", "127.0.0.1"},
		"localhost": {"127.0.0.1"}, "2130706433": {"127.0.0.1"}, "0x7f.1": {"127.0.0.1"}, "0177.0.0.1": {"127.0.0.1"}, "127.1": {"127.0.0.1"},
	}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, map[bool]string{true: "http://127.0.0.1/", false: "http://rebinds.example/again"}[r.Host == "redirects.example"], http.StatusFound)
	})
	f := c.server.media.fetcher
	f.lookup, f.dial = n.lookup, n.dial
	list := malformedRequests()
	if len(list) < 200 {
		t.Errorf("%d requests", len(list))
	}
	before := c.server.engine.Stats().Requests
	for _, m := range list {
		a := c.ask("POST", m.path, m.body)
		if a.status < 400 || a.status > 499 {
			t.Errorf("%s %s, %s: %d %.200s", m.name, m.path, m.body[max(0, len(m.body)-160):], a.status, a.body)
		} else if e, err := a.asError(); err != nil {
			t.Errorf("%s %s, %s: %v", m.name, m.path, shorten(m.body), err)
		} else if strings.ContainsAny(e.Message, "\n\x00") || inside.MatchString(e.Message) || e.Param != nil && inside.MatchString(*e.Param) {
			t.Errorf("%s %s, %s: %q", m.name, m.path, shorten(m.body), e.Message)
		} else if testing.Verbose() {
			t.Logf("%d %-22s %-70s %s", a.status, m.name, shorten(m.body), e.Message)
		}
	}
	for _, d := range n.dials {
		if d != somewhere+":80" {
			t.Errorf("dialled %s", d)
		}
	}
	if after := c.server.engine.Stats().Requests; after != before {
		t.Errorf("%d of them reached the engine", after-before)
	}
	t.Logf("%d requests", len(list))
	c.alive()
}

// alive wants the server to answer a question.
func (c *client) alive() {
	c.t.Helper()
	c.get("GET", "/health", "", 200, nil)
	_, uri := picture(c.t, circle)
	if text := *c.chat(about(uri, "What is this?")).Choices[0].Message.Content; !strings.Contains(text, "red circle") {
		c.t.Errorf("the answer afterwards is %q", text)
	}
}

// Valid requests with bytes cut, changed, doubled or moved are answered or told
// what is wrong, never with a mistake of the server's.
func TestMutations(t *testing.T) {
	c := serve(t, shared(t), Options{})
	_, uri := picture(t, circle)
	bodies := map[string]string{
		"/v1/chat/completions": `{"max_tokens": 1, "temperature": 0.5, "stop": ["x"], "n": 1, "logprobs": true, "top_logprobs": 2, "logit_bias": {"300": 5}, "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}], ` +
			`"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "` + uri[:120] + `"}}]}]}`,
		"/v1/completions": `{"prompt": ["A", "B"], "max_tokens": 1, "logprobs": 2, "echo": true, "seed": 7, "stream": false}`,
		"/tokenize":       `{"messages": [{"role": "user", "content": "A"}], "return_token_strs": true}`,
		"/detokenize":     `{"tokens": [1, 3, 300, 400]}`,
	}
	rng, seen := rand.New(rand.NewPCG(1, 2)), map[int]int{}
	for path, body := range bodies {
		for range 150 {
			b := []byte(body)
			for range 1 + rng.IntN(3) {
				i, j := rng.IntN(len(b)), rng.IntN(len(b))
				switch rng.IntN(5) {
				case 0:
					b = b[:i+1]
				case 1:
					b[i] = byte(rng.IntN(256))
				case 2:
					b[i], b[j] = b[j], b[i]
				case 3:
					b = append(b[:i:i], b[min(i+1+rng.IntN(8), len(b)):]...)
				case 4:
					b = append(b[:i:i], append(bytes.Clone(b[min(i, j):max(i, j)]), b[i:]...)...)
				}
				if len(b) == 0 {
					b = []byte{' '}
				}
			}
			a := c.ask("POST", path, string(b))
			seen[a.status]++
			if a.status >= 500 {
				t.Errorf("%s %q: %d %s", path, b, a.status, a.body)
			} else if a.status >= 400 {
				if _, err := a.asError(); err != nil {
					t.Errorf("%s %q: %v", path, b, err)
				}
			}
		}
	}
	t.Logf("%v", seen)
	c.alive()
}
