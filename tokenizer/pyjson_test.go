package tokenizer

import (
	"strings"
	"testing"
)

// TestPythonJSON holds json.dumps(json.loads(x), ensure_ascii=False) of Python
// 3.11 against ours; "" is a JSONDecodeError there.
func TestPythonJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{` {"b":1,"a":[ ],"b":{} } `, `{"b": {}, "a": []}`}, // a key keeps its place, and its last value
		{`[1,1.0,-0,-0.0,1e5,1E+2]`, `[1, 1.0, 0, -0.0, 100000.0, 100.0]`},
		{`[1e15,1e16,123456789012345678.0]`, `[1000000000000000.0, 1e+16, 1.2345678901234568e+17]`},
		{`[1e-4,1e-5,0.00012345]`, `[0.0001, 1e-05, 0.00012345]`},
		{`[1e400,-1e400,1e-400]`, `[Infinity, -Infinity, 0.0]`},
		{`[NaN,Infinity,-Infinity]`, `[NaN, Infinity, -Infinity]`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`},
		{`"\u00e9\ud83d\ude00\/\"\\\b\f\n\r\t\u0001\u007f"`, `"é😀/\"\\\b\f\n\r\t\u0001` + "\x7f" + `"`},
		{`"\ud83d"`, `"` + "\ufffd" + `"`}, // half a pair: what the tokenizer makes of it
		{`"\ud83dx\ude00"`, `"` + "\ufffdx\ufffd" + `"`},
		{`"\ud83d\ud83d\ude00"`, `"` + "\ufffd😀" + `"`},
		{`true`, `true`}, {`null`, `null`}, {`""`, `""`}, {`{"":0}`, `{"": 0}`},
		{``, ``}, {`01`, ``}, {`1.`, ``}, {`.5`, ``}, {`+1`, ``}, {`-`, ``}, {`1e`, ``}, {`--1`, ``}, {`0x1`, ``},
		{`[1,]`, ``}, {`{"a":1,}`, ``}, {`{a:1}`, ``}, {`{"a" 1}`, ``}, {`{1:2}`, ``}, {`[1`, ``}, {`[1}`, ``}, {`{"a":`, ``},
		{`"a`, ``}, {"\"a\nb\"", ``}, {`"\x"`, ``}, {`"\u12"`, ``}, {`"\u12g4"`, ``}, {`"\`, ``}, {`tru`, ``}, {`nul`, ``},
		{`1 2`, ``}, {"\ufeff1", ``}, {"\u00a01", ``}, {"\"\\\x00\"", ``},
	} {
		v, err := loads(c.in)
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v, want %s", c.in, err, c.want)
			}
			continue
		}
		if got := dumps(v); got != c.want {
			t.Errorf("%s: got %s, want %q", c.in, got, c.want)
		}
	}
	for depth, want := range map[int]error{900: nil, 1000: errDepth, 1_000_000: errDepth} {
		if _, err := loads(strings.Repeat("[", depth) + strings.Repeat("]", depth)); err != want {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}
